"""HL7 without TLS has no sign-in: what messages state of patients is bounded by sender."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from storage import tables as t
from storage.container import Storage, open_storage
from storage.core.callers.shares import address_caller, on_behalf_of
from storage.core.clock import utcnow
from storage.core.errors import NoRoom
from storage.db.engine import reading
from storage.db.room import Limits
from storage.patient_identity import room
from storage.patient_identity.entities import Demographics, Origin, PatientKey, Statement
from storage.patient_identity.repository import Recorded
from storage.settings import Settings
from tests.storage.patient_identity.patients import merge, store

RIS, STRANGER = address_caller("192.0.2.10"), address_caller("192.0.2.66")


@pytest.fixture
def storage(storage_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    for name, of_one in (("CHANGES", 4), ("MESSAGES", 12)):
        limits = {"of_one": Limits(of_one, 1 << 20), "of_all": Limits(20, 4 << 20)}
        monkeypatch.setattr(room, name, replace(getattr(room, name), **limits))
    with open_storage(storage_settings) as opened:
        yield opened


def say(storage: Storage, caller: str, control_id: str, statement: Statement) -> Recorded | None:
    origin = Origin("HL7 RIS", f"RIS^{caller}", control_id, f"digest of {control_id}", "A40")
    with on_behalf_of(caller):
        return storage.patient_changes.record([statement], origin, utcnow())


def rows(storage: Storage) -> tuple[int, int]:
    with reading(storage.engine) as connection:
        changes, messages = (
            connection.scalar(select(func.count()).select_from(table))
            for table in (t.patient_change, t.patient_message)
        )
    return changes or 0, messages or 0


def test_a_stranger_records_so_many_merges_and_others_go_on(storage: Storage) -> None:
    for number in range(4):
        assert say(storage, STRANGER, f"s{number}", merge(f"OURS{number}", f"PRIOR{number}"))
    before = rows(storage)
    for _ in range(2):
        with pytest.raises(NoRoom, match=r"4 changes of patients came from address 192\.0\.2\.66"):
            say(storage, STRANGER, "more", merge("OURS9", "PRIOR9"))
    assert rows(storage) == before, "nothing of a message that is refused is recorded"
    # What was stated already adds nothing, and is accepted.
    assert say(storage, STRANGER, "s0", merge("OURS0", "PRIOR0")) is None
    study = store(storage, "one", "A1", "Weber^Anna", "19700101")
    recorded = say(storage, RIS, "r1", merge("A2", "A1"))
    assert recorded is not None
    assert recorded.study_instance_uids == (study,)


def test_messages_about_patients_who_are_not_here_count_too(storage: Storage) -> None:
    def registered(number: int) -> Statement:
        key = PatientKey(f"NOBODY{number}", "")
        return Statement("demographics", key, Demographics("Nemo^Ada", "19700101", "F"))

    for number in range(12):
        say(storage, STRANGER, f"s{number}", replace(registered(number), corrects=False))
    with pytest.raises(NoRoom, match="12 messages about patients came from address"):
        say(storage, STRANGER, "more", replace(registered(99), corrects=False))
    assert rows(storage) == (0, 12)
    say(storage, RIS, "r1", replace(registered(100), corrects=False))
    assert rows(storage) == (0, 13)
