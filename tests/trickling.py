"""An HTTP server that takes whatever it gets and then answers a byte at a time, without end.

At least for minutes: then it ends the connection, so that a call which nothing limits fails its
test, and does not hang.
"""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_MINUTES_S = 180.0


@dataclass
class Trickling:
    port: int
    host: str
    callers: list[socket.socket] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"


@contextmanager
def trickling(
    *,
    start: bytes = b"HTTP/1.1 200 OK\r\nX-A: ",
    every_s: float = 0.1,
    host: str = "127.0.0.1",
    piece: bytes = b"a",
) -> Iterator[Trickling]:
    """`start` comes at once, and then one piece every so often, as if a header went on."""
    done = threading.Event()
    threads: list[threading.Thread] = []

    def answer(caller: socket.socket) -> None:
        with caller, suppress(OSError):
            rest, until = start, time.monotonic() + _MINUTES_S
            while not done.is_set() and time.monotonic() < until:
                # What comes is read and forgotten, so that the request never waits.
                with suppress(TimeoutError):
                    caller.settimeout(every_s)
                    if not caller.recv(1024 * 1024):
                        return
                    continue
                caller.settimeout(5.0)
                caller.sendall(rest)
                rest = piece

    with socket.create_server((host, 0)) as listener:
        listener.settimeout(0.1)
        found = Trickling(listener.getsockname()[1], host)

        def serve() -> None:
            while not done.is_set():
                with suppress(TimeoutError):
                    caller, _ = listener.accept()
                    found.callers.append(caller)
                    threads.append(threading.Thread(target=answer, args=(caller,)))
                    threads[-1].start()

        server = threading.Thread(target=serve)
        server.start()
        try:
            yield found
        finally:
            done.set()
            server.join()
            for thread in threads:
                thread.join()
