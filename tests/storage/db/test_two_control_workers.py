"""What two control workers on one PostgreSQL write at the same moment ends neither's tick."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine, Table, delete, func, insert, select, text

from storage import tables as t
from storage.core.clock import utcnow
from storage.core.entities import Decision
from storage.db.clock_steps import ClockStep, note_step
from storage.db.engine import reading, writing
from storage.jobs.acceptance_decisions import AcceptanceDecisions
from storage.model_registry.drift import Drift, DriftAlert
from storage.processes.components import Component, Components
from storage.processes.heartbeats import Heartbeats
from storage.retention.repository import RuleDecision, StudyRetention

_NOW = utcnow()
_DECISION = Decision("1.2", "1.2.3", "brain-volume", "1.0", "f" * 64, False, "No.", None, _NOW)
_ALERT = DriftAlert("brain-volume", "1.0", "", "volume", 0.4, 1.0, _NOW)
_RETENTION = RuleDecision("1.2", "d" * 64, _NOW, "", 0, False, 1, None, _NOW, _NOW)

WRITES: dict[str, tuple[Table, Callable[[Engine], object]]] = {
    "decision": (t.decision, lambda engine: AcceptanceDecisions(engine).record(_DECISION)),
    "heartbeat": (t.heartbeat, lambda engine: Heartbeats(engine).beat("tick", _NOW)),
    "component": (
        t.component,
        lambda engine: Components(engine).record("host", [Component("a", True, "")], _NOW),
    ),
    "study_retention": (
        t.study_retention,
        lambda engine: StudyRetention(engine).decide([_RETENTION]),
    ),
    "drift_alert": (
        t.drift_alert,
        lambda engine: Drift(engine).settle("brain-volume", "1.0", "", [_ALERT], _NOW),
    ),
    "drift_baseline": (
        t.drift_baseline,
        lambda engine: Drift(engine).set_baseline("brain-volume", "1.0", _NOW, "admin"),
    ),
    "clock_step": (
        t.clock_step,
        lambda engine: note_step(engine, ClockStep(_NOW, timedelta(seconds=9))),
    ),
}


def _wait_until_one_waits(engine: Engine) -> None:
    """For the lock of another transaction."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    deadline_s = time.monotonic() + 20
    while time.monotonic() < deadline_s:
        with reading(engine) as connection:
            if connection.execute(waiting).scalar_one():
                return
        time.sleep(0.02)
    pytest.fail("the second writer did not wait for the first")


@pytest.mark.parametrize("name", WRITES)
def test_the_second_of_two_writers_takes_what_the_first_wrote(
    postgres_engine: Engine, name: str
) -> None:
    table, write = WRITES[name]
    write(postgres_engine)
    with writing(postgres_engine) as connection:
        row = dict(connection.execute(select(table)).mappings().one())
        connection.execute(delete(table))
    failed: list[Exception] = []

    def second() -> None:
        try:
            write(postgres_engine)
        except Exception as error:  # noqa: BLE001 - the test says which
            failed.append(error)

    thread = threading.Thread(target=second)
    with writing(postgres_engine) as connection:
        connection.execute(insert(table).values(**row))
        thread.start()
        _wait_until_one_waits(postgres_engine)
    thread.join(20)
    assert not failed
    with reading(postgres_engine) as connection:
        assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 1
