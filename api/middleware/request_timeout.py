"""An end for requests that are neither sent nor answered."""

import asyncio
import threading

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import problem_response
from storage.core.callers.wanted import wanted_until
from storage.settings import Settings

_LISTENS_AFTER_S = 0.5


class RequestTimeout:
    """504 where nothing happens for the set time: no body arrives, and no answer has begun.

    An answer that has begun may last; so may a body that keeps arriving. Threads that read for a
    client that has left, or was answered so, end at their next look (`check_wanted`).
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
        gone = threading.Event()
        listening = _Listening(receive, gone) if scope.get("method") in ("GET", "HEAD") else None
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
                if listening is not None:
                    listening.end()
                if not timeout.expired():
                    timeout.reschedule(None)
            await send(message)

        try:
            async with timeout:
                with wanted_until(gone):
                    await self.app(scope, receive_and_wait_on, send_and_stay)
        except TimeoutError:
            gone.set()
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
        finally:
            if listening is not None:
                listening.end()


class _Listening:
    """To whether the client leaves before its answer begins; most are answered sooner."""

    def __init__(self, receive: Receive, gone: threading.Event) -> None:
        self._receive = receive
        self._gone = gone
        self._task: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(_LISTENS_AFTER_S, self._begin)

    def end(self) -> None:
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def _begin(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._listen())

    async def _listen(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone.set()
