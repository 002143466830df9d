"""uvicorn's protocol with limits on what comes before a request is known: bytes, number, time.

httptools takes a request line and headers of any size, and uvicorn waits for them for ever.
Both happen before anybody has signed in.
"""

import asyncio
import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.server.connection_counts import ConnectionCounts
from api.server.request_heads import RefusedHead, refused_head
from storage.core.open_files import REMEDY, is_among_the_last, may_log, shortage

log = structlog.get_logger(__name__)

HEAD_MAX_BYTES = 64 * 1024
"""Request line and headers together."""

FIELD_MAX_BYTES = 16 * 1024
"""One header, its name and its value."""

MAX_FIELDS = 100
MAX_AHEAD = 16
"""Requests that may wait on a connection for the answer to the one before them (RFC 9112 9.3.2)."""

HEAD_TIMEOUT_S = 20.0
"""From the first byte, or the connection, to the last of the headers."""

_TAKEN_APART_BYTES = 16 * 1024
_OVERLOADED_TIMEOUT_S = 2.0
_WITHOUT_WAITING = 0.5
_REST_TIMEOUT_S = 30.0
"""What is left of a request that has been answered may take this long to arrive."""


class LimitedProtocol(HttpToolsProtocol):
    """One connection. What goes beyond a limit is answered with 431 or 408 and closed.

    So is, with 400 or 505, a head that could be read in two ways.
    """

    limits: ConnectionCounts["LimitedProtocol"] = ConnectionCounts(0, ())
    """Set on a subclass by the one who makes the server."""

    _is_one_too_many = False
    _is_upgraded = False
    _timer: asyncio.TimerHandle | None = None
    _address = ""
    _in_head = True
    _progressed = False
    _raw_bytes = 0
    """Received since the parser last gave something out."""
    _head_bytes = 0
    _fields = 0
    _refused: HTTPStatus | None = None
    _refused_head: RefusedHead | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        own = transport.get_extra_info("socket")
        if own is not None and is_among_the_last(own.fileno()):
            self._is_one_too_many = True
            if is_among_the_last(own.fileno(), _WITHOUT_WAITING):
                # The loop itself would close the next connections without a word.
                self._answer_overloaded()
            else:
                # Answered once its request is read: closed before, it may become a reset.
                self._expect(_OVERLOADED_TIMEOUT_S)
            return
        address = str(self.client[0]) if self.client else ""
        if not self.limits.take(address, self):
            transport.abort()
            return
        self._address = address
        self._expect(HEAD_TIMEOUT_S)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._expect(None)
        self._leave()

    def handle_websocket_upgrade(self) -> None:
        if self._refused is not None:
            return
        # Another protocol goes on with the transport; the connection counts until that one ends.
        self._is_upgraded = True
        self._expect(None)
        counted: Any = _counted(self.ws_protocol_class, self._leave)
        self.ws_protocol_class = counted
        super().handle_websocket_upgrade()

    def data_received(self, data: bytes) -> None:
        if self._refused is not None or self.transport.is_closing():
            return
        if self._is_one_too_many:
            self._answer_overloaded()
            return
        # Of a read of some hundred kilobytes no more is taken apart than what is refused by.
        for start in range(0, len(data), _TAKEN_APART_BYTES):
            self._take_apart(data[start : start + _TAKEN_APART_BYTES])
            if self.parser is None or self.transport.is_closing() or self._is_upgraded:
                return
            if self._refused is not None:
                self._refuse(self._refused)
                return

    def _take_apart(self, data: bytes) -> None:
        self._progressed = False
        super().data_received(data)
        if self.parser is None or self.transport.is_closing():
            return
        if not self._progressed:
            # Neither a whole head nor any of a body: the parser collects it.
            self._raw_bytes += len(data)
        if self._raw_bytes > HEAD_MAX_BYTES:
            self._refused = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE

    # Callbacks of the parser

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._raw_bytes = self._head_bytes = self._fields = 0
        if self._timer is None or self.cycle is not None:
            self._expect(HEAD_TIMEOUT_S)

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        if self._refused is None:
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields += 1
        size = len(name) + len(value)
        self._count(size)
        if size > FIELD_MAX_BYTES or self._fields > MAX_FIELDS:
            self._refused = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        # Headers behind a body (RFC 9112 7.1.2) have nobody who reads them.
        if self._refused is None and self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._progressed = True
        self._raw_bytes = 0
        self._expect(None)
        self.limits.has_request(self._address, self)
        if self._refused is None and len(self.pipeline) >= MAX_AHEAD:
            self._refused = HTTPStatus.TOO_MANY_REQUESTS
        if self._refused is None:
            version = self.parser.get_http_version()
            self._refused_head = refused_head(version, self.url, self.headers)
            if self._refused_head is not None:
                self._refused = self._refused_head.status
        if self._refused is None:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._progressed = True
        self._raw_bytes = 0
        if self._refused is None:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._progressed = True
        if self._refused is None:
            super().on_message_complete()
        if self.cycle is not None and self.cycle.response_complete:
            self._expect(None)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle is None or not self.cycle.response_complete:
            return
        if self.cycle.more_body:
            self._expect(_REST_TIMEOUT_S)
        if self._address:
            self.limits.is_idle(self._address, self)

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > HEAD_MAX_BYTES:
            self._refused = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE

    def _expect(self, seconds: float | None) -> None:
        """Close the connection unless what is expected comes in time; None: nothing is."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds is not None:
            self._timer = self.loop.call_later(seconds, self._too_late)

    def _too_late(self) -> None:
        self._timer = None
        if self.transport.is_closing():
            return
        if self._in_head and self._raw_bytes and not self.pipeline:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        else:
            self.transport.close()

    def _refuse(self, status: HTTPStatus) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(_answer(status, self._refused_head))
        self._expect(None)
        self.transport.close()

    def _answer_overloaded(self) -> None:
        if may_log():
            log.error("open_files_used_up", remedy=REMEDY)
        body = _problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "storage_unavailable",
            "The storage is temporarily unavailable",
            shortage() or "Hardly a file descriptor of this process is left.",
            REMEDY,
        )
        self.transport.write(
            b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 5\r\n" + body
        )
        self._expect(None)
        self.transport.close()

    def make_room(self) -> None:
        """For a new connection from the same address."""
        self._expect(None)
        self._leave()
        self.transport.abort()

    def _leave(self) -> None:
        if self._address:
            self.limits.give_back(self._address, self)
            self._address = ""


def _answer(status: HTTPStatus, why: RefusedHead | None) -> bytes:
    """Status line, headers and body of a request that is not served."""
    head = f"HTTP/1.1 {status.value} {status.phrase}\r\nconnection: close\r\n".encode("ascii")
    if why is None:
        return head + b"content-length: 0\r\n\r\n"
    title = "Invalid request"
    return head + _problem(status, "invalid_request", title, why.detail, why.remedy)


def _problem(status: HTTPStatus, code: str, title: str, detail: str, remedy: str) -> bytes:
    """The last headers and the body (RFC 9457), as the application itself would answer."""
    body = json.dumps(
        {
            "type": f"urn:mediview:problem:{code}",
            "title": title,
            "status": status.value,
            "detail": detail,
            "code": code,
            "remedy": remedy,
        }
    ).encode()
    return b"content-type: application/problem+json\r\ncontent-length: %d\r\n\r\n%b" % (
        len(body),
        body,
    )


def _counted(protocol: Any, when_lost: Callable[[], None]) -> Callable[..., Any]:
    """Make a protocol for WebSockets that reports its end."""

    def make(**arguments: Any) -> Any:
        made = protocol(**arguments)
        lost = made.connection_lost

        def connection_lost(exc: Exception | None) -> None:
            try:
                lost(exc)
            finally:
                when_lost()

        made.connection_lost = connection_lost
        return made

    return make


def limited(protocol: type[Any], limits: ConnectionCounts[LimitedProtocol]) -> type[Any]:
    """A subclass whose connections count towards `limits`."""
    return type(protocol.__name__, (protocol,), {"limits": limits})
