"""The last use of a study is read from the audit trail, to the hour, and outlasts the trail."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, update

from storage import tables as t
from storage.audit import Actor, AuditEvent, Code
from storage.container import Storage
from storage.core.clock import utcnow
from storage.db.engine import writing
from storage.retention import uses
from tests.storage.deletion.test_deleting import STUDY
from tests.storage.instances import part10


def look(storage: Storage, at: datetime, study: str = STUDY, outcome: int = 0) -> None:
    event = AuditEvent(
        Code.INSTANCES_ACCESSED,
        "R",
        Actor("account", "ada"),
        outcome=outcome,
        study_instance_uids=(study,),
        at=at,
    )
    storage.audit.record(event)
    storage.audit.flush()


def last_use(storage: Storage, study: str = STUDY) -> datetime | None:
    (attributes,) = storage.study_attributes.read([study])
    return attributes.last_used_at


@pytest.fixture
def now(storage: Storage) -> datetime:
    storage.ingest.accept(part10(), "stow")
    return utcnow()


def test_uses_within_an_hour_are_one_and_one_that_failed_is_none(
    storage: Storage, now: datetime
) -> None:
    assert last_use(storage) is None
    look(storage, now, outcome=4)
    storage.study_uses.read_trail(now)
    assert last_use(storage) is None
    look(storage, now)
    look(storage, now + timedelta(minutes=40))
    storage.study_uses.read_trail(now)
    first = last_use(storage)
    assert first == now + timedelta(minutes=40)
    look(storage, first + timedelta(minutes=59))
    storage.study_uses.read_trail(now)
    assert last_use(storage) == first
    look(storage, first + timedelta(minutes=61))
    storage.study_uses.read_trail(now)
    assert last_use(storage) == first + timedelta(minutes=61)


def test_a_use_outlasts_the_trail_and_one_that_is_written_late_changes_nothing(
    storage: Storage, now: datetime
) -> None:
    look(storage, now)
    storage.study_uses.read_trail(now)
    with writing(storage.engine) as connection:
        connection.execute(delete(t.audit_subject))
        connection.execute(delete(t.audit_event))
    look(storage, now - timedelta(days=3))
    storage.study_uses.read_trail(now)
    assert last_use(storage) == now


def test_a_long_trail_is_read_bit_by_bit(
    storage: Storage, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uses, "_EVENTS_AT_ONCE", 4)
    for hours in range(10):
        look(storage, now + timedelta(hours=2 * hours))
    assert storage.study_uses.read_trail(now)
    assert not storage.study_uses.is_up_to_date()
    while storage.study_uses.read_trail(now):
        pass
    assert storage.study_uses.is_up_to_date()
    assert last_use(storage) == now + timedelta(hours=18)


def test_an_event_that_becomes_visible_after_a_later_one_is_not_missed(
    storage: Storage, now: datetime
) -> None:
    """PostgreSQL gives numbers out before transactions commit."""
    look(storage, now, "1.2.3")
    look(storage, now + timedelta(hours=5))
    with writing(storage.engine) as connection:
        # The first is not there yet when the trail is read.
        later = t.audit_subject.c.value == STUDY
        connection.execute(update(t.audit_subject).where(later).values(value="1.2.4"))
    storage.study_uses.read_trail(now)
    with writing(storage.engine) as connection:
        later = t.audit_subject.c.value == "1.2.4"
        connection.execute(update(t.audit_subject).where(later).values(value=STUDY))
    storage.study_uses.read_trail(now + timedelta(minutes=1))
    assert last_use(storage) == now + timedelta(hours=5)


def test_uses_of_a_study_that_is_gone_leave_nothing(storage: Storage, now: datetime) -> None:
    look(storage, now)
    storage.study_uses.read_trail(now)
    storage.deletions.study(STUDY)
    storage.study_uses.read_trail(now + timedelta(minutes=1))
    storage.ingest.accept(part10(), "stow")
    assert last_use(storage) is None
