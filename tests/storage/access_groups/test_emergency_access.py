"""Emergency access begins and ends with everything that belongs to it, or not at all."""

from datetime import datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import Connection, event, func, select, text

from storage import tables as t
from storage.access_groups.emergency import Emergency, WantedStudies
from storage.audit import Actor
from storage.container import Storage
from storage.core.callers.visibility import Caller
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest, StorageUnavailable
from storage.core.uids import derive_uid
from storage.db.engine import reading, writing
from tests.storage.instances import part10

STUDY = derive_uid("test", "study")
ADA = Caller("account", "ada")
ACTOR = Actor("account", "ada", "192.0.2.1", "account:ada")
REASON = "Stroke alarm, transferred from the south clinic."
HOUR = timedelta(hours=1)


def begun(storage: Storage, now: datetime) -> Emergency:
    storage.ingest.accept(part10(), "stow")
    wanted = WantedStudies(study_instance_uid=STUDY)
    return storage.emergency_access.begin(ADA, ACTOR, REASON, wanted, HOUR, now)


def changes_since(storage: Storage, event_id: int) -> list[tuple[str, str]]:
    return [
        (one.study_instance_uid, one.payload["change"]) for one in storage.events.since(event_id)
    ]


def recorded(storage: Storage, type_code: str) -> list[tuple[str, list[str], str]]:
    query = select(t.audit_event).where(t.audit_event.c.type_code == type_code)
    with reading(storage.engine) as connection:
        return [
            (row["actor_name"], row["study_instance_uids"], row["detail"]["reason"])
            for row in connection.execute(query).mappings()
        ]


def groups_of_emergencies(storage: Storage) -> int:
    query = select(func.count()).select_from(t.access_group).where(t.access_group.c.is_emergency)
    with reading(storage.engine) as connection:
        return int(connection.execute(query).scalar_one())


@pytest.mark.parametrize("way", ["by hand", "by time"])
def test_whichever_way_it_ends_pages_webhooks_and_the_trail_learn_of_it(
    storage: Storage, way: str
) -> None:
    now = utcnow()
    emergency = begun(storage, now)
    before = storage.events.last_id()
    if way == "by hand":
        ended = storage.emergency_access.end(emergency.emergency_id, ACTOR, now + HOUR / 2)
        assert ended.ended_at == now + HOUR / 2
    else:
        assert storage.emergency_access.remove_expired(now + HOUR) == 1
        assert storage.emergency_access.get(emergency.emergency_id).ended_at is None
    assert changes_since(storage, before) == [(STUDY, "access_changed"), ("", "emergency_ended")]
    actor = "ada" if way == "by hand" else "node"
    assert recorded(storage, "110138") == [(actor, [STUDY], REASON)]
    assert groups_of_emergencies(storage) == 0
    # Neither way ends it again.
    storage.emergency_access.end(emergency.emergency_id, ACTOR, now + HOUR / 2)
    assert storage.emergency_access.remove_expired(now + 2 * HOUR) == 0
    assert len(recorded(storage, "110138")) == 1


def test_a_round_without_expired_access_writes_nothing(storage: Storage) -> None:
    now = utcnow()
    begun(storage, now)
    writes: list[object] = []

    def note(connection: Connection) -> None:
        writes.append(connection.get_execution_options().get("writes", False))

    event.listen(storage.engine, "begin", note)
    try:
        assert storage.emergency_access.remove_expired(now) == 0
    finally:
        event.remove(storage.engine, "begin", note)
    assert writes == [False]


def test_access_that_cannot_be_recorded_is_not_given(storage: Storage) -> None:
    now = utcnow()
    storage.ingest.accept(part10(), "stow")
    before = storage.events.last_id()
    with writing(storage.engine) as connection:
        connection.execute(text("ALTER TABLE audit_event RENAME TO audit_event_away"))
    with pytest.raises(StorageUnavailable, match="audit trail"):
        begun(storage, now)
    assert groups_of_emergencies(storage) == 0
    assert changes_since(storage, before) == []
    assert storage.emergency_access.list(10, 0) == ([], 0)


def test_one_number_of_two_people_opens_neither_until_it_is_clear_who_is_meant(
    storage: Storage,
) -> None:
    for patient in ("P-1", "P-2"):
        data = part10(patient, PatientID=patient, AccessionNumber="ACC-7")
        storage.ingest.accept(data, "stow")
    begin = partial(storage.emergency_access.begin, ADA, ACTOR, REASON)
    with pytest.raises(InvalidRequest, match="2 patients have studies") as refused:
        begin(WantedStudies(accession_number="ACC-7"), HOUR, utcnow())
    assert "patient ID" in refused.value.remedy
    assert groups_of_emergencies(storage) == 0
    wanted = WantedStudies(accession_number="ACC-7", patient_id="P-2")
    assert begin(wanted, HOUR, utcnow()).study_instance_uids == (derive_uid("test", "P-2"),)
