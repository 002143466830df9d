"""Connections of boto3 that give up on a server whose answers come slowly, or have no end.

Its `read_timeout` ends one wait for bytes alone, as in `deadlines`, and it has no other. What is no
object it reads as a whole, however long that is.
"""

import errno
import io
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPException
from typing import Any

from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
)
from botocore.exceptions import IncompleteReadError, ReadTimeoutError
from urllib3.exceptions import HTTPError

from storage.http.deadlines import Flow, Pace

# Over a whole body. Slower, a bucket is of no use, and each thread that waits for it is one less.
_GRACE_S = 60.0
_LEAST_BYTES_PER_S = 16 * 1024
# The longest are lists of a thousand keys, of 1024 bytes at most each.
_WHOLE_ANSWER_BYTES = 8 * 1024 * 1024


def limit_answers(client: Any, headers_s: float) -> None:
    """Let status line and headers of each answer come within `headers_s` as a whole.

    Bodies of requests and answers keep a pace over all, and an answer that is no object has
    8 MiB at most. A call that breaks a limit fails as one that the server broke off, and is
    repeated as those are.
    """

    # botocore has no types.
    class Connection(_Limited, AWSHTTPConnection):  # type: ignore[misc]
        limit_s = headers_s

    class SecureConnection(_Limited, AWSHTTPSConnection):  # type: ignore[misc]
        limit_s = headers_s

    class Pool(AWSHTTPConnectionPool):  # type: ignore[misc]
        ConnectionCls = Connection

    class SecurePool(AWSHTTPSConnectionPool):  # type: ignore[misc]
        ConnectionCls = SecureConnection

    # There is no parameter for it: botocore names its own classes in the same place.
    session = client._endpoint.http_session
    session._manager.pool_classes_by_scheme.update(http=Pool, https=SecurePool)


class _Limited:
    """Of a connection of `http.client`, which reads and writes in the thread of the call."""

    limit_s: float
    sock: socket.socket | None
    _sent_at = 0.0
    _sending: Pace | None = None
    _asks_for_object = False

    def request(self, method: str, url: str, *args: Any, **options: Any) -> Any:
        # Lists, parts and settings of a bucket are asked for by a query.
        self._asks_for_object = method == "GET" and "?" not in url
        self._sending = _new_pace()
        # With "Expect: 100-continue" it reads before it sends the body, which may take long.
        with self._limited():
            return super().request(method, url, *args, **options)  # type: ignore[misc]

    def send(self, data: Any) -> Any:
        begun = time.monotonic()
        sent = super().send(data)  # type: ignore[misc]
        self._sent_at = time.monotonic()
        # The waits for the server alone: not those for the disk, or for the bandwidth allowed.
        passed_s, count = self._sent_at - begun, len(data) if isinstance(data, bytes) else 0
        if self._sending is not None and self._sending.is_lost(passed_s, count):
            raise TimeoutError("the request is taken in too slowly")
        return sent

    def getresponse(self, *args: Any, **options: Any) -> Any:
        with self._limited():
            answer = super().getresponse(*args, **options)  # type: ignore[misc]
        # That of `http.client` within urllib3's.
        inner = answer._fp
        if inner.fp is not None:
            is_object = self._asks_for_object and answer.status < 300
            at_most = None if is_object else _WHOLE_ANSWER_BYTES
            inner.fp = io.BufferedReader(_LimitedReads(inner.fp, _new_pace(), at_most))
        return answer

    @contextmanager
    def _limited(self) -> Iterator[None]:
        """End the connection where it neither sends nor has a whole answer for so long."""
        done, overdue = threading.Event(), threading.Event()
        # An answer that came whole just as its time ended leaves the connection as it is: the
        # next request goes over it.
        ending = threading.Lock()
        self._sent_at = time.monotonic()

        def watch() -> None:
            while (left_s := self._sent_at + self.limit_s - time.monotonic()) > 0:
                if done.wait(left_s):
                    return
            with ending:
                if done.is_set():
                    return
                overdue.set()
                if self.sock is not None:
                    # Of the plain socket: it wakes who reads, which closing it would not.
                    with suppress(OSError):
                        socket.socket.shutdown(self.sock, socket.SHUT_RDWR)

        watchdog = threading.Thread(target=watch, name="s3-deadline", daemon=True)
        watchdog.start()
        try:
            yield
        except (OSError, HTTPException) as error:
            if overdue.is_set():
                raise TimeoutError("overdue") from error
            raise
        finally:
            with ending:
                done.set()
        if overdue.is_set():
            # Headers that end with the connection count as whole for `http.client`.
            raise TimeoutError("overdue")


def _new_pace() -> Pace:
    return Pace(_GRACE_S, _LEAST_BYTES_PER_S)


class _LimitedReads(io.RawIOBase):
    """Reads from a socket's file that end where the body loses its pace, or has no end."""

    def __init__(self, file: io.BufferedReader, pace: Pace, at_most_bytes: int | None) -> None:
        self._file, self._pace, self._left_bytes = file, pace, at_most_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        begun = time.monotonic()
        count = self._file.readinto1(buffer)
        if self._pace.is_lost(time.monotonic() - begun, count):
            raise TimeoutError("the answer comes too slowly")
        if self._left_bytes is not None:
            self._left_bytes -= count
            if self._left_bytes < 0:
                raise OSError(errno.EMSGSIZE, "the answer is longer than any may be")
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


class FlowingBody:
    """The body of an answer, for one that may take as long as it flows (see `flowing`).

    Raises errors of botocore. A read gives what is there, and may give less than asked for.
    """

    def __init__(self, client: Any, answer: Mapping[str, Any]) -> None:
        self._url = client.meta.endpoint_url
        # botocore reads until it has all that was asked for, however long that takes.
        self._raw = answer["Body"]._raw_stream
        self._last, self._flow = time.monotonic(), Flow()
        self._stated, self._received = answer.get("ContentLength"), 0

    def read(self, size: int = -1) -> bytes:
        try:
            piece: bytes = self._raw.read1(size)
        except (HTTPError, OSError) as error:
            raise ReadTimeoutError(endpoint_url=self._url, error=error) from error
        self._received += len(piece)
        # A connection that ended in the middle is an end, too.
        if not piece and size and self._stated is not None and self._received < self._stated:
            raise IncompleteReadError(actual_bytes=self._received, expected_bytes=self._stated)
        now = time.monotonic()
        if self._flow.has_stopped(now - self._last, len(piece)):
            raise ReadTimeoutError(endpoint_url=self._url)
        self._last = now
        return piece
