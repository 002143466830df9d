"""What a test may take away from a node and give back: its database, the way to its bucket."""

import os
import signal
import socket
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

from tests.patience import PATIENCE_S
from tests.postgres import PostgresServer
from tests.services import free_port


class StoppablePostgres:
    """A PostgreSQL of the test's own that is stopped and started again in its folder."""

    def __init__(self, server: PostgresServer) -> None:
        self.server = server
        with psycopg.connect(server.url("postgres")) as connection:
            row = connection.execute("SHOW data_directory").fetchone()
        assert row is not None
        self._data = Path(row[0])
        self._pid = int((self._data / "postmaster.pid").read_text().split()[0])
        command = Path(f"/proc/{self._pid}/cmdline").read_bytes().split(b"\0")[:-1]
        self._command = [os.fsdecode(part) for part in command]
        self._owner = self._data.stat()
        self._again: subprocess.Popen[bytes] | None = None

    def stop(self) -> None:
        os.kill(self._pid, signal.SIGQUIT)  # at once, as a crash would
        deadline = time.monotonic() + PATIENCE_S
        while self._answers():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(0.5)

    def start(self) -> None:
        # A crash leaves it; the process that it names is this test's own and gone.
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        as_user: dict[str, Any] = {}
        if os.geteuid() == 0:
            as_user = {"user": self._owner.st_uid, "group": self._owner.st_gid, "extra_groups": []}
        self._again = subprocess.Popen(
            self._command, cwd=self._data, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, **as_user,
        )  # fmt: skip
        deadline = time.monotonic() + PATIENCE_S
        while not self._answers():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def close(self) -> None:
        if self._again is not None:
            self._again.send_signal(signal.SIGINT)
            self._again.wait(PATIENCE_S)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.server.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


class Gate:
    """A TCP way to the bucket that can be shut."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.port = free_port()
        self._target = target
        self._listener: socket.socket | None = None
        self._pairs: list[socket.socket] = []

    def open(self) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen()
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def shut(self) -> None:
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        pairs, self._pairs = self._pairs, []
        for one in pairs:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                try:
                    far = socket.create_connection(self._target)
                except OSError:
                    # It is down just now: so is the way to it.
                    near.close()
                    continue
                self._pairs += [near, far]
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=_pipe, args=(source, target), daemon=True).start()


def _pipe(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
