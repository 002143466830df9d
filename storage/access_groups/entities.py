"""What groups, members and decisions are made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from storage.core.callers.visibility import EVERYONE
from storage.core.errors import InvalidRequest

ADMINISTRATORS = 2
"""The group of what administrators alone see; it has no members, for they see everything."""
BUILT_IN = frozenset({EVERYONE, ADMINISTRATORS})

MemberKind = Literal["account", "key", "oidc", "oidc-group", "peer"]
MEMBER_KINDS: tuple[MemberKind, ...] = get_args(MemberKind)
Origin = Literal["rule", "unmatched", "assigned", "emergency", "ordered"]
Unmatched = Literal["everyone", "administrators"]

_OF_PROVIDER = ("oidc", "oidc-group")


@dataclass(frozen=True)
class Member:
    """Someone who belongs to a group.

    `subject`: an account's name, a key's id, the `sub` or the name of a group of `issuer`, or
    a peer's name.
    """

    kind: MemberKind
    subject: str
    issuer: str = ""
    expires_at: datetime | None = None

    @property
    def unique_subject(self) -> str:
        return f"{self.issuer} {self.subject}" if self.issuer else self.subject


def member_kind(name: str) -> MemberKind:
    """Raises InvalidRequest where there is no such kind."""
    for kind in MEMBER_KINDS:
        if name == kind:
            return kind
    raise InvalidRequest(
        f"'{name}' is not a kind of member.", remedy=f"Choose among {', '.join(MEMBER_KINDS)}."
    )


def read_member(kind: str, unique_subject: str, expires_at: datetime | None) -> Member:
    issuer, _, subject = unique_subject.partition(" ") if kind in _OF_PROVIDER else ("", "", "")
    return Member(member_kind(kind), subject or unique_subject, issuer, expires_at)


def check_member(member: Member) -> None:
    """Raise InvalidRequest where the member cannot be anybody."""
    if not member.subject or len(member.unique_subject) > 600:
        raise InvalidRequest(
            "A member has a subject of 1 to 600 characters.",
            remedy="Name the account, the key, the person or group at the provider, or the peer.",
        )
    if (member.kind in _OF_PROVIDER) is not bool(member.issuer):
        raise InvalidRequest(
            f"A member of the kind '{member.kind}' and the issuer '{member.issuer}' do not fit.",
            remedy="People and groups of an identity provider have its https:// address as issuer;"
            " accounts, keys and peers have none.",
        )


@dataclass(frozen=True)
class AccessGroup:
    group_id: int
    name: str
    description: str
    rule: Mapping[str, Any] | None
    member_count: int
    study_count: int

    @property
    def is_built_in(self) -> bool:
        return self.group_id in BUILT_IN


@dataclass(frozen=True)
class AccessState:
    """`rules_version` grows with each change of a rule; each study notes which decided on it."""

    is_enforced: bool
    rules_version: int
    unmatched: Unmatched


@dataclass(frozen=True)
class Progress:
    """How many studies the rules in force have been applied to."""

    studies: int
    waiting: int
