"""The files of volumes: their names, how they are opened, and what the disk says."""

import errno
import fcntl
import os
import secrets
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from storage.core import open_files
from storage.core.clock import utcnow
from storage.core.errors import StorageFull, StorageUnavailable
from storage.volumes.host_id import host_id

SUFFIX = ".mvv"
RETURNING = ".returning"
"""Of a copy of a volume that was removed while it was open, on its way back."""
_BEGUN_AT = "%Y%m%dT%H%M%S"
# Linux has it, others do without.
_DIRECT = getattr(os, "O_DIRECT", 0)
# struct flock of fcntl(2): type, whence, start, length (0: all there will be), process.
_FLOCK = struct.Struct("hhqqi4x")
_WRITER, _READER, _NOBODY = (
    _FLOCK.pack(kind, os.SEEK_SET, 0, 0, 0)
    for kind in (fcntl.F_WRLCK, fcntl.F_RDLCK, fcntl.F_UNLCK)
)
_APPEND_POLL_S = 0.002


def new_volume_path(folder: Path) -> Path:
    """A name that sorts by time and tells the host; no other process gives it. Raises OSError."""
    host = host_id(folder)
    return folder / f"{utcnow():{_BEGUN_AT}}-{host}-{secrets.token_hex(12)}{SUFFIX}"


def volume_begun_at(name: str) -> datetime | None:
    """When a volume was begun, to the second, by its name; None where that does not say it."""
    try:
        return datetime.strptime(name.partition("-")[0], _BEGUN_AT).replace(tzinfo=UTC)
    except ValueError:
        return None


class translated_os_errors:  # noqa: N801 - used as a function
    """Turn what the file system raises into our causes.

    A class: of each instance that arrives several steps stand in one, and a generator costs
    twice as much.
    """

    __slots__ = ("_folder",)

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not isinstance(error, OSError):
            return
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull(
                "The disk of the data folder is full.",
                remedy="Free disk space; the node goes on by itself.",
            ) from error
        open_files.check_error(error)
        raise StorageUnavailable(
            f"The data folder {self._folder} does not work: {error.strerror}.",
            remedy="Check that it exists, is writable and that its disk is healthy.",
        ) from error


def create_volume_file(folder: Path) -> tuple[Path, int]:
    """Make an empty volume and lock it; its path and descriptor. Raises OSError.

    The folder is not made: `KnownFolder` does so once, and later it is gone with its disk.
    It is written past the page cache where the file system allows that: copying
    into fresh pages and writing those back costs several times as much CPU.
    """
    path = new_volume_path(folder)
    return path, open_locked(path)


def open_locked(path: Path) -> int:
    """The descriptor of a new file, past the page cache, locked. Raises OSError."""
    while True:
        fd = _created(path)
        try:
            # Who looks whether it is written has it locked for a moment. Before it is locked it
            # looks abandoned, and another process may remove it.
            fcntl.flock(fd, fcntl.LOCK_EX)
            if is_in_place(path, os.fstat(fd)):
                return fd
        except OSError:
            os.close(fd)
            raise
        os.close(fd)


def _created(path: Path) -> int:
    flags = os.O_CREAT | os.O_EXCL | os.O_RDWR
    try:
        return os.open(path, flags | _DIRECT, 0o600)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        path.unlink(missing_ok=True)
        return os.open(path, flags, 0o600)


def is_in_place(path: Path | str, opened: os.stat_result) -> bool:
    """Whether the folder still has under that name the file that is open. Raises OSError."""
    return status_in_place(path, opened) is not None


def status_in_place(path: Path | str, opened: os.stat_result) -> os.stat_result | None:
    """The status by its name of the file that is open, None where the folder does not have it
    there any more. Raises OSError."""
    try:
        # Of each batch received: of text it takes one call.
        named = os.stat(path)  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        return None
    return named if os.path.samestat(named, opened) else None


def write_blocks(fd: int, blocks: memoryview, position: int) -> None:
    """Write whole blocks, which lie at a page's beginning in memory. Raises OSError."""
    while blocks:
        try:
            written = os.pwrite(fd, blocks, position)
        except OSError as error:
            flags = fcntl.fcntl(fd, fcntl.F_GETFL)
            if error.errno != errno.EINVAL or not flags & _DIRECT:
                raise
            # Some file systems take the flag, and refuse when it comes to writing.
            fcntl.fcntl(fd, fcntl.F_SETFL, flags & ~_DIRECT)
            continue
        blocks = blocks[written:]
        position += written


def begin_append(fd: int) -> None:
    """Let nobody read what this process is about to write, until it is durable or gone again.

    A lock beside the flock that is held as long as a volume is open; it ends with
    the descriptor. Some file systems have none: then readers do without.
    """
    _lock(fd, fcntl.F_OFD_SETLKW, _WRITER)


def end_append(fd: int) -> None:
    _lock(fd, fcntl.F_OFD_SETLK, _NOBODY)


def _lock(fd: int, command: int, lock: bytes) -> None:
    try:  # noqa: SIM105 - `suppress` costs as much as the lock, twice for each batch received
        fcntl.fcntl(fd, command, lock)
    except OSError:
        pass


@contextmanager
def nothing_appended(path: Path, patience_s: float) -> Iterator[bool]:
    """Whether all that stands in the volume is durable, and nothing is added within the block.

    False where its writer is stuck for so long. Raises OSError.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield _lock_for_reading(fd, patience_s)
    finally:
        os.close(fd)


def _lock_for_reading(fd: int, patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while True:
        try:
            fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _READER)
        except (BlockingIOError, PermissionError):
            if time.monotonic() > deadline:
                return False
            time.sleep(_APPEND_POLL_S)
        else:
            return True
