"""Copies of removed volumes that a process was killed over while it put them back."""

import os
from contextlib import suppress
from pathlib import Path

import structlog

from storage.volumes.durable_names import sync_folder
from storage.volumes.files import RETURNING, SUFFIX, new_volume_path, translated_os_errors
from storage.volumes.scan import is_being_written

log = structlog.get_logger(__name__)


def take_back(folder: Path) -> None:
    """Let what was copied count as a volume, since nothing else may have it; how much of its last
    record is there a scan finds out. What has its name already goes.

    Raises StorageUnavailable.
    """
    with translated_os_errors(folder):
        for path in sorted(folder.glob(f"*{RETURNING}")):
            # Another process may look at the same time.
            with suppress(FileNotFoundError):
                if not is_being_written(path):
                    _take_back(path)


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
