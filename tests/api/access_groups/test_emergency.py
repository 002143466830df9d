"""Access in an emergency: with a reason, for a while, and seen by administrators."""

import time
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from storage import tables as t
from storage.audit import MINOR_FAILURE
from storage.core.clock import utcnow
from storage.db.engine import writing
from tests.api.access.closed import audited
from tests.api.access_groups.two_groups import NORTH, TwoHospitals
from tests.api.client import is_problem

REASON = "Stroke alarm, transferred from the south clinic."
URL = "/api/emergency-access"


def sees(client: httpx.Client, hospitals: TwoHospitals) -> bool:
    return client.get(f"/api/studies/{hospitals.south.study_instance_uid}").status_code == 200


def begun(client: httpx.Client, **wanted: Any) -> dict[str, Any]:
    answer = client.post(URL, json={"reason": REASON, **wanted})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("named", ["study_instance_uid", "accession_number", "patient_id"])
def test_a_radiologist_sees_the_study_for_a_while(hospitals: TwoHospitals, named: str) -> None:
    south = hospitals.south
    value = {
        "study_instance_uid": south.study_instance_uid,
        "accession_number": f"ACC-{south.patient_id}",
        "patient_id": south.patient_id,
    }[named]
    other_name = f"other-{named.replace('_', '-')}"
    with (
        hospitals.person(f"er-{named.replace('_', '-')}", "radiologist", NORTH) as client,
        hospitals.person(other_name, "radiologist", NORTH) as other,
    ):
        assert not sees(client, hospitals)
        emergency = begun(client, **{named: value}, duration_s=600)
        assert emergency["study_instance_uids"] == [south.study_instance_uid]
        assert sees(client, hospitals)
        assert client.get(f"/dicom-web/studies/{south.study_instance_uid}/metadata").is_success, (
            "images too"
        )
        assert not sees(other, hospitals), "it is one person's"
        assert other.get(URL).json()["items"] == []
        assert other.post(f"{URL}/{emergency['emergency_id']}/end").status_code == 404
        (tried,) = audited(hospitals.storage, type_code="110138", actor_name=other_name)
        assert tried["outcome"] == MINOR_FAILURE
        ended = client.post(f"{URL}/{emergency['emergency_id']}/end").json()
        assert ended["ended_at"]
        assert not sees(client, hospitals)


def test_it_ends_by_itself(hospitals: TwoHospitals) -> None:
    with hospitals.person("er-late", "radiologist", NORTH) as client:
        emergency = begun(client, patient_id=hospitals.south.patient_id)
        lasts = timedelta(seconds=hospitals.storage.settings.emergency_access_max_s)
        assert emergency["expires_at"] > emergency["started_at"]
        assert sees(client, hospitals)
        late = utcnow() - timedelta(seconds=1)
        with writing(hospitals.storage.engine) as connection:
            connection.execute(
                update(t.access_group_member)
                .where(t.access_group_member.c.subject == "er-late")
                .where(t.access_group_member.c.expires_at.is_not(None))
                .values(expires_at=late)
            )
        with hospitals.person("er-late", "radiologist") as later:
            later.get("/api/session")
            time.sleep(1.1)  # what was found out counts for a second
            assert not sees(later, hospitals)
        assert hospitals.storage.emergency_access.remove_expired(utcnow() + 2 * lasts) >= 1


def test_administrators_are_told_and_review_it(hospitals: TwoHospitals) -> None:
    with (
        hospitals.person("er-alarm", "radiologist", NORTH) as client,
        hospitals.person("privacy", "admin") as admin,
    ):
        before = hospitals.storage.events.last_id()
        emergency = begun(client, patient_id=hospitals.south.patient_id)
        events = hospitals.storage.events.since(before)
        assert [one.payload["change"] for one in events if one.topic == "access"] == [
            "emergency_started"
        ]
        (recorded,) = audited(hospitals.storage, type_code="110127", actor_name="er-alarm")
        assert recorded["detail"]["reason"] == REASON
        listed = admin.get(URL, params={"unreviewed": True}).json()["items"]
        assert emergency["emergency_id"] in [one["emergency_id"] for one in listed]
        address = f"{URL}/{emergency['emergency_id']}/review"
        assert client.post(address).status_code == 403
        assert admin.post(address).json()["reviewed_by"] == "privacy"
        listed = admin.get(URL, params={"unreviewed": True}).json()["items"]
        assert emergency["emergency_id"] not in [one["emergency_id"] for one in listed]


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ({"patient_id": "NOBODY"}, 404),
        ({}, 400),
        ({"patient_id": "S-0815", "study_instance_uid": "1.2.3"}, 400),
        ({"patient_id": "S-0815", "accession_number": "A"}, 404),
        ({"patient_id": "S-0815", "duration_s": 86_400}, 400),
        ({"patient_id": "S-0815", "reason": "short"}, 422),
        ({"patient_id": "S-0815", "reason": " " * 20}, 422),
        ({"patient_id": "S-0815", "reason": "\u202e" * 10}, 422),
        ({"patient_id": "S-0815", "reason": "\u115f" * 12}, 422),
        ({"patient_id": "S-0815", "reason": "\u200b." * 10}, 422),
        ({"patient_id": "S-*"}, 404),
    ],
)
def test_what_is_refused(hospitals: TwoHospitals, wanted: dict[str, Any], status: int) -> None:
    with hospitals.person("er-wrong", "radiologist", NORTH) as client:
        answer = client.post(URL, json={"reason": REASON, **wanted})
        assert answer.status_code == status, answer.text
        assert not sees(client, hospitals)


@pytest.mark.parametrize(
    ("name", "wanted", "refused"),
    [
        ("er-guess", {"patient_id": "GUESSED"}, "not_found"),
        ("er-twice", {"patient_id": "S-0815", "study_instance_uid": "1.2.3"}, "invalid_request"),
        ("er-long", {"patient_id": "S-0815", "duration_s": 86_400}, "invalid_request"),
    ],
)
def test_an_attempt_that_is_refused_is_recorded_as_a_failure(
    hospitals: TwoHospitals, name: str, wanted: dict[str, Any], refused: str
) -> None:
    with hospitals.person(name, "radiologist", NORTH) as client:
        assert client.post(URL, json={"reason": REASON, **wanted}).status_code in (400, 404)
    (recorded,) = audited(hospitals.storage, type_code="110127", actor_name=name)
    assert recorded["outcome"] == MINOR_FAILURE
    assert recorded["detail"] == {"reason": REASON, "studies": 0, "refused": refused}


def test_an_attempt_while_groups_are_not_enforced_is_recorded(hospitals: TwoHospitals) -> None:
    groups = hospitals.storage.access_groups
    groups.enforce(False)
    try:
        with hospitals.person("er-open", "radiologist", NORTH) as client:
            answer = client.post(URL, json={"reason": REASON, "patient_id": "S-0815"})
            is_problem(answer, 409, "access_is_open")
    finally:
        groups.enforce(True)
    (recorded,) = audited(hospitals.storage, type_code="110127", actor_name="er-open")
    assert recorded["outcome"] == MINOR_FAILURE


def test_no_program_and_no_viewer_takes_it(hospitals: TwoHospitals) -> None:
    wanted = {"reason": REASON, "patient_id": hospitals.south.patient_id}
    with hospitals.key("er-key", "radiologist", NORTH) as program:
        is_problem(program.post(URL, json=wanted), 403, "not_a_person")
    with hospitals.person("er-viewer", "viewer", NORTH) as client:
        assert client.post(URL, json=wanted).status_code == 403
