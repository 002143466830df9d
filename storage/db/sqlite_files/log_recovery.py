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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from storage.core.data_folder.file_owner import give_to_owner
from storage.core.errors import StorageUnavailable
from storage.db.sqlite_files.write_ahead_log import (
    commits_lost,
    log_path,
    salts_of,
    without_flipped_bits,
)
from storage.volumes.durable_names import sync_file, sync_folder

_log = structlog.get_logger(__name__)

_KEPT = ".damaged-log-"
_MENDED = ".mended-log-"
_NOT_KEPT = 3
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
    try:
        child = subprocess.run(
            [sys.executable, "-P", "-m", __name__, str(index)],
            capture_output=True,
            text=True,
            check=False,
            timeout=_LIMIT_S,
        )
    except subprocess.TimeoutExpired:
        _log.warning("write_ahead_log_not_looked_at", reason="it takes too long")
        return
    if child.returncode == _NOT_KEPT:
        raise StorageUnavailable(
            f"The write-ahead log {log} is damaged, and could not be kept aside.",
            remedy="Look for room on the disk and at the rights of the folder, and start again.",
        )
    if child.returncode:
        reason = child.stderr.strip().rpartition("\n")[2]
        _log.warning("write_ahead_log_not_looked_at", reason=reason)
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
    """What was done about the log: nothing where it is whole, or anybody has the database open.

    Raises OSError where a damaged log cannot be kept aside.
    """
    # One after another: who does not find the log damaged any more may open the database.
    turn = index.with_name(index.name + "-look")
    with turn.open("ab") as file:
        give_to_owner(turn, index)
        fcntl.flock(file, fcntl.LOCK_EX)
        return _recover(index, log_path(index))


def _recover(index: Path, log: Path) -> dict[str, object] | None:
    with _alone(index) as is_alone:
        if not is_alone:
            return None
    # SQLite waits for the lock for seconds only: looked at without it.
    seen = log.stat()
    lost = commits_lost(log)
    if not lost:
        return None
    damaged = log.read_bytes()
    mended = without_flipped_bits(damaged)
    kept = _keep(index, log)
    with _alone(index) as is_alone:
        now = log.stat() if log.exists() else None
        is_same = now is not None and (now.st_mtime_ns, now.st_size) == (
            seen.st_mtime_ns,
            seen.st_size,
        )
        if mended is not None and is_alone and is_same:
            # In place: who opens it right now has the file open already, and waits to read it.
            with log.open("r+b", buffering=0) as file:
                for position, (old, new) in enumerate(zip(damaged, mended, strict=True)):
                    if old != new:
                        os.pwrite(file.fileno(), bytes([new]), position)
                os.fsync(file.fileno())
            kept.rename(kept.with_name(kept.name.replace(_KEPT, _MENDED)))
            return {"event": "write_ahead_log_mended", "commits_saved": lost}
    if mended is not None and is_alone:
        # Somebody else has mended it meanwhile.
        kept.unlink()
        return None
    return {"event": "write_ahead_log_damaged", "commits_lost": lost, "kept": kept.name}


@contextmanager
def _alone(index: Path) -> Iterator[bool]:
    """Whether nobody has the database open, and as long as it lasts, nobody opens it."""
    path = index.with_name(index.name + "-shm")
    with path.open("ab") as shared:
        give_to_owner(path, index)
        try:
            fcntl.lockf(shared, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _OPEN_BYTE)
        except OSError:
            yield False
        else:
            yield True


def _keep(index: Path, log: Path) -> Path:
    kept = index.with_name(f"{index.name}{_KEPT}{salts_of(log)}")
    kept.touch(0o600)
    shutil.copyfile(log, kept)
    sync_file(kept)
    give_to_owner(kept, index)
    sync_folder(index.parent)
    return kept


def _is_open(index: Path) -> bool:
    """Whether any process of this machine has it open, as far as the system says so.

    Who has it open shares the lock; alone has it who looks at the log.
    """
    try:
        file = index.with_name(index.name + "-shm").stat()
        lines = Path("/proc/locks").read_text().splitlines()
    except OSError:
        return False
    mark = f"{os.major(file.st_dev):02x}:{os.minor(file.st_dev):02x}:{file.st_ino}"
    return any({mark, "READ"} <= set(line.split()) for line in lines)


if __name__ == "__main__":
    try:
        done = recover(Path(sys.argv[1]))
    except OSError as error:
        print(error, file=sys.stderr)
        sys.exit(_NOT_KEPT if commits_lost(log_path(Path(sys.argv[1]))) else 1)
    if done:
        print(json.dumps(done))
