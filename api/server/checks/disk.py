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
        took = f"took {seconds:.0f} s" if is_done else f"has not ended after {seconds:.0f} s"
        return (
            f"The disk of {self._folder} is slow: writing a small file {took}. Whatever arrives"
            " waits for it. Look for what else uses the disk (iostat -x 1), and at its health"
            " (smartctl -a, dmesg)."
        )

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
            return (
                f"The disk of {folder} is read-only. Linux does so after errors: look at dmesg,"
                " check the file system, and mount it for writing again."
            )
        case errno.ENOSPC | errno.EDQUOT:
            return (
                f"There is no room for another file in {folder}: no space, no inodes (df -i) or no"
                " quota. Free disk space, or raise the quota."
            )
        case errno.EMFILE | errno.ENFILE:
            return f"Nothing can be opened in {folder}: no file descriptor is left. {REMEDY}"
        case errno.EACCES | errno.EPERM:
            return (
                f"{folder} is not writable. Give it to this user: chown -R {os.getuid()} {folder}"
            )
        case _:
            return (
                f"Writing to {folder} fails: {error.strerror}. The disk or its connection is"
                " broken: look at dmesg and smartctl -a, and replace it. What has arrived is"
                " checked by `mediview storage verify`."
            )


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
        return bad(
            f"{free_bytes >> 10} KiB are free where {settings.data_dir} lies, too few for the index"
            " and the audit trail. Free disk space."
        )
    if free_bytes < settings.free_disk_mark_bytes:
        return bad(
            f"{free_bytes // 2**20} MiB are free where {settings.data_dir} lies; the node takes"
            f" nothing below {settings.free_disk_mark_bytes // 2**20} MiB. Free disk space."
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
