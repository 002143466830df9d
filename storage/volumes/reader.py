"""Read byte ranges out of volumes."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.core.entities import Location
from storage.core.errors import StorageUnavailable
from storage.volumes.files import translated_os_errors

_SWEEP_INTERVAL_S = 10.0


class VolumeReader:
    """Reads byte ranges of records. Safe for threads and across processes."""

    def __init__(self, folder: Path, *, max_open: int = 128) -> None:
        self._folder = folder
        self._max_open = max_open
        self._lock = threading.Lock()
        self._files: dict[str, _SharedFile] = {}
        self._is_swept = False

    def read(self, location: Location, start: int, length: int) -> bytes:
        """`length` bytes from `start` within the instance. Raises StorageUnavailable."""
        with translated_os_errors(self._folder):
            file = self._acquire(location.volume)
            try:
                data = os.pread(file.fd, length, location.offset + start)
            finally:
                self._release(file)
        if len(data) < length:
            raise StorageUnavailable(
                f"Volume {location.volume} ends before byte {location.offset + start + length}.",
                remedy="Check the disk; the volume was cut off after it was written.",
            )
        return data

    @contextmanager
    def hold(self, location: Location) -> Iterator[int]:
        """The descriptor of the volume, open meanwhile. Raises StorageUnavailable."""
        with translated_os_errors(self._folder):
            file = self._acquire(location.volume)
        try:
            yield file.fd
        finally:
            self._release(file)

    def path(self, location: Location) -> Path:
        return self._folder / location.volume

    def close(self) -> None:
        with self._lock:
            for file in self._files.values():
                os.close(file.fd)
            self._files.clear()

    def _acquire(self, name: str) -> "_SharedFile":
        with self._lock:
            file = self._files.pop(name, None)
            if file is None or not os.fstat(file.fd).st_nlink:
                file = self._reopen(name, file)
            self._files[name] = file
            file.users += 1
            if not self._is_swept:
                self._is_swept = True
                threading.Thread(target=self._sweep, name="volume-sweep", daemon=True).start()
            return file

    def _reopen(self, name: str, removed: "_SharedFile | None") -> "_SharedFile":
        """A removed file may be back under its name; where it is not, it is read on as it is."""
        self._evict()
        try:
            file = _SharedFile(os.open(self._folder / name, os.O_RDONLY | os.O_CLOEXEC))
        except OSError:
            if removed is None:
                raise
            return removed
        if removed is not None:
            removed.is_replaced = True
            self._close_replaced(removed)
        return file

    def _release(self, file: "_SharedFile") -> None:
        with self._lock:
            file.users -= 1
            self._close_replaced(file)

    def _close_replaced(self, file: "_SharedFile") -> None:
        if file.is_replaced and not file.users:
            os.close(file.fd)

    def _sweep(self) -> None:
        """Close what was removed, for a removed file frees its disk only once nobody has it open.

        Also in a process that reads nothing any more; ends when no file is open.
        """
        while True:
            time.sleep(_SWEEP_INTERVAL_S)
            with self._lock:
                for name, file in list(self._files.items()):
                    if not file.users and not os.fstat(file.fd).st_nlink:
                        os.close(file.fd)
                        del self._files[name]
                if not self._files:
                    self._is_swept = False
                    return

    def _evict(self) -> None:
        if len(self._files) < self._max_open:
            return
        for name, file in list(self._files.items()):
            if not file.users:
                os.close(file.fd)
                del self._files[name]
                return


class _SharedFile:
    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.users = 0
        self.is_replaced = False
