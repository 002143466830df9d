"""What somebody who asks may see: `storage.core.callers.visibility` for each request."""

import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from anyio.to_thread import run_sync
from sqlalchemy import Engine
from starlette.requests import HTTPConnection

from api.access.authenticator import Authenticator
from api.access.openid_connect.strength import InsufficientAuthentication
from api.access.principal import LOCAL, Principal, principal_of
from api.access.rule_index import RuleIndex
from storage.access_groups.visibility import visibility_of
from storage.core.callers.visibility import Caller, Visibility, limited_to

P = ParamSpec("P")
R = TypeVar("R")

_FRESH_S = 1.0
_MOST = 4096


class AccessEnded(Exception):
    """The session has ended, the key was revoked, or the role that the address needs was taken."""


class CallerVisibility:
    """What was found out counts for a second, as for `Authenticator`.

    Administrators see everything: they could give themselves any group.
    """

    def __init__(self) -> None:
        self._known: dict[Caller, tuple[Visibility | None, float]] = {}

    async def of(self, engine: Engine, principal: Principal | None) -> Visibility | None:
        """None for who sees everything. Raises StorageUnavailable."""
        known, visibility = self._recall(principal)
        return visibility if known else await run_sync(self.now, engine, principal)

    def now(self, engine: Engine, principal: Principal | None) -> Visibility | None:
        """The same where it may block."""
        known, visibility = self._recall(principal)
        if known or principal is None:
            return visibility
        caller = caller_of(principal)
        visibility = visibility_of(engine, caller)
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[caller] = (visibility, time.monotonic() + _FRESH_S)
        return visibility

    def _recall(self, principal: Principal | None) -> tuple[bool, Visibility | None]:
        if principal is None or principal.is_administrator:
            return True, None
        visibility, until = self._known.get(caller_of(principal), (None, 0.0))
        return until > time.monotonic(), visibility

    def forget(self) -> None:
        """Groups were changed in this process."""
        self._known.clear()


def caller_of(principal: Principal) -> Caller:
    return Caller.of(principal.identity, principal.groups)


def nobody(principal: Principal | None) -> Visibility | None:
    """Who sees no study, where it cannot be found out what somebody may see."""
    if principal is None or principal.is_administrator:
        return None
    return Visibility(principal.identity.id, (), sees_unmatched=False)


def as_caller(
    connection: HTTPConnection, read: Callable[P, R], *args: P.args, **kwargs: P.kwargs
) -> R:
    """`read` with what the caller may see by now: an answer without end outlives its request's.

    Raises AccessEnded, StorageUnavailable. Blocks.
    """
    state = connection.app.state
    visibility = state.caller_visibility.now(state.storage.engine, present_principal(connection))
    with limited_to(visibility):
        return read(*args, **kwargs)


def present_principal(connection: HTTPConnection) -> Principal | None:
    """Who asks, with the roles of now: a connection may stay open for days.

    An open connection is no use of a session, which ends for idleness all the same.
    Raises AccessEnded where its credential does not open it any more, StorageUnavailable. Blocks.
    """
    at_first = principal_of(connection.scope)
    if at_first is None or at_first is LOCAL:
        return at_first
    state = connection.app.state
    authenticator: Authenticator = state.authenticator
    credential = authenticator.credential(connection.headers)
    if credential is None:
        raise AccessEnded
    now = authenticator.recall(credential)
    if now is None:
        try:
            now = authenticator.identify(state.storage, credential, is_use=False)
        except InsufficientAuthentication as error:
            raise AccessEnded from error
    rules: RuleIndex = state.rules
    rule = rules.find(connection.scope.get("method", "WEBSOCKET"), connection.scope["path"])
    if now is None or now.step or rule is None or not rule.allows(now):
        raise AccessEnded
    return now
