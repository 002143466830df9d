"""Answers that are made of parts of stored files, and of a few bytes between them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from fastapi import Response
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from api.zero_copy import CONNECTED, EXTENSION, ClientLeft
from storage.entities import Instance
from storage.instances import InstanceReader

_AT_ONCE_BYTES = 1024 * 1024
_WORTH_A_FILE_BYTES = 32 * 1024
"""Less is read and sent with what stands around it."""


@dataclass(frozen=True)
class Stored:
    """A range of the part 10 bytes of an instance."""

    instance: Instance
    start: int
    length: int


Piece = bytes | Stored


class PiecesResponse(Response):
    """Sends its pieces one after another, stored ones straight out of their files."""

    def __init__(
        self,
        reader: InstanceReader,
        pieces: Sequence[Piece],
        *,
        media_type: str,
        headers: Mapping[str, str],
    ) -> None:
        self.status_code = 200
        self.media_type = media_type
        self.background = None
        self._reader = reader
        self._pieces = pieces
        length = sum(len(one) if isinstance(one, bytes) else one.length for one in pieces)
        self.init_headers({**headers, "Content-Length": str(length)})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The first bytes are found before the answer begins, so that a lost file is a 503.
        sending = _Sending(self._reader, send, scope.get("extensions") or {})
        try:
            await sending.prepare(self._pieces)
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
            for piece in self._pieces:
                await sending.add(piece)
            await sending.end()
        except ClientLeft:
            return


class _Sending:
    """Collects small pieces, and sends them with the file that follows."""

    def __init__(self, reader: InstanceReader, send: Send, extensions: Mapping[str, Any]) -> None:
        self._reader = reader
        self._send = send
        self._zero_copy = EXTENSION in extensions
        self._is_connected: Callable[[], bool] = extensions.get(CONNECTED, lambda: True)
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._prepared: tuple[Stored, bytes] | None = None

    async def prepare(self, pieces: Sequence[Piece]) -> None:
        """Find the first stored piece. Raises what reading it raises."""
        first = next((one for one in pieces if isinstance(one, Stored)), None)
        if first is None:
            return
        if self._zero_copy and first.length >= _WORTH_A_FILE_BYTES:
            with self._reader.hold(first.instance) as held:
                if held is not None:
                    return
        length = min(first.length, _AT_ONCE_BYTES)
        data = await run_in_threadpool(self._reader.read, first.instance, first.start, length)
        self._prepared = first, data

    async def add(self, piece: Piece) -> None:
        if isinstance(piece, bytes):
            await self._add_bytes(piece)
            return
        if self._zero_copy and piece.length >= _WORTH_A_FILE_BYTES:
            with ExitStack() as stack:
                held = stack.enter_context(self._reader.hold(piece.instance))
                if held is not None:
                    await self._flush()
                    await self._send(
                        {
                            "type": EXTENSION,
                            "file": held,
                            "offset": held.offset + piece.start,
                            "count": piece.length,
                            "more_body": True,
                        }
                    )
                    return
        for start, length in _steps(piece):
            if self._prepared is not None and self._prepared[0] is piece:
                data, self._prepared = self._prepared[1], None
            elif self._is_connected():
                data = await run_in_threadpool(self._reader.read, piece.instance, start, length)
            else:
                raise ClientLeft
            await self._add_bytes(data)

    async def end(self) -> None:
        await self._send(
            {
                "type": "http.response.body",
                "body": b"".join(self._waiting),
                "more_body": False,
            }
        )

    async def _add_bytes(self, data: bytes) -> None:
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        if self._waiting_bytes >= _AT_ONCE_BYTES:
            await self._flush()

    async def _flush(self) -> None:
        if self._waiting:
            body = b"".join(self._waiting)
            self._waiting, self._waiting_bytes = [], 0
            await self._send({"type": "http.response.body", "body": body, "more_body": True})


def _steps(piece: Stored) -> Iterator[tuple[int, int]]:
    end = piece.start + piece.length
    for start in range(piece.start, end, _AT_ONCE_BYTES):
        yield start, min(_AT_ONCE_BYTES, end - start)
