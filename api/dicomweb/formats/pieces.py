"""Answers that are made of parts of stored files, and of a few bytes between them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from fastapi import Response
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from api.server.zero_copy import CONNECTED, EXTENSION, ClientLeft
from storage.core.entities import Instance
from storage.core.errors import InvalidInstance
from storage.integrity.checker import Prepared
from storage.integrity.instance_reader import InstanceReader

_AT_ONCE_BYTES = 1024 * 1024
_WORTH_A_FILE_BYTES = 32 * 1024
"""Less is read and sent with what stands around it."""
_IN_MEMORY_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Stored:
    """A range of the part 10 bytes of an instance. Raises InvalidInstance for any other range.

    It is sent out of a file that holds other patients' instances before and behind.
    """

    instance: Instance
    start: int
    length: int
    proof: Literal["sampled", "done", "due"] = "sampled"
    """Whether a whole instance was compared with its digest, or has to be when it is sent."""

    def __post_init__(self) -> None:
        if min(self.start, self.length) < 0 or self.start + self.length > self.instance.size_bytes:
            raise InvalidInstance(
                f"The instance {self.instance.sop_instance_uid} states bytes that are not its own.",
                remedy="Check the sending system; retrieve the instance as stored.",
            )


def whole(prepared: Prepared) -> Stored:
    """All of an instance that `InstanceReader.prepare` looked at."""
    instance = prepared.instance
    return Stored(instance, 0, instance.size_bytes, "done" if prepared.is_proven else "due")


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
        status_code: int = 200,
    ) -> None:
        self.status_code = status_code
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
            pieces = await sending.prepare(self._pieces)
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
            for piece in pieces:
                await sending.add(piece)
            await sending.end()
        except ClientLeft:
            return


class _Sending:
    """Collects what is small, and sends it ahead of the file that follows."""

    def __init__(self, reader: InstanceReader, send: Send, extensions: Mapping[str, Any]) -> None:
        self._reader = reader
        self._send = send
        self._zero_copy = EXTENSION in extensions
        self._is_connected: Callable[[], bool] = extensions.get(CONNECTED, lambda: True)
        self._waiting: list[Piece] = []
        self._waiting_bytes = 0
        self._first: tuple[Stored, bytes] | None = None

    async def prepare(self, pieces: Sequence[Piece]) -> Sequence[Piece]:
        """The pieces, with the places to read them from; the first stored one has been found.

        Raises what reading it raises.
        """
        first = next((one for one in pieces if isinstance(one, Stored)), None)
        if first is None:
            return pieces
        if first.proof == "sampled":
            if self._reader.is_doubted(first.instance):
                pieces = await run_in_threadpool(self._of_right_copy, pieces, first.instance)
                first = next(one for one in pieces if isinstance(one, Stored))
            else:
                self._reader.note_part_read(first.instance)
        if first.proof == "due":
            proven = await run_in_threadpool(self._proven, first)
            at = pieces.index(first)
            return [*pieces[:at], proven, *pieces[at + 1 :]]
        if self._is_worth_a_file(first):
            with self._reader.hold(first.instance) as held:
                if held is not None:
                    return pieces
        first = next(_steps(first), first)
        data = await run_in_threadpool(self._reader.read, first.instance, first.start, first.length)
        self._first = first, data
        return pieces

    def _of_right_copy(self, pieces: Sequence[Piece], instance: Instance) -> list[Piece]:
        right = self._reader.sample(instance)
        return [
            replace(one, instance=right)
            if isinstance(one, Stored) and one.instance == instance
            else one
            for one in pieces
        ]

    async def add(self, piece: Piece) -> None:
        if isinstance(piece, bytes):
            await self._collect(piece, len(piece))
            return
        if piece.proof == "due":
            # Raised within the answer, whose end is then missing: better than wrong bytes.
            piece = await run_in_threadpool(self._proven, piece)
        if isinstance(piece, bytes):
            await self._collect(piece, len(piece))
            return
        if self._is_worth_a_file(piece):
            with self._reader.hold(piece.instance) as held:
                if held is not None:
                    await self._flush(more_body=True)
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
        for step in _steps(piece):
            await self._collect(step, step.length)

    async def end(self) -> None:
        await self._flush(more_body=False)

    def _proven(self, piece: Stored) -> Piece:
        """The same piece compared with its digest; as bytes, where they come over a network."""
        instance = piece.instance
        if instance.size_bytes <= _IN_MEMORY_BYTES and not self._is_local(instance):
            return self._reader.read(instance)
        return Stored(self._reader.checked(instance), piece.start, piece.length, "done")

    def _is_local(self, instance: Instance) -> bool:
        with self._reader.hold(instance) as held:
            return held is not None

    def _is_worth_a_file(self, piece: Stored) -> bool:
        return self._zero_copy and piece.length >= _WORTH_A_FILE_BYTES

    async def _collect(self, piece: Piece, length: int) -> None:
        self._waiting.append(piece)
        self._waiting_bytes += length
        if self._waiting_bytes >= _AT_ONCE_BYTES:
            await self._flush(more_body=True)

    async def _flush(self, *, more_body: bool) -> None:
        waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        if not self._is_connected():
            raise ClientLeft
        if all(isinstance(one, bytes) for one in waiting):
            body = self._joined(waiting)
        else:
            body = await run_in_threadpool(self._joined, waiting)
        if body or not more_body:
            await self._send({"type": "http.response.body", "body": body, "more_body": more_body})

    def _joined(self, pieces: Sequence[Piece]) -> bytes:
        return b"".join(one if isinstance(one, bytes) else self._read(one) for one in pieces)

    def _read(self, piece: Stored) -> bytes:
        if self._first is not None and self._first[0] == piece:
            data, self._first = self._first[1], None
            return data
        return self._reader.read(piece.instance, piece.start, piece.length)


def _steps(piece: Stored) -> Iterator[Stored]:
    end = piece.start + piece.length
    for start in range(piece.start, end, _AT_ONCE_BYTES):
        yield Stored(piece.instance, start, min(_AT_ONCE_BYTES, end - start))
