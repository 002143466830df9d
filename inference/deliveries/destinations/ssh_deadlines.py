"""SFTP with servers that get on, but never to an end: the connection is closed.

A timeout of paramiko ends one wait for bytes, as in `storage.http.deadlines`; some of its waits,
such as the one for the answer to a request for a subsystem, have none at all.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self

from storage.core.errors import MediViewError
from storage.http import deadlines

if TYPE_CHECKING:
    import paramiko

_LOOK_S = 1.0


class Watch:
    """Closes a connection, from a thread, once a step of it is overdue or nobody wants it more."""

    def __init__(self, close: Callable[[], None], is_wanted: Callable[[], bool]) -> None:
        self._close = close
        self._is_wanted = is_wanted
        self._changed = threading.Condition()
        self._step: tuple[float, float] | None = None
        self._is_done = False
        self.reason = ""
        """Why it closed the connection; empty where it did not."""
        self._thread = threading.Thread(target=self._run, name="sftp-deadline", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._changed:
            self._is_done = True
            self._changed.notify()
        self._thread.join()

    @contextmanager
    def within(self, limit_s: float) -> Iterator[None]:
        """What is done in it has so long as a whole. Raises EOFError where that has passed."""
        if self.reason:
            raise EOFError(self.reason)
        with self._changed:
            self._step = (time.monotonic() + limit_s, limit_s)
            self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._step = None
        if self.reason:
            raise EOFError(self.reason)

    def _run(self) -> None:
        looked_at = time.monotonic()
        while True:
            with self._changed:
                if self._is_done:
                    return
                now = time.monotonic()
                step = self._step
                if step is not None and now >= step[0] and not self.reason:
                    self.reason = f"it did not answer within {step[1]:g} s"
                left_s = _LOOK_S if step is None else step[0] - now
                if not self.reason:
                    self._changed.wait(min(max(left_s, 0.0), _LOOK_S))
            if not self.reason and time.monotonic() - looked_at >= _LOOK_S:
                looked_at = time.monotonic()
                if not self._still_wanted():
                    self.reason = "its entry was changed or removed meanwhile"
            if self.reason:
                # Again and again: what is just being opened cannot be closed yet.
                with suppress(Exception):
                    self._close()
                with self._changed:
                    if not self._is_done:
                        self._changed.wait(_LOOK_S)

    def _still_wanted(self) -> bool:
        try:
            return self._is_wanted()
        except MediViewError:
            # A database that does not answer says nothing about the peer.
            return True


class LimitedSftp:
    """What the node asks of an SFTP server, each operation of it within `answer_s`."""

    def __init__(self, client: "paramiko.SFTPClient", watch: Watch, answer_s: float) -> None:
        self._client = client
        self._watch = watch
        self._answer_s = answer_s

    @property
    def is_closed(self) -> bool:
        channel = self._client.get_channel()
        return bool(self._watch.reason) or channel is None or channel.closed

    def size(self, path: str) -> int | None:
        """In bytes. Raises FileNotFoundError."""
        with self._watch.within(self._answer_s):
            size_bytes: int | None = self._client.stat(path).st_size
        return size_bytes

    def modified_s(self, path: str) -> float:
        """When the file was written last, by the server's clock."""
        with self._watch.within(self._answer_s):
            return float(self._client.stat(path).st_mtime or 0)

    def entries(self, folder: str) -> list[tuple[str, float]]:
        """Names in a folder, and when each was written last."""
        with self._watch.within(self._answer_s):
            found = self._client.listdir_attr(folder)
        return [(one.filename, float(one.st_mtime or 0)) for one in found]

    def make_folder(self, path: str) -> None:
        with self._watch.within(self._answer_s):
            self._client.mkdir(path)

    def rename(self, path: str, new_path: str) -> None:
        with self._watch.within(self._answer_s):
            self._client.posix_rename(path, new_path)

    def remove(self, path: str) -> None:
        with self._watch.within(self._answer_s):
            self._client.remove(path)

    @contextmanager
    def open(self, path: str, mode: str) -> Iterator["LimitedFile"]:
        with self._watch.within(self._answer_s):
            file = self._client.open(path, mode)
        try:
            yield LimitedFile(file, self._watch)
        finally:
            # The last pieces on the way are answered here.
            with self._watch.within(deadlines.WINDOW_S):
                file.close()


class LimitedFile:
    """Of bytes, at least `LEAST_BYTES` come or go in each `WINDOW_S` (`storage.http.deadlines`)."""

    def __init__(self, file: "paramiko.SFTPFile", watch: Watch) -> None:
        self._file = file
        self._watch = watch

    def prefetch(self, size_bytes: int) -> None:
        self._file.prefetch(size_bytes)

    def set_pipelined(self) -> None:
        self._file.set_pipelined(True)

    def read(self, size: int) -> bytes:
        """May give less than is asked for; nothing at the end."""
        with self._watch.within(deadlines.WINDOW_S):
            piece: bytes = self._file.read(min(size, deadlines.LEAST_BYTES))
        return piece

    def write(self, data: bytes) -> None:
        for start in range(0, len(data), deadlines.LEAST_BYTES):
            with self._watch.within(deadlines.WINDOW_S):
                self._file.write(data[start : start + deadlines.LEAST_BYTES])
