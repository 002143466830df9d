"""An end for requests that are neither sent nor answered."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import problem_response
from storage.settings import Settings


class RequestTimeout:
    """504 where nothing happens for the set time: no body arrives, and no answer has begun.

    An answer that has begun may last; so may a body that keeps arriving.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        # The one request that waits on purpose has its own limit.
        self.seconds = max(settings.request_timeout_s, settings.analyze_timeout_s + 30.0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        loop = asyncio.get_running_loop()
        begun = False
        timeout = asyncio.timeout(self.seconds)

        async def receive_and_wait_on() -> Message:
            message = await receive()
            if message["type"] == "http.request" and not begun and not timeout.expired():
                timeout.reschedule(loop.time() + self.seconds)
            return message

        async def send_and_stay(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start" and not begun:
                begun = True
                if not timeout.expired():
                    timeout.reschedule(None)
            await send(message)

        try:
            async with timeout:
                await self.app(scope, receive_and_wait_on, send_and_stay)
        except TimeoutError:
            if begun or not timeout.expired():
                raise
            response = problem_response(
                504,
                "too_slow",
                f"There was no answer within {self.seconds:g} seconds.",
                remedy="Ask for less at a time, or try again later.",
                request_id=scope.get("state", {}).get("request_id", ""),
            )
            await response(scope, receive, send)
