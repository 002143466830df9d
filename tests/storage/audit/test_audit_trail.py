"""Events told by threads and processes reach the trail, whatever the database does meanwhile."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from storage.audit import Actor, Audit, AuditEvent, AuditRecord, Code, Type
from storage.audit.keeper import AuditKeeper
from storage.audit.query import AuditFilter, all_events, find_events
from storage.container import Storage
from storage.core.callers.request_context import serving
from storage.core.clock import utcnow
from storage.core.errors import StorageUnavailable
from storage.db.engine import writing
from tests.ready_processes import ReadyPopen
from tests.storage.instances import part10

ANN = Actor("account", "ann", "10.0.0.7")


def login(name: str = "ann", **fields: object) -> AuditEvent:
    return AuditEvent(
        Code.USER_AUTHENTICATION,
        "E",
        Actor("account", name, "10.0.0.7"),
        type=Type.LOGIN,
        **fields,  # type: ignore[arg-type]
    )


def trail(storage: Storage) -> Sequence[AuditRecord]:
    storage.audit.flush()
    return list(all_events(storage.engine, AuditFilter()))


def test_what_was_told_by_many_threads_is_there_once(storage: Storage) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: storage.audit.record(login(f"user-{n}")), range(200)))
    assert sorted(one.actor_name for one in trail(storage)) == sorted(
        f"user-{n}" for n in range(200)
    )


def test_the_patients_of_a_study_are_found(storage: Storage) -> None:
    accepted = storage.ingest.accept(part10(PatientID="P-77"), source="stow")
    storage.audit.viewed(ANN, accepted.study_instance_uid, "frames")
    (seen,) = trail(storage)
    assert seen.patient_ids == ("P-77",)
    for wanted in (
        AuditFilter(patient_id="P-77"),
        AuditFilter(study_instance_uid=accepted.study_instance_uid),
        AuditFilter(actor="ann", code=Code.INSTANCES_ACCESSED),
        AuditFilter(text="FRAMES"),
        AuditFilter(text="10.0.0"),
        AuditFilter(since=utcnow() - timedelta(minutes=1), until=utcnow() + timedelta(minutes=1)),
    ):
        assert find_events(storage.engine, wanted, 10, 0)[1] == 1, wanted
    for other in (
        AuditFilter(patient_id="P-7"),
        AuditFilter(text="10%"),
        AuditFilter(failures=True),
        AuditFilter(since=utcnow() + timedelta(minutes=1)),
    ):
        assert find_events(storage.engine, other, 10, 0)[1] == 0, other


def test_a_thousand_looks_by_two_processes_share_the_rows_of_their_minutes(
    storage: Storage,
) -> None:
    other = Audit(storage.engine, storage.settings.data_dir)
    for audit in (storage.audit, other) * 250:
        audit.viewed(ANN, "1.2.3", "frames")
        audit.viewed(ANN, "1.2.4", "frames", 2)
    other.close()
    seen = trail(storage)
    assert len(seen) <= 4, "two studies, and the minute may change once"
    counts = dict.fromkeys(("1.2.3", "1.2.4"), 0)
    for one in seen:
        counts[one.study_instance_uids[0]] += one.occurrences
    assert counts == {"1.2.3": 500, "1.2.4": 1000}


def test_looks_after_their_minute_was_sealed_get_a_row_of_their_own(storage: Storage) -> None:
    storage.audit.viewed(ANN, "1.2.3", "frames")
    storage.audit.flush()
    AuditKeeper(storage.engine, storage.settings, storage.audit).round(
        utcnow() + timedelta(minutes=3)
    )
    storage.audit.viewed(ANN, "1.2.3", "frames", 4)
    first, second = trail(storage)
    assert (first.occurrences, second.occurrences) == (1, 4)
    assert first.chain_index is not None


def test_an_event_bears_the_id_of_the_request_at_hand(storage: Storage) -> None:
    with serving("request-1"):
        storage.audit.record(login())
    storage.audit.record(login())
    assert [one.request_id for one in trail(storage)] == ["request-1", ""]


def test_what_no_database_could_keep_is_cleaned(storage: Storage) -> None:
    storage.audit.record(
        login(
            "a\0b", patient_ids=("P\0", "P\0", "x" * 500), detail={"what": "c\0d", "n": [1, "\0"]}
        )
    )
    (one,) = trail(storage)
    assert (one.actor_name, one.patient_ids[0]) == ("ab", "P")
    assert one.detail == {"what": "cd", "n": [1, ""]}


def _break(storage: Storage) -> None:
    with writing(storage.engine) as connection:
        connection.execute(text("ALTER TABLE audit_event RENAME TO audit_event_away"))


def _mend(storage: Storage) -> None:
    with writing(storage.engine) as connection:
        connection.execute(text("ALTER TABLE audit_event_away RENAME TO audit_event"))


def test_events_wait_on_disk_while_the_database_takes_none(storage: Storage) -> None:
    _break(storage)
    storage.audit.record(login("early", study_instance_uids=("1.2",)))
    storage.audit.viewed(ANN, "1.2.3", "frames", 3)
    storage.audit.flush()
    folder = storage.settings.data_dir / "audit" / "spool"
    waiting = list(folder.iterdir())
    assert waiting
    assert all(path.stat().st_mode & 0o077 == 0 for path in [folder, *waiting])
    _mend(storage)
    AuditKeeper(storage.engine, storage.settings, storage.audit).round(utcnow())
    kept = list(all_events(storage.engine, AuditFilter()))
    assert {one.actor_name for one in kept} == {"early", "ann"}
    assert not list(folder.iterdir())


def test_a_damaged_file_of_waiting_events_holds_no_other_up(storage: Storage) -> None:
    _break(storage)
    for name in ("early", "late"):
        storage.audit.record(login(name))
        storage.audit.flush()
    folder = storage.settings.data_dir / "audit" / "spool"
    damaged = min(folder.iterdir(), key=lambda one: one.stat().st_mtime)
    damaged.write_bytes(b"\xff" + damaged.read_bytes()[1:])
    _mend(storage)
    AuditKeeper(storage.engine, storage.settings, storage.audit).round(utcnow())
    kept = list(all_events(storage.engine, AuditFilter()))
    assert {one.actor_name for one in kept} == {"late"}
    assert [path.name for path in folder.iterdir()] == [f"{damaged.stem}.damaged"]


def test_a_trail_that_can_be_written_nowhere_says_so_once_a_minute(storage: Storage) -> None:
    """A full disk: neither the database nor the spool takes an event, ten times a second."""
    _break(storage)
    spool = storage.settings.data_dir / "audit" / "spool"
    spool.parent.mkdir(exist_ok=True)
    spool.write_text("in the folder's place")
    with capture_logs() as stated:
        for number in range(5):
            storage.audit.record(login(f"u{number}"))
            storage.audit.flush()
    assert [one["event"] for one in stated].count("audit_not_spooled") == 1
    spool.unlink()
    storage.audit.flush()
    _mend(storage)
    AuditKeeper(storage.engine, storage.settings, storage.audit).round(utcnow())
    kept = {one.actor_name for one in all_events(storage.engine, AuditFilter())}
    assert {f"u{number}" for number in range(5)} <= kept, "none is lost"


def test_where_the_trail_fails_closed_its_caller_is_told(storage: Storage) -> None:
    audit = Audit(storage.engine, storage.settings.data_dir, fail_closed=True)
    audit.record(login())
    audit.viewed(ANN, "1.2.3", "frames")
    with writing(storage.engine) as connection:
        connection.execute(text("ALTER TABLE audit_event RENAME TO audit_event_away"))
    with pytest.raises(StorageUnavailable):
        audit.record(login())
    with pytest.raises(StorageUnavailable):
        audit.viewed(ANN, "1.2.4", "frames")
    with pytest.raises(StorageUnavailable):
        audit.check()
    # The minute's first look at this study is written already: it is only counted.
    audit.viewed(ANN, "1.2.3", "frames")
    _mend(storage)
    audit.check()
    audit.close()


def test_a_process_that_is_killed_has_told_what_it_saw_before(storage: Storage) -> None:
    script = """
import sys, time
from storage.audit import *
from storage.container import open_storage
from storage.settings import Settings
settings = Settings.model_validate_json(sys.stdin.readline())
with open_storage(settings) as storage:
    storage.audit.viewed(Actor("account", "ann"), "1.2.3", "frames", 7)
    print("recorded", flush=True)
    time.sleep(60)
"""
    settings = storage.settings.model_dump(mode="json") | {
        "s3_secret_access_key": storage.settings.s3_secret_access_key.get_secret_value()
    }
    with ReadyPopen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps(settings) + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "recorded\n"
        for _ in range(50):
            if list(all_events(storage.engine, AuditFilter())):
                break
            time.sleep(0.1)
        process.kill()
    (seen,) = all_events(storage.engine, AuditFilter())
    assert (seen.study_instance_uids, seen.occurrences) == (("1.2.3",), 7)
