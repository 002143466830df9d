"""Look at the index and the volumes without changing them, and tell what is wrong."""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqlalchemy import Engine, func, select

from storage import tables as t
from storage.core.errors import InvalidRequest
from storage.db.driver_errors import is_damaged
from storage.db.engine import make_engine, reading
from storage.db.schema import newest_revision, revision
from storage.db.sqlite_files.replacement import index_path
from storage.db.sqlite_files.write_ahead_log import commits_lost, log_path, without_flipped_bits
from storage.reconciliation.missing_rows import count_without_row
from storage.reconciliation.moved_rows import LOOKED_UP_TOGETHER, Places, moved
from storage.recovery.schema_page import is_first_page_garbled
from storage.settings import Settings
from storage.volumes.deletion_counter import NAME, counter_damage
from storage.volumes.scan import batched, is_being_written, is_unfinished, scan, volumes_in

IndexState = Literal["whole", "missing", "empty", "damaged", "older", "indexes_wrong"]
_ERRORS_SHOWN = 3


@dataclass(frozen=True)
class Finding:
    what: str
    remedy: str


@dataclass(frozen=True)
class Diagnosis:
    index: IndexState
    findings: tuple[Finding, ...]
    log_is_damaged: bool = False
    """SQLite's write-ahead log."""

    @property
    def must_rebuild(self) -> bool:
        return self.index in ("missing", "empty", "damaged")


def diagnose(settings: Settings) -> Diagnosis:
    """Raises InvalidRequest while the node runs; StorageUnavailable where PostgreSQL is away."""
    volumes = settings.data_dir / "volumes"
    if any(is_being_written(path) for path in volumes_in(volumes)):
        raise _running()
    path = index_path(settings)
    state: IndexState = "whole"
    findings: list[Finding] = []
    lost_commits = 0
    if path is not None:
        lost_commits = commits_lost(log_path(path))
        # Opening it may write the page again.
        is_garbled = is_first_page_garbled(path)
        state, findings = _look_at_file(path, is_copied=bool(lost_commits))
        if lost_commits and state not in ("missing", "empty"):
            findings.append(_log_finding(log_path(path), lost_commits))
        if is_garbled and state in ("whole", "indexes_wrong"):
            findings.append(_first_page_finding(path))
    if damage := counter_damage(volumes):
        what = f"The counter of deletions, {volumes / NAME}, {damage}."
        findings.append(Finding(what, "It counts on above all that volumes and index know of."))
    # Opening it ends the log, which is to be kept first where it is damaged.
    if state in ("whole", "indexes_wrong") and not lost_commits:
        engine = make_engine(settings.resolved_database_url)
        try:
            with reading(engine) as connection:
                current = revision(connection)
            if current is None:
                state = "empty"
                findings.append(_rebuild_finding("The database has no tables."))
            elif current != newest_revision():
                state = "older"
                findings.append(
                    Finding(f"The database is at schema {current}.", "It is brought to this one's.")
                )
            else:
                findings += _look_at_rows(engine, volumes)
        finally:
            engine.dispose()
    return Diagnosis(state, tuple(findings), bool(lost_commits))


def _look_at_file(path: Path, *, is_copied: bool) -> tuple[IndexState, list[Finding]]:
    if not path.exists():
        return "missing", [_rebuild_finding(f"The index {path} is missing.")]
    if not path.stat().st_size:
        return "empty", [_rebuild_finding(f"The index {path} is empty.")]
    try:
        with _copy_of(path) if is_copied else nullcontext(path) as looked_at:
            errors = list(_integrity_errors(looked_at))
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise _running() from error
        errors = [str(error)]
    except sqlite3.DatabaseError as error:
        if not is_damaged(error):
            raise
        errors = [str(error)]
    if not errors:
        return "whole", []
    shown = "; ".join(errors[:_ERRORS_SHOWN])
    if all(" index " in one for one in errors):
        remedy = "The database's own indexes are built again; no row is lost."
        return "indexes_wrong", [Finding(f"Indexes within {path} are wrong: {shown}.", remedy)]
    return "damaged", [_rebuild_finding(f"The index {path} is damaged: {shown}.")]


@contextmanager
def _copy_of(path: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".diagnosis-") as folder:
        for suffix in ("", "-wal"):
            source = path.with_name(path.name + suffix)
            if source.exists():
                shutil.copyfile(source, Path(folder) / source.name)
        yield Path(folder) / path.name


def _integrity_errors(path: Path) -> Iterator[str]:
    with closing(sqlite3.connect(path, timeout=1.0, isolation_level=None)) as connection:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE").close()
        # Refused while any other process has it open.
        connection.execute("BEGIN EXCLUSIVE").close()
        connection.execute("ROLLBACK").close()
        for (message,) in connection.execute("PRAGMA integrity_check(10)"):
            if message != "ok":
                yield " ".join(str(message).split())


def _look_at_rows(engine: Engine, volumes: Path) -> Iterator[Finding]:
    with reading(engine) as connection:
        rows = connection.execute(
            select(
                t.instance.c.volume,
                func.count(),
                func.max(t.instance.c.volume_offset + t.instance.c.size_bytes),
                func.max(t.instance.c.sop_instance_uid),
            )
            .where(t.NOT_UPLOADED, t.instance.c.volume != "")
            .group_by(t.instance.c.volume)
        ).all()
    without = 0
    elsewhere: dict[str, set[str]] = {}
    """By the volume that the index names."""
    places = Places(volumes)
    for path in volumes_in(volumes):
        with suppress(FileNotFoundError):
            if not is_unfinished(path):
                without += count_without_row(engine, path)
                for records in batched(scan(path), LOOKED_UP_TOGETHER):
                    for one in moved(engine, records, places):
                        uids = elsewhere.setdefault(one.row.volume, set())
                        if one.row.table is t.instance:
                            uids.add(one.row.sop_instance_uid)
    moved_count = 0
    for volume, count, end, uid in rows:
        path = volumes / volume
        if not path.is_file() or path.stat().st_size < end:
            gone = "is missing" if not path.is_file() else f"ends before byte {end}"
            found = len(elsewhere.get(volume, ()))
            moved_count += found
            if count - found:
                among = f", {uid} among them" if not found else f"; other volumes have {found}"
                yield Finding(
                    f"The volume {volume} {gone}; {count} instances lie in it{among}.",
                    "Nothing can be done here: copy the volume back from a backup, or have them"
                    " sent again. They are answered with an error that says so.",
                )
    if moved_count:
        yield Finding(
            f"The index is older than a compaction: of {moved_count} instances it names volumes"
            " that are gone, and others have them.",
            "The index is brought to name those.",
        )
    if without:
        yield Finding(
            f"{without} records of volumes have no row in the index.", "They are indexed again."
        )


def _rebuild_finding(what: str) -> Finding:
    return Finding(
        what,
        "A new one is made: instances from the volumes and the bucket, and all that can still be"
        " read in the old file.",
    )


def _log_finding(log: Path, lost: int) -> Finding:
    if without_flipped_bits(log.read_bytes()) is not None:
        return Finding(
            f"Bits of the write-ahead log of the index {log} are flipped.",
            "They are turned back, and nothing is lost. Check the disk: it changed bytes.",
        )
    what = "cannot be read at all" if lost < 0 else f"has a damaged page before {lost} changes"
    return Finding(
        f"The write-ahead log of the index {what}.",
        "The log is kept aside. Instances come back from the volumes; what people did in those"
        " last minutes does not.",
    )


def _first_page_finding(path: Path) -> Finding:
    return Finding(
        f"The first page of {path} was garbled on disk; its write-ahead log has the page.",
        "It is written again from the log. Check the disk: it changed bytes.",
    )


def _running() -> InvalidRequest:
    return InvalidRequest(
        "The node is running, or another program has the index open.",
        remedy="Stop it first, then run this again.",
    )
