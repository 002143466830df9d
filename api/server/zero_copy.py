"""uvicorn's protocol, with answers that leave a file for the socket without a copy here.

Offers ASGI's extension `http.response.zerocopysend` (asgi.readthedocs.io,
Extensions, Zero Copy Send) for answers that state their Content-Length, by
sendfile(2). What a file holds outside the page cache is read in a thread first, so
that the disk never stops the other connections.
"""

import asyncio
import os
import socket
from functools import partial
from typing import Any, cast

from starlette.concurrency import run_in_threadpool
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from api.middleware.cut_answers import CUT
from api.server.connection_limits import LimitedProtocol

EXTENSION = "http.response.zerocopysend"
CONNECTED = "mediview.connected"
"""An extension of our own: a function that says whether anyone still waits for the answer."""

_AT_ONCE_BYTES = 1024 * 1024
_LOOK_AGAIN_S = 5.0
_NO_WAIT = getattr(os, "RWF_NOWAIT", None)


class ClientLeft(OSError):
    """The connection is gone, so nothing more need be made for it."""


class ZeroCopyProtocol(LimitedProtocol):
    """One connection. It writes by a second descriptor of the socket while it sends files."""

    _socket: socket.socket | None = None
    _waiter: asyncio.Future[None] | None = None

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        extensions: dict[str, Any] = {CUT: partial(self._cut, cycle)}
        cycle.scope["extensions"] = extensions
        if self.scheme != "http":
            super()._start_asgi_task(cycle, app)
            return
        extensions |= {EXTENSION: {}, CONNECTED: lambda: not cycle.disconnected}
        outlet = _Outlet(self, cycle)

        async def with_outlet(scope: Any, receive: Any, _: Any) -> None:
            await app(scope, receive, outlet.send)

        super()._start_asgi_task(cycle, with_outlet)

    def _cut(self, cycle: RequestResponseCycle) -> None:
        # Else uvicorn logs an application that forgot the end of its answer.
        cycle.disconnected = True
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._socket is not None:
            self._wake()
            self._socket.close()
            self._socket = None

    def own_socket(self) -> socket.socket:
        """The connection's socket by a descriptor that the event loop does not hold."""
        if self._socket is None:
            if self.transport.is_closing():
                raise ClientLeft
            shared = self.transport.get_extra_info("socket")
            self._socket = socket.socket(fileno=os.dup(shared.fileno()))
        return self._socket

    async def flushed(self) -> None:
        """Wait until all that was written before is with the kernel."""
        if self.transport.get_write_buffer_size():
            await asyncio.sleep(0)
        while self.transport.get_write_buffer_size() and not self.transport.is_closing():
            # With a limit of 0 the transport says when it is empty.
            self.transport.set_write_buffer_limits(0)
            try:
                await self.flow.drain()
            finally:
                self.transport.set_write_buffer_limits()

    async def writable(self) -> None:
        """Wait until the socket takes more, or is gone."""
        fd = self.own_socket().fileno()
        self._waiter = waiter = self.loop.create_future()
        self.loop.add_writer(fd, self._wake)
        try:
            await asyncio.wait((waiter,), timeout=_LOOK_AGAIN_S)
        finally:
            self._wake()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and self._socket is not None:
            self.loop.remove_writer(self._socket.fileno())
            if not waiter.done():
                waiter.set_result(None)


class _Outlet:
    """What one answer is sent through."""

    def __init__(self, protocol: ZeroCopyProtocol, cycle: RequestResponseCycle) -> None:
        self._protocol = protocol
        self._cycle = cycle
        self._direct = False

    async def send(self, message: Any) -> None:
        """As ASGI's send. Raises ClientLeft where a file is meant for a client that is gone."""
        kind = message["type"]
        if kind == EXTENSION:
            await self._send_file(message)
        elif self._direct and kind == "http.response.body":
            await self._send_bytes(message.get("body", b""), message.get("more_body", False))
        else:
            await self._cycle.send(message)

    async def _send_file(self, message: Any) -> None:
        cycle, count = self._cycle, int(message["count"])
        if not cycle.response_started or cycle.response_complete or cycle.chunked_encoding:
            raise RuntimeError("a file is sent within an answer that states its Content-Length")
        if cycle.scope["method"] != "HEAD":
            self._account(count)
            await self._protocol.flushed()
            self._direct = True
            await self._copy(message["file"].fileno(), int(message["offset"]), count)
        if not message.get("more_body", False):
            await self._complete()

    async def _copy(self, file: int, offset: int, count: int) -> None:
        turn = 0
        while count:
            if turn >= _AT_ONCE_BYTES:
                # The other connections have their turn.
                turn = 0
                await asyncio.sleep(0)
            length = min(count, _AT_ONCE_BYTES)
            if not turn and not _is_cached(file, offset, length):
                await run_in_threadpool(_read_ahead, file, offset, length)
            try:
                sent = os.sendfile(self._connected().fileno(), file, offset, length)
            except BlockingIOError:
                await self._protocol.writable()
                continue
            except ConnectionError as error:
                raise self._left() from error
            if not sent:
                raise RuntimeError("the file ends before what was announced of it")
            offset, count, turn = offset + sent, count - sent, turn + sent

    async def _send_bytes(self, body: bytes, more_body: bool) -> None:
        self._account(len(body))
        left = memoryview(body)
        while left:
            try:
                # What follows fills up the segment.
                flags = socket.MSG_MORE if more_body else 0
                left = left[self._connected().send(left, flags) :]
            except BlockingIOError:
                await self._protocol.writable()
            except ConnectionError as error:
                raise self._left() from error
        if not more_body:
            await self._complete()

    def _connected(self) -> socket.socket:
        if self._cycle.disconnected or self._protocol.transport.is_closing():
            raise self._left()
        return self._protocol.own_socket()

    def _left(self) -> ClientLeft:
        """The event loop hears of it later than we; an answer that ends till then is no fault."""
        self._cycle.disconnected = True
        self._protocol.transport.abort()
        return ClientLeft()

    def _account(self, length: int) -> None:
        if length > self._cycle.expected_content_length:
            raise RuntimeError("the answer is longer than its Content-Length")
        self._cycle.expected_content_length -= length

    async def _complete(self) -> None:
        await self._cycle.send({"type": "http.response.body", "body": b"", "more_body": False})


def _is_cached(file: int, offset: int, length: int) -> bool:
    """Whether the ends of a range lie in the page cache; True where the system cannot say."""
    if _NO_WAIT is None:
        return True
    probe = bytearray(1)
    try:
        for position in (offset, offset + length - 1):
            os.preadv(file, (probe,), position, cast(int, _NO_WAIT))
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _read_ahead(file: int, offset: int, length: int) -> None:
    buffer = bytearray(min(length, 256 * 1024))
    for position in range(offset, offset + length, len(buffer)):
        os.preadv(file, (buffer,), position)
