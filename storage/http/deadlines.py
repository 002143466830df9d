"""Sockets of the HTTP client that give up on a peer which gets on, but never to an end.

A timeout of httpx ends one wait for bytes. A peer that sends one byte now and then ends each of
these waits in time, and would keep who waits for its status line and headers for ever; one that
takes in a request so slowly, who sends it.
"""

import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any

import httpcore

# A body of which less comes or goes in so long has stopped, whatever still trickles.
WINDOW_S = 300.0
LEAST_BYTES = 64 * 1024


class Flow:
    """Whether bytes flow: at least LEAST_BYTES in each WINDOW_S."""

    def __init__(self) -> None:
        self._passed_s, self._bytes = 0.0, 0

    def has_stopped(self, passed_s: float, count: int) -> bool:
        """`count` bytes more came or went in so many seconds more."""
        self._passed_s += passed_s
        self._bytes += count
        if self._passed_s <= WINDOW_S:
            return False
        is_trickle = self._bytes < LEAST_BYTES
        self._passed_s, self._bytes = 0.0, 0
        return is_trickle


class Pace:
    """Whether a body keeps the pace over all: `least_bytes_per_s`, after `grace_s` to start."""

    def __init__(self, grace_s: float, least_bytes_per_s: float) -> None:
        self._grace_s, self._least_bytes_per_s = grace_s, least_bytes_per_s
        self._passed_s, self._bytes = 0.0, 0

    def is_lost(self, passed_s: float, count: int) -> bool:
        """`count` bytes more came or went in so many seconds more."""
        self._passed_s += passed_s
        self._bytes += count
        return self._passed_s > self._grace_s + self._bytes / self._least_bytes_per_s


@dataclass
class _Exchange:
    """One request until the end of its answer's headers."""

    answer_until: float | None = None
    sending: Flow = field(default_factory=Flow)


class Exchanges(threading.local):
    """What this thread asks at the moment; each request is sent and answered in one thread."""

    current: _Exchange | None = None

    @contextmanager
    def one(self) -> Iterator[None]:
        """In it, what is read is status line and headers, and what is written is a request."""
        self.current = _Exchange()
        try:
            yield
        finally:
            self.current = None


class LimitedBackend(httpcore.NetworkBackend):
    """Connections whose headers come within the read timeout as a whole, not byte by byte."""

    def __init__(self, exchanges: Exchanges) -> None:
        self._exchanges = exchanges
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        stream = self._inner.connect_tcp(host, port, timeout, local_address, socket_options)
        return _LimitedStream(stream, self._exchanges)


class _LimitedStream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, exchanges: Exchanges) -> None:
        self._inner = inner
        self._exchanges = exchanges

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        exchange = self._exchanges.current
        if exchange is not None and timeout is not None:
            now = time.monotonic()
            if exchange.answer_until is None:
                exchange.answer_until = now + timeout
            timeout = exchange.answer_until - now
            if timeout <= 0:
                raise httpcore.ReadTimeout("status line and headers have no end")
        return self._inner.read(max_bytes, timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        exchange = self._exchanges.current
        if exchange is None:
            self._inner.write(buffer, timeout)
            return
        connection: socket.socket = self._inner.get_extra_info("socket")
        left = memoryview(buffer)
        while left:
            begun = time.monotonic()
            try:
                connection.settimeout(timeout)
                sent = connection.send(left)
            except TimeoutError as error:
                raise httpcore.WriteTimeout(str(error)) from error
            except OSError as error:
                raise httpcore.WriteError(str(error)) from error
            left = left[sent:]
            # The waits for the peer alone: not those for the disk, or for the bandwidth allowed.
            if exchange.sending.has_stopped(time.monotonic() - begun, sent):
                raise httpcore.WriteTimeout("the request is taken in too slowly")

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        stream = self._inner.start_tls(ssl_context, server_hostname, timeout)
        return _LimitedStream(stream, self._exchanges)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
