"""An order without images is of who made it, and counts where that one sees the study."""

from collections.abc import Callable, Iterator
from copy import deepcopy

import httpx
import pytest
from pydicom.uid import generate_uid

from inference.access_groups.service import apply_rules
from storage.access_groups.entities import Member
from storage.core.callers.visibility import Visibility, limited_to
from storage.core.clock import utcnow
from storage.studies.urgency import Urgencies
from tests.api.access_groups.two_groups import (
    NORTH,
    SOUTH,
    Hospital,
    TwoHospitals,
    planned,
    two_hospitals,
)
from tests.api.client import part10


@pytest.fixture(scope="module")
def hospitals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoHospitals]:
    """A node of their own: they leave studies behind."""
    with two_hospitals(tmp_path_factory.mktemp("planned")) as made:
        yield made


@pytest.fixture(scope="module")
def clients(hospitals: TwoHospitals) -> Iterator[dict[str, httpx.Client]]:
    """A program of each hospital."""
    with (
        hospitals.key("planner of north", "integrator", NORTH) as north,
        hospitals.key("planner of south", "integrator", SOUTH) as south,
    ):
        yield {NORTH: north, SOUTH: south}


def decide(hospitals: TwoHospitals) -> None:
    apply_rules(hospitals.storage, utcnow(), budget_s=60)


def images_come(hospitals: TwoHospitals, of: Hospital, uid: str) -> None:
    """From the modality of that hospital, under a UID that was ordered."""
    made = deepcopy(of.instances[0])
    made.StudyInstanceUID, made.SeriesInstanceUID = uid, generate_uid()
    made.SOPInstanceUID = generate_uid()
    made.AccessionNumber = f"PLAN{uid[-10:]}"
    sender = "CTN" if of.name == NORTH else "CTS"
    hospitals.storage.ingest.accept(part10(made), f"dimse:{sender}")


def shown(client: httpx.Client, ids: dict[str, str]) -> set[str]:
    """By which ways it shows what was planned, as a list or by its identifier."""
    ways: dict[str, Callable[[], httpx.Response]] = {
        "orders": lambda: client.get(f"/api/worklist?accession_number={ids['accession_number']}"),
        "order": lambda: client.get(f"/api/worklist/{ids['worklist_item_id']}"),
        "fhir": lambda: client.get(f"/fhir/ServiceRequest/{ids['worklist_item_id']}"),
        "workitems": lambda: client.get(
            "/dicom-web/workitems", headers={"Accept": "application/dicom+json"}
        ),
        "workitem": lambda: client.get(
            f"/dicom-web/workitems/{ids['workitem_uid']}",
            headers={"Accept": "application/dicom+json"},
        ),
        "changes": lambda: client.get(
            f"/api/changes?after=0&study_instance_uid={ids['study_instance_uid']}"
        ),
    }
    found = set()
    for name, way in ways.items():
        answer = way()
        if answer.status_code == 200 and ids["study_instance_uid"] in answer.text:
            found.add(name)
    return found


def test_an_order_is_seen_by_the_groups_of_who_made_it(
    hospitals: TwoHospitals, clients: dict[str, httpx.Client]
) -> None:
    """No rule matches what it states, and what no rule matches is for everyone here."""
    ids = planned(clients[SOUTH], hospitals.south)
    assert shown(clients[NORTH], ids) == set()
    decide(hospitals)
    assert shown(clients[NORTH], ids) == set()
    assert shown(clients[SOUTH], ids) == {
        "orders", "order", "fhir", "workitems", "workitem", "changes",
    }  # fmt: skip
    refused = clients[NORTH].post(
        "/api/worklist",
        json=clients[SOUTH].get(f"/api/worklist/{ids['worklist_item_id']}").json()
        | {"accession_number": "OTHER"},
    )
    assert refused.status_code in (403, 422), refused.text


def test_an_order_of_somebody_who_sees_everything_goes_by_the_rules(
    hospitals: TwoHospitals, clients: dict[str, httpx.Client]
) -> None:
    """As one by HL7 does, whatever somebody of some groups ordered under its UID before."""
    mine = planned(clients[NORTH], hospitals.north)
    decide(hospitals)
    assert "order" in shown(clients[NORTH], mine)
    order = {
        "StudyInstanceUID": mine["study_instance_uid"],
        "PatientID": "S-0815",
        "ScheduledProcedureStepSequence": [],
        "InstitutionName": "South Clinic",
    }
    hospitals.storage.worklist.add(order)
    decide(hospitals)
    assert hospitals.storage.access_groups.of_study(mine["study_instance_uid"]) == {SOUTH: "rule"}
    # Of what happened before they hear as ever.
    assert shown(clients[NORTH], mine) <= {"changes"}


def test_who_belongs_to_no_group_orders_by_the_rules(
    hospitals: TwoHospitals, clients: dict[str, httpx.Client]
) -> None:
    storage = hospitals.storage
    key, secret = storage.api_keys.create(
        "planner of none", ["integrator"], [], created_by="test", expires_at=None
    )
    assert key.key_id
    with hospitals.node.client(headers={"Authorization": f"Bearer {secret}"}) as client:
        ids = planned(client, hospitals.south)
    decide(hospitals)
    assert "order" in shown(clients[NORTH], ids)
    # It opens the study to nobody once its images are here, not even for the moment before the
    # rules have decided.
    images_come(hospitals, hospitals.south, ids["study_instance_uid"])
    assert clients[NORTH].get(f"/api/studies/{ids['study_instance_uid']}").status_code == 404
    decide(hospitals)
    assert clients[NORTH].get(f"/api/studies/{ids['study_instance_uid']}").status_code == 404
    assert clients[SOUTH].get(f"/api/studies/{ids['study_instance_uid']}").status_code == 200


def test_an_order_opens_no_study_and_counts_in_none_that_its_maker_does_not_see(
    hospitals: TwoHospitals, clients: dict[str, httpx.Client]
) -> None:
    """North knows the UID of a study that South's modality will send."""
    storage = hospitals.storage
    ids = planned(clients[NORTH], hospitals.north)
    uid = ids["study_instance_uid"]
    decide(hospitals)
    assert "order" in shown(clients[NORTH], ids)
    images_come(hospitals, hospitals.south, uid)
    # Not in the moment until the rules have decided either.
    assert clients[NORTH].get(f"/api/studies/{uid}").status_code == 404
    assert shown(clients[NORTH], ids) == set()
    assert storage.worklist.of_study(uid) == []
    decide(hospitals)
    assert storage.access_groups.of_study(uid) == {SOUTH: "rule"}
    assert clients[NORTH].get(f"/api/studies/{uid}").status_code == 404
    assert storage.worklist.of_study(uid, ids["accession_number"]) == []
    assert Urgencies(storage.engine).of_studies([uid]) == {uid: "unreported"}
    with limited_to(Visibility("key:south", _groups(hospitals, SOUTH), sees_unmatched=True)):
        assert Urgencies(storage.engine).of_studies([uid]) == {uid: "unreported"}
    workitem = storage.workitems.get(ids["workitem_uid"])
    assert not storage.performed_items.may_use(workitem, [uid])


def test_an_order_of_those_who_see_the_study_counts(
    hospitals: TwoHospitals, clients: dict[str, httpx.Client]
) -> None:
    storage = hospitals.storage
    ids = planned(clients[SOUTH], hospitals.south)
    uid = ids["study_instance_uid"]
    decide(hospitals)
    images_come(hospitals, hospitals.south, uid)
    assert storage.worklist.of_study(uid) == []
    decide(hospitals)
    assert [one.worklist_item_id for one in storage.worklist.of_study(uid)] == [
        ids["worklist_item_id"]
    ]
    assert Urgencies(storage.engine).of_studies([uid]) == {uid: "stat"}
    # What was asked of it before is asked again.
    due = {one.study_instance_uid for one in storage.due_for_orders.due(utcnow(), 100)}
    assert uid in due
    assert storage.performed_items.may_use(storage.workitems.get(ids["workitem_uid"]), [uid])
    # Without enforcement every order counts, as ever.
    storage.access_groups.enforce(False)
    try:
        coming = str(generate_uid())
        with limited_to(Visibility("key:north", _groups(hospitals, NORTH), sees_unmatched=True)):
            storage.worklist.add(
                {
                    "StudyInstanceUID": coming,
                    "PatientID": "",
                    "ScheduledProcedureStepSequence": [],
                }
            )
        images_come(hospitals, hospitals.south, coming)
        assert len(storage.worklist.of_study(coming)) == 1
        decide(hospitals)
    finally:
        storage.access_groups.enforce(True)


def test_what_somebody_changes_is_theirs(
    hospitals: TwoHospitals, clients: dict[str, httpx.Client]
) -> None:
    """An order that all see, moved to the UID of a study of others."""
    storage = hospitals.storage
    open_one = storage.worklist.add(
        {
            "StudyInstanceUID": str(generate_uid()),
            "PatientID": "",
            "ScheduledProcedureStepSequence": [],
        }
    )
    decide(hospitals)
    coming = str(generate_uid())
    with limited_to(Visibility("key:north", _groups(hospitals, NORTH), sees_unmatched=True)):
        storage.worklist.change(
            open_one.worklist_item_id, attributes=open_one.attributes | {"StudyInstanceUID": coming}
        )
    images_come(hospitals, hospitals.south, coming)
    decide(hospitals)
    assert storage.worklist.of_study(coming) == []


def test_a_group_of_an_emergency_owns_no_order(
    hospitals: TwoHospitals, clients: dict[str, httpx.Client]
) -> None:
    """It goes in an hour, and the order does not."""
    storage = hospitals.storage
    storage.access_groups.add("Short", rule=None)
    decide(hospitals)
    try:
        storage.access_groups.add_member("Short", Member("account", "x"))
        (short,) = _groups(hospitals, "Short")[1:]
        with limited_to(Visibility("account:x", (1, short), sees_unmatched=True)):
            item = storage.worklist.add(
                {
                    "StudyInstanceUID": str(generate_uid()),
                    "PatientID": "",
                    "ScheduledProcedureStepSequence": [],
                }
            )
        decide(hospitals)
        assert storage.access_groups.of_study(item.study_instance_uid) == {"Short": "ordered"}
    finally:
        storage.access_groups.remove("Short")
    decide(hospitals)
    assert storage.access_groups.of_study(item.study_instance_uid) == {"everyone": "ordered"}
    assert "order" not in shown(clients[NORTH], planned(clients[SOUTH], hospitals.south))


def _groups(hospitals: TwoHospitals, name: str) -> tuple[int, ...]:
    return (1, hospitals.storage.access_groups.get(name).group_id)
