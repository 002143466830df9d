"""Look at SQLite's write-ahead log before SQLite does, after a crash.

SQLite passes in silence over all changes behind a damaged frame, and takes the log away. Here
flipped bits are turned back where they are certain; a log that cannot be mended is kept aside
first, and found by `kept_logs` until somebody removes it.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import structlog

from storage.core.errors import StorageUnavailable
from storage.db.write_ahead_log import commits_lost, log_path, salts_of, without_flipped_bits
from storage.volumes.durable_names import sync_file, sync_folder

_log = structlog.get_logger(__name__)

_KEPT = ".damaged-log-"
# Every connection has this byte of the shared memory file locked (os_unix.c: UNIX_SHM_DMS).
_OPEN_BYTE = 128
_LIMIT_S = 300.0


def look_after_log(index: Path) -> None:
    """Mend the log or keep it aside, where the next to open the database is the first.

    Raises StorageUnavailable where neither can be done: SQLite would take the log away.
    """
    log = log_path(index)
    if not log.is_file() or not log.stat().st_size or _is_open(index):
        return
    # A process of its own: closing the file gives up every lock of the process on it.
    child = subprocess.run(
        [sys.executable, "-P", "-m", __name__, str(index)],
        capture_output=True,
        text=True,
        check=False,
        timeout=_LIMIT_S,
    )
    if child.returncode:
        raise StorageUnavailable(
            f"The write-ahead log {log} is damaged, and could not be kept aside.",
            remedy="Look for room on the disk and at the rights of the folder, and start again.",
        )
    for line in child.stdout.splitlines():
        found = json.loads(line)
        _log.warning(found.pop("event"), **found)


def kept_logs(index: Path) -> list[Path]:
    """Logs whose last changes could not be read, oldest first, as long as they lie there."""
    found = index.parent.glob(f"{index.name}{_KEPT}*")
    return sorted(found, key=lambda path: path.stat().st_mtime)


def lost_changes(index: Path) -> str:
    """What kept logs mean, in words; empty where there are none."""
    logs = kept_logs(index)
    if not logs:
        return ""
    return (
        f"A log of the index was damaged on disk before a start: changes of its last minutes are"
        f" missing. It is kept as {', '.join(path.name for path in logs)}."
    )


LOST_CHANGES_REMEDY = (
    "Instances are back from the volumes. Look whether what people changed last is there (peers,"
    " accounts, reports), restore a backup otherwise, check the disk, and then remove the kept log."
)


def recover(index: Path) -> dict[str, object] | None:
    """What was done about the log: nothing where it is whole, or anybody has the database open."""
    log = log_path(index)
    with index.with_name(index.name + "-shm").open("ab") as shared:
        try:
            fcntl.lockf(shared, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _OPEN_BYTE)
        except OSError:
            return None
        lost = commits_lost(log)
        if not lost:
            return None
        mended = without_flipped_bits(log.read_bytes())
        if mended is not None:
            new = log.with_name(log.name + ".mended")
            new.write_bytes(mended)
            new.chmod(0o600)
            sync_file(new)
            new.rename(log)
            sync_folder(index.parent)
            return {"event": "write_ahead_log_mended", "commits_saved": lost}
        kept = index.with_name(f"{index.name}{_KEPT}{salts_of(log)}")
        shutil.copyfile(log, kept)
        kept.chmod(0o600)
        sync_file(kept)
        sync_folder(index.parent)
        return {"event": "write_ahead_log_damaged", "commits_lost": lost, "kept": kept.name}


def _is_open(index: Path) -> bool:
    """Whether any process of this machine has it open, as far as the system says so."""
    try:
        file = index.with_name(index.name + "-shm").stat()
        lines = Path("/proc/locks").read_text().splitlines()
    except OSError:
        return False
    mark = f"{os.major(file.st_dev):02x}:{os.minor(file.st_dev):02x}:{file.st_ino}"
    return any(mark in line.split() for line in lines)


if __name__ == "__main__":
    done = recover(Path(sys.argv[1]))
    if done:
        print(json.dumps(done))
