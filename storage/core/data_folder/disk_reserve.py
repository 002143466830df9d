"""Room held back in the data folder, given up when the disk is full.

On a disk without a free byte SQLite cannot even be opened: it ends the process by SIGBUS, or says
that it cannot be reached. With the few megabytes of the reserve the node starts, deletes, and says
what is wrong.
"""

import os
import shutil
from pathlib import Path

import structlog

from storage.core.errors import StorageFull

log = structlog.get_logger(__name__)

NAME = "reserve"
RESERVE_BYTES = 16 << 20
# SQLite's log and index of it, a tombstone, some lines of the log.
_NEEDED_BYTES = 4 << 20
_LEAST_BYTES = 256 << 10


def release_if_full(data_dir: Path) -> bool:
    """Give the reserve up where next to nothing else is free; whether it was given up now."""
    reserve = _path(data_dir)
    if not reserve.exists() or _free_bytes(data_dir) >= _NEEDED_BYTES:
        return False
    reserve.unlink(missing_ok=True)
    log.warning("disk_reserve_released", bytes=RESERVE_BYTES)
    return True


def check_room(data_dir: Path) -> None:
    """Give the reserve up where needed; raise StorageFull where even that leaves no room."""
    release_if_full(data_dir)
    free_bytes = _free_bytes(data_dir)
    if free_bytes < _LEAST_BYTES:
        raise StorageFull(
            f"The disk of the data folder {data_dir.absolute()} is full:"
            f" {free_bytes >> 10} KiB are free.",
            remedy="Remove something else from that disk; then the node can delete studies.",
        )


def refill(data_dir: Path, free_disk_mark_bytes: int) -> None:
    """Hold the reserve back again, once there is clearly more room than the node must keep free."""
    reserve = _path(data_dir)
    enough = free_disk_mark_bytes + 4 * RESERVE_BYTES
    if reserve.exists() or not data_dir.is_dir() or _free_bytes(data_dir) < enough:
        return
    try:
        fd = os.open(reserve, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return  # another process was quicker
    try:
        os.posix_fallocate(fd, 0, RESERVE_BYTES)
    except OSError:
        reserve.unlink(missing_ok=True)
    finally:
        os.close(fd)


def _path(data_dir: Path) -> Path:
    return data_dir / NAME


def _free_bytes(data_dir: Path) -> int:
    return shutil.disk_usage(data_dir).free
