"""Who asks: one value that every layer, route and audit line reads."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import HTTPConnection
from starlette.types import Scope

from storage.accounts.sessions import SignInStep
from storage.core.callers import identity
from storage.core.callers.identity import Identity, IdentityKind
from storage.core.callers.roles import ROLES, SCOPES, AccessScope, Role
from storage.core.sources import of_note

__all__ = [
    "LOCAL",
    "ROLES",
    "SCOPES",
    "AccessScope",
    "OptionalPrincipalDep",
    "Principal",
    "PrincipalDep",
    "Role",
    "principal_of",
]


@dataclass(frozen=True)
class Principal:
    """Someone who may ask: a person's account, a key of a program, or anybody at this machine.

    `scopes` narrow what the roles allow; a person has all of them. `session_hash` is
    set for one who came by a cookie, and so must prove that the page is ours.
    """

    identity: Identity
    roles: frozenset[Role]
    scopes: frozenset[AccessScope] = SCOPES
    session_hash: str = field(default="", repr=False)
    step: SignInStep = ""
    """What is missing of the sign-in; until then nothing but that step is allowed."""
    groups: tuple[str, ...] = ()
    """Of the identity provider; they may belong to access groups."""
    provider_session_id: str = field(default="", repr=False)
    """Of the session there, of one who comes from it just now."""

    @property
    def kind(self) -> IdentityKind:
        return self.identity.kind

    @property
    def name(self) -> str:
        """As people read it; compares nothing."""
        return self.identity.name

    @property
    def is_person(self) -> bool:
        """Whether somebody has signed in at a browser.

        Keys are programs, and so is who brings an access token: it is given to programs,
        with or without a person behind them. Without sign-in nobody knows who it is.
        """
        return self.kind in ("account", "oidc") and bool(self.session_hash)

    @property
    def is_administrator(self) -> bool:
        """Whether access groups narrow nothing, and the work of others is theirs to see."""
        return "admin" in self.roles

    def has_any(self, roles: Iterable[Role]) -> bool:
        return not self.roles.isdisjoint(roles)


def source_of_notes(principal: Principal, way: str) -> str:
    """`source` of a Key Object Selection that comes by that way.

    A rejection note hides images, so it asks for what deleting them does.
    """
    may_reject = principal.is_administrator and "admin" in principal.scopes
    return of_note(way, principal.name, may_reject=may_reject)


LOCAL = Principal(identity.LOCAL, ROLES)
"""Everybody at this machine, where the node runs without sign-in."""


def principal_of(scope: Scope) -> Principal | None:
    """Who asks, None for one who has not signed in at an address that is open to all."""
    state: dict[str, Any] = scope.get("state") or {}
    found = state.get("principal")
    return found if isinstance(found, Principal) else None


def _required(connection: HTTPConnection) -> Principal:
    found = principal_of(connection.scope)
    if found is None:
        # Addresses that need someone never get here without: the middleware has refused.
        raise RuntimeError("a route that is open to all asked for a principal")
    return found


def _optional(connection: HTTPConnection) -> Principal | None:
    return principal_of(connection.scope)


PrincipalDep = Annotated[Principal, Depends(_required)]
OptionalPrincipalDep = Annotated[Principal | None, Depends(_optional)]
