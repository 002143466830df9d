"""An answer that is a stream of events, of which each caller has so many open at a time."""

from collections.abc import AsyncIterator

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.access.limits.open_requests import OpenRequests


class EventStream(StreamingResponse):
    """Server-sent events. Raises ApiProblem at its beginning where the caller has too many."""

    def __init__(self, body: AsyncIterator[str]) -> None:
        super().__init__(
            body,
            media_type="text/event-stream",
            # nginx would hold events back in its buffer.
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        open_requests: OpenRequests = scope["app"].state.open_requests
        with open_requests.stream():
            await super().__call__(scope, receive, send)
