"""Copies of removed volumes that a process was killed over while it put them back."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import structlog

from storage.volumes.durable_names import sync_folder
from storage.volumes.files import (
    RETURNING,
    SUFFIX,
    is_in_place,
    new_volume_path,
    translated_os_errors,
)

log = structlog.get_logger(__name__)


def take_back(folder: Path) -> None:
    """Let what was copied count as a volume, since nothing else may have it; how much of its last
    record is there a scan finds out. What has its name already goes.

    Raises StorageUnavailable.
    """
    with translated_os_errors(folder):
        for path in sorted(folder.glob(f"*{RETURNING}")):
            # Another process may look at the same time.
            with suppress(FileNotFoundError), _not_written(path) as is_abandoned:
                if is_abandoned:
                    _take_back(path)


@contextmanager
def _not_written(path: Path) -> Iterator[bool]:
    """Whether no process writes it, nor begins to within the block. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield is_in_place(path, os.fstat(fd))
    finally:
        os.close(fd)


def _take_back(path: Path) -> None:
    volume = path.with_suffix(SUFFIX)
    if not path.stat().st_size or (volume.exists() and volume.samefile(path)):
        path.unlink()
        return
    if volume.exists():
        volume = new_volume_path(path.parent)
    # Not over another file that takes the name meanwhile.
    os.link(path, volume)
    path.unlink()
    sync_folder(path.parent)
    log.warning("volume_taken_back", volume=volume.name, size_bytes=volume.stat().st_size)
