"""A loader that takes little of the machine: bare keep-alive sockets, each in a process of its own.

It parses no more than the head of an answer and reads a body with few system
calls, some twenty microseconds a request, so that what is measured is the server.
"""

import multiprocessing
import socket
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BOUNDARY = "benchmark-boundary"
_FORK = multiprocessing.get_context("fork")


class Connection:
    """One keep-alive connection that sends requests and counts what comes back."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._buffer = bytearray(1 << 20)
        self._connect()

    def _connect(self) -> None:
        self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=120)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def get(self, path: str, accept: str, etag: str = "") -> int:
        """`etag`: of an answer that is known; 0 is returned where it has not changed."""
        known = f"If-None-Match: {etag}\r\n" if etag else ""
        return self.ask(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: {accept}\r\n{known}\r\n".encode()
        )

    def post(self, path: str, body: bytes) -> int:
        return self.ask(post_head(path, len(body)) + body)

    def post_file(self, path: str, file: Path) -> int:
        """Store one file, which is never in memory whole."""
        head = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        end = f"\r\n--{BOUNDARY}--\r\n".encode()
        size = file.stat().st_size
        self._socket.sendall(post_head(path, len(head) + size + len(end)) + head)
        with file.open("rb") as source:
            self._socket.sendfile(source)
        self._socket.sendall(end)
        return self._answer()

    def ask(self, request: bytes) -> int:
        """The bytes of the body of the answer. Raises RuntimeError unless 200 or 304."""
        self._socket.sendall(request)
        return self._answer()

    def _answer(self) -> int:
        data = bytearray()
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._receive()
        head, rest = bytes(data[:end]).lower(), len(data) - end - 4
        status = head.partition(b"\r\n")[0].split()[1]
        if status == b"304":
            return 0
        if status != b"200":
            raise RuntimeError(bytes(data[:400]).decode("latin-1"))
        marker = b"content-length:"
        if marker in head:
            length = int(head.partition(marker)[2].partition(b"\r\n")[0])
            while rest < length:
                wanted = min(length - rest, len(self._buffer))
                received = self._socket.recv_into(self._buffer, wanted)
                if not received:
                    raise RuntimeError("the server closed the connection")
                rest += received
            return length
        if b"\r\ntransfer-encoding: chunked" in head:
            return self._chunks(data[end + 4 :])
        while received := self._socket.recv_into(self._buffer):  # until the server closes
            rest += received
        self._socket.close()
        self._connect()
        return rest

    def _chunks(self, data: bytearray) -> int:
        """Read a chunked body that begins with `data`; returns its length."""
        total = 0
        while True:
            while (line_end := data.find(b"\r\n")) < 0:
                data += self._receive()
            length = int(data[:line_end], 16)
            total += length
            missing = line_end + 2 + length + 2 - len(data)
            while missing > 0:
                view = memoryview(self._buffer)[: min(missing, len(self._buffer))]
                missing -= self._socket.recv_into(view)
                data.clear()
            del data[: line_end + 2 + length + 2]
            if not length:
                return total

    def _receive(self) -> memoryview:
        received = self._socket.recv_into(self._buffer)
        if not received:
            raise RuntimeError("the server closed the connection")
        return memoryview(self._buffer)[:received]


Request = Callable[[Connection, int], int]
"""Asks something for the n-th time; returns the bytes of the answer."""


@dataclass(frozen=True)
class Rate:
    requests_s: float
    megabytes_s: float


def post_head(path: str, length: int) -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/dicom+json\r\n"
        f'Content-Type: multipart/related; type="application/dicom"; boundary={BOUNDARY}\r\n'
        f"Content-Length: {length}\r\n\r\n"
    ).encode()


def message(*bodies: bytes) -> bytes:
    """A STOW-RS body with these instances."""
    head = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    return b"".join(head + body + b"\r\n" for body in bodies) + f"--{BOUNDARY}--\r\n".encode()


def one_after_another(port: int, request: Request, seconds: float) -> float:
    """Median time of one request, in milliseconds."""
    connection = Connection(port)
    for number in range(3):
        request(connection, number)
    times: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 3:
        started = time.perf_counter()
        request(connection, len(times))
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1000


def at_once(port: int, request: Request, seconds: float, clients: int) -> Rate:
    """What `clients` processes with a connection each get in `seconds`."""
    begin = _FORK.Barrier(clients)
    results: Any = _FORK.SimpleQueue()

    def work(client: int) -> None:
        connection = Connection(port)
        request(connection, client)
        begin.wait(60)
        number, size_bytes, count = client, 0, 0
        started = time.perf_counter()
        while (elapsed := time.perf_counter() - started) < seconds or not count:
            size_bytes += request(connection, number)
            count += 1
            number += clients
        results.put((count / elapsed, size_bytes / elapsed / 1e6))

    _run(work, clients)
    rates = [results.get() for _ in range(clients)]
    return Rate(sum(rate for rate, _ in rates), sum(rate for _, rate in rates))


def store_all(port: int, path: str, bodies: Sequence[bytes], clients: int) -> float:
    """Store each body once by STOW; returns requests a second."""
    begin = _FORK.Barrier(clients)
    results: Any = _FORK.SimpleQueue()

    def work(client: int) -> None:
        connection = Connection(port)
        mine = bodies[client::clients]
        begin.wait(60)
        started = time.monotonic()
        for body in mine:
            connection.post(path, body)
        results.put((started, time.monotonic()))

    _run(work, clients)
    times: list[tuple[float, float]] = [results.get() for _ in range(clients)]
    return len(bodies) / (max(end for _, end in times) - min(begin for begin, _ in times))


def _run(task: Callable[[int], None], clients: int) -> None:
    """Run `task(0)`, `task(1)`… in a process each; raises RuntimeError when one fails."""
    processes = [_FORK.Process(target=task, args=(client,)) for client in range(clients)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise RuntimeError("a process of the loader failed")
