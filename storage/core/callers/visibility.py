"""What a caller's access groups let it see: set for one request, obeyed by every statement.

Set once for a request or an association; everything that reads the index meanwhile sees the
studies of these groups alone (`storage.db.visible_rows`). None: the node itself, or an
administrator, who sees everything.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from storage.core.callers.identity import Identity

EVERYONE = 1
"""The access group to which every person, key and peer belongs."""


@dataclass(frozen=True, slots=True)
class Visibility:
    """`identity_id` is that of `Identity.id`: what belongs to no study belongs to who made it."""

    identity_id: str
    group_ids: tuple[int, ...]
    sees_unmatched: bool
    """Whether this one sees what no rule of a group could be asked about."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, with the groups that its identity provider named."""

    kind: str
    unique_subject: str
    issuer: str = ""
    claimed_groups: tuple[str, ...] = ()

    @classmethod
    def of(cls, identity: Identity, claimed_groups: tuple[str, ...] = ()) -> "Caller":
        return cls(identity.kind, identity.unique_subject, identity.issuer, claimed_groups)

    @property
    def identity_id(self) -> str:
        return f"{self.kind}:{self.unique_subject}"


def read_caller(kept: Mapping[str, Any]) -> Caller:
    """From what `asdict` made of it."""
    return Caller(**{**kept, "claimed_groups": tuple(kept["claimed_groups"])})


_VISIBILITY: ContextVar[Visibility | None] = ContextVar("visibility", default=None)


def current_visibility() -> Visibility | None:
    return _VISIBILITY.get()


@contextmanager
def limited_to(visibility: Visibility | None) -> Iterator[None]:
    """Everything inside sees what the caller may see."""
    token = _VISIBILITY.set(visibility)
    try:
        yield
    finally:
        _VISIBILITY.reset(token)


@contextmanager
def as_node() -> Iterator[None]:
    """What the node does for its own sake within somebody's request, such as storing an instance.

    Nothing that is read inside may reach the answer.
    """
    with limited_to(None):
        yield
