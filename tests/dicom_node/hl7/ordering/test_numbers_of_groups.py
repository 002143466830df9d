"""Accession numbers run in sequence: who orders under one beforehand gets nothing of its order."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dicom_node.hl7.orders import take_orders
from dicom_node.hl7.reading import Message, read_header
from inference.access_groups.service import apply_rules
from storage.container import Storage
from storage.core.callers.visibility import Visibility, limited_to
from storage.core.clock import utcnow
from storage.worklist.entities import WorklistItem
from tests.dicom_node.hl7.mllp import sent
from tests.dicom_node.hl7.orders import ORDER, items, listens

# What somebody who knows the next number and the patient may write.
RESERVED: dict[str, Any] = {
    "StudyInstanceUID": "1.2.3.5",
    "AccessionNumber": "A-123",
    "PatientName": "X",
    "PatientID": "P-77",
    "PatientBirthDate": "19700131",
    "ScheduledProcedureStepSequence": [{"Modality": "CT"}],
}
WITHOUT_UID = ORDER.replace("ZDS|1.2.3.4^RIS^Application^DICOM", "ZDS|")


@contextmanager
def by_group(storage: Storage, name: str = "A") -> Iterator[None]:
    """As a key of the group does."""
    group = next(one for one in storage.access_groups.all() if one.name == name)
    with limited_to(Visibility("key:1", (group.group_id,), sees_unmatched=False)):
        yield


@contextmanager
def enforced(tmp_path: Path) -> Iterator[tuple[int, Storage]]:
    with listens(tmp_path) as (port, storage):
        storage.access_groups.add("A", "", None)
        apply_rules(storage, utcnow())
        storage.access_groups.enforce(wanted=True)
        yield port, storage


def seen_by_group(storage: Storage) -> list[WorklistItem]:
    apply_rules(storage, utcnow())
    with by_group(storage):
        return list(storage.worklist.list()[0])


@pytest.mark.parametrize("state", ["SCHEDULED", "CANCELED"])
@pytest.mark.parametrize("patient_id", ["P-77", "another"])
def test_the_order_of_the_hospital_is_not_that_of_who_reserved_its_number(
    tmp_path: Path, patient_id: str, state: Any
) -> None:
    with enforced(tmp_path) as (port, storage):
        with by_group(storage):
            # A moment ago, and so later than the message says that the order was made.
            storage.worklist.add(
                {**RESERVED, "PatientID": patient_id}, utcnow(), state, is_first=True
            )
        assert len(seen_by_group(storage)) == 1
        (answer,) = sent(port, WITHOUT_UID.encode())
        assert b"|AA|" in answer
        (item,) = items(storage)
        assert item.attributes["PatientName"].startswith("Müller")
        assert item.state == "SCHEDULED"
        assert item.study_instance_uid != RESERVED["StudyInstanceUID"]
        assert item.orderer_groups is None
        assert seen_by_group(storage) == []


def test_a_repetition_of_the_hospitals_order_keeps_its_study(tmp_path: Path) -> None:
    with enforced(tmp_path) as (port, storage):
        with by_group(storage):
            storage.worklist.add(RESERVED, is_first=True)
        sent(port, WITHOUT_UID.encode())
        (before,) = items(storage)
        sent(port, WITHOUT_UID.replace("|C-1|", "|C-2|").encode())
        (after,) = items(storage)
        assert after.study_instance_uid == before.study_instance_uid


def test_an_order_of_another_patient_stays_beside_that_of_the_hospital(tmp_path: Path) -> None:
    """Two sites give out one number: neither patient is lost, and each message finds its own."""
    with enforced(tmp_path) as (port, storage):
        with by_group(storage):
            theirs = storage.worklist.add(
                {**RESERVED, "PatientID": "another", "PatientBirthDate": "19811224"}, is_first=True
            )
        cancelled = WITHOUT_UID.replace("ORC|NW", "ORC|CA").replace("|C-1|", "|C-2|")
        (answer,) = sent(port, cancelled.encode())
        assert b"No order of that accession number" in answer
        sent(port, WITHOUT_UID.encode())
        assert {one.worklist_item_id for one in seen_by_group(storage)} == {theirs.worklist_item_id}
        assert b"|AA|" in sent(port, cancelled.encode())[0]
        states = {str(one.attributes["PatientID"]): one.state for one in items(storage)}
        assert states == {"another": "SCHEDULED", "P-77": "CANCELED"}
        # Its patient's ID has changed since, and the group's order states the one it has now.
        with by_group(storage):
            changed = theirs.attributes | {"PatientID": "P-78", "PatientBirthDate": "19700131"}
            storage.worklist.change(theirs.worklist_item_id, attributes=changed)
        renewed = WITHOUT_UID.replace("P-77", "P-78").replace("20260102030405", "20260102030411")
        assert b"|AA|" in sent(port, renewed.encode())[0]
        by_owner = {one.orderer_groups is None: one for one in items(storage)}
        assert (by_owner[True].state, by_owner[False].state) == ("SCHEDULED", "SCHEDULED")
        assert by_owner[True].attributes["PatientID"] == "P-78"


def test_a_group_takes_over_what_another_ordered_for_its_patient(tmp_path: Path) -> None:
    """The group sees the order by its rule; the study is not one that the other one has chosen."""
    with enforced(tmp_path) as (_port, storage):
        storage.access_groups.add("B", "", {"InstitutionName": {"contains": "south"}})
        with by_group(storage):
            reserved = {**RESERVED, "InstitutionName": "South"}
            theirs = storage.worklist.add(reserved, is_first=True)
        apply_rules(storage, utcnow())
        with by_group(storage, "B"):
            message = Message(read_header(WITHOUT_UID.encode()), WITHOUT_UID.encode())
            assert take_orders(storage.worklist, message, utcnow()) == "scheduled"
        (item,) = items(storage)
        assert item.worklist_item_id == theirs.worklist_item_id
        assert item.study_instance_uid != theirs.study_instance_uid
        assert seen_by_group(storage) == []
