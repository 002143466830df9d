"""Accession numbers where two groups order: each finds its own, and so do the images."""

from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest
from pydicom.uid import generate_uid

from storage.core.callers.visibility import Visibility, limited_to
from storage.core.errors import NotFound
from storage.studies.urgency import Urgencies
from tests.api.access_groups.route_questions import fhir_order
from tests.api.access_groups.test_orders_before_images import decide, images_come
from tests.api.access_groups.two_groups import NORTH, SOUTH, TwoHospitals

_COMING = {"numbers": str(generate_uid()), "reason": str(generate_uid())}


@pytest.fixture(scope="module")
def clients(hospitals: TwoHospitals) -> Iterator[dict[str, httpx.Client]]:
    with (
        hospitals.key("numbers of north", "integrator", NORTH) as north,
        hospitals.key("numbers of south", "integrator", SOUTH) as south,
    ):
        yield {NORTH: north, SOUTH: south}


@pytest.fixture(autouse=True)
def leave_nothing(hospitals: TwoHospitals) -> Iterator[None]:
    """Others ask the same node."""
    storage = hospitals.storage
    before = {one.worklist_item_id for one in storage.worklist.list()[0]}
    yield
    for item in storage.worklist.list()[0]:
        if item.worklist_item_id not in before:
            storage.worklist.remove(item.worklist_item_id)
    for uid in _COMING.values():
        with suppress(NotFound):
            storage.deletions.study(uid)


def test_two_groups_order_under_one_number_and_each_has_its_own(
    hospitals: TwoHospitals, clients: dict[str, httpx.Client]
) -> None:
    """North has reserved the number that comes next, for South's very patient."""
    storage, uid = hospitals.storage, _COMING["numbers"]
    number, patient_id = f"PLAN{uid[-10:]}", hospitals.south.patient_id
    uids = {group: str(generate_uid()) for group in (NORTH, SOUTH)}

    def ordered(group: str, **more: str) -> httpx.Response:
        order = fhir_order(uids[group], number, patient_id, **more)
        return clients[group].post("/fhir/ServiceRequest", json=order)

    def states() -> dict[str, str]:
        found, _ = storage.worklist.list(accession_number=number)
        return {one.worklist_item_id: one.state for one in found}

    reserved = ordered(NORTH, priority="stat")
    decide(hospitals)
    mine = ordered(SOUTH)
    assert (reserved.status_code, mine.status_code) == (201, 201), mine.text
    # No rule has decided on it yet: a repetition does not make a second one.
    assert ordered(SOUTH).status_code == 409
    decide(hospitals)
    theirs, own = (one.json()["id"] for one in (reserved, mine))
    assert set(states()) == {theirs, own}
    assert ordered(SOUTH, status="revoked").json()["id"] == own
    assert states() == {theirs: "SCHEDULED", own: "CANCELED"}
    assert ordered(NORTH, status="revoked").json()["id"] == theirs
    again = [ordered(SOUTH, priority="asap"), ordered(NORTH, priority="stat")]
    assert [one.json()["id"] for one in again] == [own, theirs]

    # The modality has not taken the UID of the order: its number and patient say whose it is.
    images_come(hospitals, hospitals.south, uid)
    decide(hospitals)
    assert [one.worklist_item_id for one in storage.worklist.of_study(uid, number)] == [own]
    assert Urgencies(storage.engine).of_studies([uid]) == {uid: "high"}
    assert storage.worklist.of_study(uid, "") == []


def test_an_order_that_others_may_see_is_not_changed_for_another_patient(
    hospitals: TwoHospitals, clients: dict[str, httpx.Client]
) -> None:
    """Where two sites give out one number, and the system of one shows everyone its orders."""
    storage, number = hospitals.storage, "BOTH-SITES"
    everyones = storage.worklist.add(
        {
            "StudyInstanceUID": str(generate_uid()),
            "AccessionNumber": number,
            "PatientID": "of the first site",
            "PatientName": "First^Fay",
            "ScheduledProcedureStepSequence": [],
        }
    )
    decide(hospitals)
    for client in clients.values():
        made = client.post("/fhir/ServiceRequest", json=fhir_order(str(generate_uid()), number))
        assert made.status_code == 201, made.text
    assert storage.worklist.get(everyones.worklist_item_id).attributes == everyones.attributes


def test_an_order_by_number_counts_where_its_maker_sees_the_study(hospitals: TwoHospitals) -> None:
    """North knows number and patient, and states what South's rule asks for."""
    storage, uid = hospitals.storage, _COMING["reason"]
    number = f"PLAN{uid[-10:]}"
    north = storage.access_groups.get(NORTH).group_id
    with limited_to(Visibility("key:north", (1, north), sees_unmatched=True)):
        storage.worklist.add(
            {
                "StudyInstanceUID": str(generate_uid()),
                "AccessionNumber": number,
                "PatientID": hospitals.south.patient_id,
                "InstitutionName": "South Clinic",
                "ReasonForTheRequestedProcedure": "what North wants South to read",
                "RequestedProcedurePriority": "STAT",
                "ScheduledProcedureStepSequence": [],
            }
        )
    images_come(hospitals, hospitals.south, uid)
    decide(hospitals)
    assert storage.worklist.of_study(uid, number) == []
    assert Urgencies(storage.engine).of_studies([uid]) == {uid: "unreported"}
