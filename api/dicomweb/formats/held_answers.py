"""Large answers, held in memory until their reader has them: so many bytes in each process.

One that is read slowly, or asked for by twenty requests at once, would otherwise stand there
as often.
"""

import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from fastapi import Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from storage.core.errors import TooManyRequests

MOST_HELD_BYTES = 512 * 1024 * 1024
"""Four of the longest metadata."""
_LARGE_BYTES = 4 * 1024 * 1024
_PIECE_BYTES = 256 * 1024


class _Held:
    def __init__(self) -> None:
        self._bytes = 0
        self._lock = threading.Lock()

    def take(self, size_bytes: int) -> bool:
        with self._lock:
            fits = self._bytes + size_bytes <= MOST_HELD_BYTES
            if fits:
                self._bytes += size_bytes
        return fits

    def give_back(self, size_bytes: int) -> None:
        with self._lock:
            self._bytes -= size_bytes


_held = _Held()


def held_answer(body: bytes, media_type: str, headers: Mapping[str, str]) -> Response:
    """Raises TooManyRequests while readers of others have not taken theirs."""
    if len(body) <= _LARGE_BYTES:
        return Response(body, media_type=media_type, headers=dict(headers))
    if not _held.take(len(body)):
        raise _too_many()
    return _LargeAnswer(body, media_type, headers)


def held_stream(
    pieces: Iterator[bytes], size_bytes: int, media_type: str, headers: Mapping[str, str]
) -> Response:
    """What is made while it is sent, and holds so many bytes meanwhile.

    Raises TooManyRequests as `held_answer`.
    """
    if not _held.take(min(size_bytes, MOST_HELD_BYTES)):
        raise _too_many()
    return _HeldStream(pieces, min(size_bytes, MOST_HELD_BYTES), media_type, headers)


@contextmanager
def holding(size_bytes: int) -> Iterator[None]:
    """While so many bytes are held to begin an answer. Raises TooManyRequests."""
    size_bytes = min(size_bytes, MOST_HELD_BYTES)
    if not _held.take(size_bytes):
        raise _too_many()
    try:
        yield
    finally:
        _held.give_back(size_bytes)


def pieces_of(body: bytes | memoryview) -> Iterator[bytes]:
    """So that what is sent is not copied as a whole."""
    view = memoryview(body)
    for offset in range(0, len(view), _PIECE_BYTES):
        yield bytes(view[offset : offset + _PIECE_BYTES])


def _too_many() -> TooManyRequests:
    return TooManyRequests(
        f"Answers of {MOST_HELD_BYTES >> 20} MiB are being sent.",
        remedy="Ask again in some seconds.",
    )


class _HeldStream(StreamingResponse):
    def __init__(
        self,
        pieces: Iterator[bytes],
        size_bytes: int,
        media_type: str,
        headers: Mapping[str, str],
    ) -> None:
        self._give_back = weakref.finalize(self, _held.give_back, size_bytes)
        super().__init__(pieces, media_type=media_type, headers=dict(headers))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._give_back()


class _LargeAnswer(Response):
    """Sent in pieces, so that it is known when its reader has it."""

    def __init__(self, body: bytes, media_type: str, headers: Mapping[str, str]) -> None:
        # Called once, at the end of sending or where it is never sent.
        self._give_back = weakref.finalize(self, _held.give_back, len(body))
        super().__init__(body, media_type=media_type, headers=dict(headers))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = {"type": "http.response.start", "status": self.status_code}
        try:
            await send({**start, "headers": self.raw_headers})
            for offset in range(0, len(self.body), _PIECE_BYTES):
                piece = self.body[offset : offset + _PIECE_BYTES]
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            self._give_back()
