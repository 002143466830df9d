"""The files of volumes: their names, the one that is open, and what the disk says."""

import errno
import fcntl
import os
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.clock import utcnow
from storage.errors import StorageFull, StorageUnavailable

SUFFIX = ".mvv"


def new_volume_path(folder: Path) -> Path:
    """A name that sorts by time and that no other process gives."""
    return folder / f"{utcnow():%Y%m%dT%H%M%S}-{uuid.uuid4().hex}{SUFFIX}"


@contextmanager
def translated_os_errors(folder: Path) -> Iterator[None]:
    """Turn what the file system raises into our causes."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull(
                "The disk of the data folder is full.",
                remedy="Free disk space; the node goes on by itself.",
            ) from error
        raise StorageUnavailable(
            f"The data folder {folder} does not work: {error.strerror}.",
            remedy="Check that it exists, is writable and that its disk is healthy.",
        ) from error


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


class OpenVolume:
    """A volume that records are appended to, one thread at a time; locked while it is open.

    `appended` and `synced` count records. A volume whose sync failed once never
    says again that anything is durable: the kernel may have dropped the pages,
    and a second fdatasync would succeed without them.
    """

    def __init__(self, path: Path, fd: int) -> None:
        self.name = path.name
        self.size = 0
        self.appended = 0
        self.synced = 0
        self._fd = fd
        self._fd_lock = threading.Lock()
        self._closed = False
        self._failure: OSError | None = None

    @classmethod
    def create(cls, folder: Path) -> "OpenVolume":
        folder.mkdir(parents=True, exist_ok=True)
        path = new_volume_path(folder)
        fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o640)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            sync_folder(folder)
        except OSError:
            os.close(fd)
            raise
        return cls(path, fd)

    def append(self, pieces: tuple[bytes | memoryview, ...]) -> int:
        """Write the pieces of one record; return where it begins."""
        start = self.size
        total = sum(len(piece) for piece in pieces)
        try:
            written = os.writev(self._fd, pieces)
            if written < total:
                rest = memoryview(b"".join(pieces))[written:]
                while rest:
                    rest = rest[os.write(self._fd, rest) :]
        except OSError:
            os.ftruncate(self._fd, start)
            raise
        self.size += total
        self.appended += 1
        return start

    def sync(self) -> None:
        """Make all that was appended durable. Raises OSError, then and ever after."""
        with self._fd_lock:
            if self._failure is not None:
                raise OSError(self._failure.errno, self._failure.strerror) from self._failure
            if not self._closed:
                self._sync_or_abandon()

    def retire(self) -> None:
        """Take no more records; what was appended is synced before the file closes."""
        with self._fd_lock:
            if self._closed:
                return
            self._sync_or_abandon()
            self.synced = self.appended
            self._close()

    def _sync_or_abandon(self) -> None:
        try:
            os.fdatasync(self._fd)
        except OSError as error:
            self._failure = error
            self._close()
            raise

    def _close(self) -> None:
        self._closed = True
        os.close(self._fd)
