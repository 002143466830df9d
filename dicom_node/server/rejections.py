"""Rejections of connections that nothing can be opened for, without a thread or a wait for each."""

import select
import socket
import threading
import time
from collections import deque

from dicom_node.association.base import ANNOUNCED_PDU_BYTES

# A-ASSOCIATE-RJ (PS3.8 9.3.4): transient, by the presentation layer, local limit exceeded.
_REJECTED = bytes((3, 0, 0, 0, 0, 4, 0, 2, 3, 2))
_WITHIN_S = 0.5
_POLL_MS = 50
_AT_MOST = 16
"""Connections that wait at once: each takes one of the last descriptors."""


class Rejections:
    """Lets peers try again later: answers each once it has asked, or closes it after half a second.

    Its thread runs as long as there are some. Where more than 16 are silent, the eldest goes.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[tuple[socket.socket, float]] = deque()
        self._thread: threading.Thread | None = None

    def add(self, client: socket.socket) -> None:
        """Take the connection over; returns at once."""
        client.setblocking(False)
        with self._lock:
            self._waiting.append((client, time.monotonic() + _WITHIN_S))
            if len(self._waiting) > _AT_MOST:
                self._waiting.popleft()[0].close()
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="scp-reject", daemon=True)
                thread.start()
                self._thread = thread

    def join(self) -> None:
        """Wait for those that are there; each has half a second at most."""
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while True:
            with self._lock:
                waiting = list(self._waiting)
                if not waiting:
                    self._thread = None
                    return
            self._round(waiting)

    def _round(self, waiting: list[tuple[socket.socket, float]]) -> None:
        # Unlike epoll, it takes no descriptor of its own.
        poll = select.poll()
        for client, _ in waiting:
            if client.fileno() >= 0:
                poll.register(client, select.POLLIN)
        spoken = {fd for fd, _ in poll.poll(_POLL_MS)}
        now_s = time.monotonic()
        with self._lock:
            staying = deque[tuple[socket.socket, float]]()
            for client, until_s in self._waiting:
                if client.fileno() in spoken and _is_answered(client):
                    client.close()
                elif now_s < until_s:
                    staying.append((client, until_s))
                else:
                    client.close()
            self._waiting = staying


def _is_answered(client: socket.socket) -> bool:
    try:
        # What is not read when a socket is closed makes the answer a reset.
        client.recv(ANNOUNCED_PDU_BYTES)
        client.sendall(_REJECTED)
    except BlockingIOError:
        # The descriptor was another's, which went meanwhile.
        return False
    except OSError:
        pass
    return True
