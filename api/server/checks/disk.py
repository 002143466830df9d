"""Whether the disk of the data folder has room, takes writes, and how fast."""

import errno
import os
import shutil
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from api.server.checks.health import GOOD, bad, nearest_existing
from api.server.health_sentences import HealthCode, sentence
from api.server.schemas import HealthPart
from inference.retention.outlook import disk_outlook
from storage.core.clock import utcnow
from storage.core.errors import MediViewError
from storage.core.open_files import REMEDY
from storage.db.sqlite_files.replacement import index_path
from storage.retention.disk import DiskSamples
from storage.retention.repository import StudyRetention
from storage.settings import Settings
from storage.volumes.writer import VolumeWriter

SLOW_S = 3.0
"""A disk that needs longer than this for one small file holds up every instance that arrives."""

_LEAST_FREE_BYTES = 4 << 20
# Monitors ask often.
_WRITTEN_EVERY_S = 5.0


@dataclass
class _Attempt:
    begun_s: float
    is_done: threading.Event = field(default_factory=threading.Event)
    seconds: float = 0.0
    error: OSError | None = None


class DiskProbe:
    """Makes a small file durable in a folder, and reports what became of it. Safe for threads.

    It is written by a thread of its own: a disk that hangs must not take the asker with it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._attempt: _Attempt | None = None

    def failure(self) -> str:
        """Why nothing can be written, with the remedy; empty where something can."""
        attempt = self._look()
        return "" if attempt.error is None else explain_write_error(attempt.error, self._folder)

    def slowness(self) -> str:
        """How slow the disk is, with the remedy; empty where it is fast enough."""
        attempt = self._look()
        is_done = attempt.is_done.is_set()
        seconds = attempt.seconds if is_done else time.monotonic() - attempt.begun_s
        if seconds < SLOW_S:
            return ""
        code: HealthCode = "disk_slow" if is_done else "disk_hangs"
        return sentence(code, folder=self._folder, seconds=f"{seconds:.0f}")

    def _look(self) -> _Attempt:
        with self._lock:
            attempt, now_s = self._attempt, time.monotonic()
            if attempt is None or (
                attempt.is_done.is_set() and now_s - attempt.begun_s > _WRITTEN_EVERY_S
            ):
                attempt = self._attempt = _Attempt(now_s)
                threading.Thread(target=self._write, args=(attempt,), daemon=True).start()
        attempt.is_done.wait(max(0.0, attempt.begun_s + SLOW_S - time.monotonic()))
        return attempt

    def _write(self, attempt: _Attempt) -> None:
        begun_s = time.monotonic()
        try:
            # Without a name: nothing stays of it when the process ends in the middle.
            with tempfile.TemporaryFile(dir=nearest_existing(self._folder), buffering=0) as file:
                file.write(bytes(4096))
                os.fsync(file.fileno())
        except OSError as error:
            attempt.error = error
        attempt.seconds = time.monotonic() - begun_s
        attempt.is_done.set()


def explain_write_error(error: OSError, folder: Path) -> str:
    """What keeps the node from writing there, and what to do."""
    match error.errno:
        case errno.EROFS:
            return sentence("disk_read_only", folder=folder)
        case errno.ENOSPC | errno.EDQUOT:
            return sentence("disk_no_room", folder=folder)
        case errno.EMFILE | errno.ENFILE:
            return f"Nothing can be opened in {folder}: no file descriptor is left. {REMEDY}"
        case errno.EACCES | errno.EPERM:
            return sentence(
                "disk_not_writable", folder=folder, user=os.getuid(), same_folder=folder
            )
        case _:
            return sentence("disk_fails", folder=folder, error=error.strerror)


def volumes_probe(settings: Settings) -> DiskProbe:
    """Of the disk on which everything that arrives is made durable."""
    return DiskProbe(settings.data_dir.absolute() / "volumes")


def index_probe(settings: Settings) -> DiskProbe | None:
    """Of SQLite's disk, where it is another than that of the volumes."""
    index = index_path(settings)
    if index is None:
        return None
    index_disk = nearest_existing(index.absolute().parent)
    volumes_disk = nearest_existing(settings.data_dir.absolute() / "volumes")
    if index_disk.stat().st_dev == volumes_disk.stat().st_dev:
        return None
    return DiskProbe(index_disk)


def check_room(settings: Settings) -> HealthPart:
    free_bytes = shutil.disk_usage(nearest_existing(settings.data_dir)).free
    if free_bytes < _LEAST_FREE_BYTES and free_bytes >= settings.free_disk_mark_bytes:
        # Whatever the mark is: the index and the audit trail must be written.
        return bad(sentence("disk_nearly_full", free=free_bytes >> 10, folder=settings.data_dir))
    if free_bytes < settings.free_disk_mark_bytes:
        return bad(
            sentence(
                "disk_full",
                free=free_bytes // 2**20,
                folder=settings.data_dir,
                needed=settings.free_disk_mark_bytes // 2**20,
            )
        )
    return GOOD


def check_disk(settings: Settings, probe: DiskProbe) -> HealthPart:
    """Whether there is room, and a file can be written."""
    room = check_room(settings)
    failure = probe.failure() if room.ok else ""
    return bad(failure) if failure else room


def warn_of_disk(
    settings: Settings, volumes: VolumeWriter, retention: StudyRetention, disk_samples: DiskSamples
) -> HealthPart:
    """When the disk will be full, and what retention can free, while nothing is refused yet."""
    try:
        outlook = disk_outlook(settings, volumes, retention, disk_samples, utcnow())
        warnings = filter(None, (outlook.warning(), outlook.quotas()))
        return HealthPart(ok=True, detail=" ".join(warnings))
    except MediViewError:
        # The database has a part of its own.
        return GOOD


def check_disk_speed(probe: DiskProbe) -> HealthPart:
    slowness = probe.slowness()
    return bad(slowness) if slowness else GOOD
