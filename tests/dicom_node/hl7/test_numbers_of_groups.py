"""Accession numbers run in sequence: who orders under one beforehand gets nothing of its order."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

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
def by_group(storage: Storage) -> Iterator[None]:
    """As a key of the group A does."""
    group = next(one for one in storage.access_groups.all() if one.name == "A")
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
