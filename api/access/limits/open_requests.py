"""How many requests and streams one identity has open at a time in a process.

An address may hold so many connections (`MEDIVIEW_CONNECTIONS_PER_ADDRESS`), and many people may
share it: one of them takes no more than half, for streams that go on for hours a quarter.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from starlette.types import ASGIApp, Receive, Scope, Send

from api.access.principal import LOCAL, principal_of
from api.errors import ApiProblem
from api.middleware.refusing import refuse
from storage.core.callers.shares import Shares, current_caller, on_behalf_of
from storage.settings import Settings

_RETRY_AFTER_S = 5


class OpenRequests:
    """Those of the callers of one process. A setting of 0 limits nothing, and neither does a node
    without sign-in, where nobody knows whose they are.
    """

    def __init__(self, settings: Settings) -> None:
        connections = settings.connections_per_address
        self._requests = _Open("requests", connections // 2)
        self._streams = _Open("streams of events", connections // 4)

    @contextmanager
    def request(self) -> Iterator[None]:
        """One of the caller at hand. Raises ApiProblem where it has too many."""
        with self._requests.another():
            yield

    @contextmanager
    def stream(self) -> Iterator[None]:
        """One that goes on until somebody ends it. Raises as `request`."""
        with self._streams.another():
            yield


class _Open:
    def __init__(self, what: str, most: int) -> None:
        self._what = what
        self._most = max(most, 1) if most else None
        self._shares = Shares(None, most=self._most)

    @contextmanager
    def another(self) -> Iterator[None]:
        if not current_caller():
            yield
            return
        turn = self._shares.take()
        if turn is None:
            raise ApiProblem(
                429,
                "too_many_requests",
                f"You have {self._most} {self._what} open, which is the most that one may have.",
                remedy="End some of them first. MEDIVIEW_CONNECTIONS_PER_ADDRESS sets the limit.",
                headers={"Retry-After": str(_RETRY_AFTER_S)},
            )
        try:
            yield
        finally:
            self._shares.give_back(turn)


class CallerShares:
    """Serves each request on behalf of who asks, as many at a time as one may have open.

    What is open to all belongs to the address that it comes from.
    """

    def __init__(self, app: ASGIApp, open_requests: OpenRequests) -> None:
        self.app = app
        self.open_requests = open_requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        principal = principal_of(scope) if scope["type"] in ("http", "websocket") else None
        if principal is None or principal is LOCAL:
            await self.app(scope, receive, send)
            return
        with ExitStack() as share:
            share.enter_context(on_behalf_of(principal.identity.id))
            try:
                share.enter_context(self.open_requests.request())
            except ApiProblem as problem:
                await refuse(scope, receive, send, problem)
                return
            await self.app(scope, receive, send)
