"""The volume that a process appends to, and its place in the folder.

A file that somebody removes goes on taking bytes as long as it is open, and one that was cut off
takes them behind a hole, where no scan finds them. So every batch looks for both before it
counts as durable.
"""

import errno
import os
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import structlog

from storage.volumes.durable_names import sync_folder
from storage.volumes.files import (
    RETURNING,
    begin_append,
    create_volume_file,
    end_append,
    open_locked,
    status_in_place,
    write_blocks,
)
from storage.volumes.known_folder import KnownFolder
from storage.volumes.write_buffer import WriteBuffer

log = structlog.get_logger(__name__)

_PUT_BACK_PIECE_BYTES = 4 << 20


class OpenVolume:
    """A volume that batches of records are appended to; locked while it is open.

    A volume whose sync failed once never says again that anything is durable:
    the kernel may have dropped the pages, and a second fdatasync would succeed
    without them.
    """

    def __init__(self, folder: KnownFolder, path: Path, fd: int) -> None:
        self.name = path.name
        self.end = 0
        """Where the next batch goes, after whole blocks."""
        self._length = 0
        self._folder = folder
        self._path = path
        # Looked at with every batch.
        self._path_text = os.fspath(path)
        self._fd = fd
        # No other file takes its number as long as it is open.
        self._opened = os.fstat(fd)
        self._lock = threading.Lock()
        self._closed = False
        self._failure: OSError | None = None

    @classmethod
    def create(cls, folder: KnownFolder) -> "OpenVolume":
        """Raises OSError."""
        folder.check()
        path, fd = create_volume_file(folder.path)
        try:
            sync_folder(folder.path)
            folder.must_be_unchanged()
        except OSError:
            os.close(fd)
            path.unlink(missing_ok=True)
            raise
        folder.holds(path.name)
        return cls(folder, path, fd)

    @property
    def is_broken(self) -> bool:
        """Whether nothing more can be made durable here."""
        return self._failure is not None

    def append(self, batch: Iterable[memoryview], length: int) -> None:
        """Write whole blocks, of which `length` bytes count, and make them durable.

        Raises OSError; then nothing of them is in the volume, or it is broken.
        """
        with self._lock:
            if self._failure is not None:
                raise OSError(self._failure.errno, self._failure.strerror) from self._failure
            # Behind a hole nothing is found again, so nothing goes there.
            self._or_abandon(self._reach, self.end)
            begin_append(self._fd)
            end = self.end
            try:
                for blocks in batch:
                    write_blocks(self._fd, blocks, end)
                    end += len(blocks)
            except OSError:
                self._or_abandon(self._cut, self.end)
                end_append(self._fd)
                raise
            self._or_abandon(self._keep, end)
            end_append(self._fd)
            self._length = self.end + length
            self.end = end

    def retire(self) -> None:
        """Take no more records, and cut off what pads the last one. Raises OSError."""
        with self._lock:
            if self._closed:
                return
            # Nothing new is to be refused for it.
            with suppress(OSError):
                self._stay(self.end)
            # Should the cut fail, zeros stay at the end, which readers know.
            with suppress(OSError):
                if os.fstat(self._fd).st_size > self._length:
                    os.ftruncate(self._fd, self._length)
            self._or_abandon(self._sync)
            self._close()

    def _sync(self) -> None:
        os.fdatasync(self._fd)

    def _cut(self, end: int) -> None:
        os.ftruncate(self._fd, end)

    def _keep(self, end: int) -> None:
        os.fdatasync(self._fd)
        self._stay(end)

    def _reach(self, end: int) -> None:
        """Make sure that the open file is as long as was written to it at least."""
        size_bytes = os.fstat(self._fd).st_size
        if size_bytes < end:
            log.error(
                "open_volume_cut_off", volume=self.name, size_bytes=size_bytes, written_bytes=end
            )
            raise OSError(errno.EIO, f"the open volume {self.name} was cut off")

    def _stay(self, end: int) -> None:
        """Make sure that what is durable up to `end` is what the folder names.

        A file that was removed is put back, with all that this process wrote to it: its bytes
        are there as long as it is open. Raises OSError where it cannot be.
        """
        # Once for both: each call lets go of the interpreter's lock, and waits for it afterwards.
        named = status_in_place(self._path_text, self._opened)
        if named is not None and named.st_size >= end:
            return
        self._reach(end)
        try:
            self._folder.check()
            self._put_back(end)
        except OSError as error:
            log.error("open_volume_lost", volume=self.name, cause=error.strerror)
            raise OSError(
                error.errno, f"the open volume {self.name} was removed ({error.strerror})"
            ) from error
        log.error("open_volume_put_back", volume=self.name, size_bytes=end)

    def _put_back(self, end: int) -> None:
        """A new file with the same bytes, durable under the same name, and go on in that one."""
        temporary = self._path.with_suffix(RETURNING)
        fd = open_locked(temporary)
        try:
            begin_append(fd)
            buffer = WriteBuffer(_PUT_BACK_PIECE_BYTES)
            position = 0
            while position < end:
                count = buffer.read_from(self._fd, position, end - position)
                write_blocks(fd, buffer.blocks(), position)
                position += count
                buffer.clear()
            os.fdatasync(fd)
            # Not over another file that has taken the name.
            os.link(temporary, self._path)
            sync_folder(self._folder.path)
            self._folder.must_be_unchanged()
        except OSError:
            os.close(fd)
            raise
        finally:
            temporary.unlink(missing_ok=True)
        os.close(self._fd)
        self._fd = fd
        self._opened = os.fstat(fd)

    def _or_abandon(self, step: Callable[..., object], *parameters: int) -> None:
        try:
            step(*parameters)
        except OSError as error:
            self._failure = error
            self._close()
            raise

    def _close(self) -> None:
        self._closed = True
        os.close(self._fd)
