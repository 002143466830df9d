"""Two foreign systems and the node in one topic, over real sockets."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from fhirclient.models import fhirelementfactory
from sqlalchemy import delete
from websockets.exceptions import ConnectionClosed, InvalidStatus

from storage import tables as t
from storage.db.engine import writing
from storage.settings import Settings
from tests.api.client import ApiNode, api_node, is_problem
from tests.api.fhircast.hubs import FOREIGN, MORE, peers, update_of, with_finding
from tests.api.fhircast.peers import (
    PATIENT,
    Json,
    event,
    name_of,
    opened,
    resource,
    study,
)
from tests.services import free_port


@pytest.fixture
def stored_hub(storage_settings: Settings) -> Iterator[ApiNode]:
    """Over each kind of storage: SQLite with files, PostgreSQL with S3."""
    more = {"http_port": free_port(), **MORE}
    with api_node(storage_settings.model_copy(update=more)) as node:
        yield node


def read_strictly(shown: Json) -> Any:
    """By a library that refuses what FHIR 4.0.1 does not know."""
    return fhirelementfactory.FHIRElementFactory.instantiate(shown["resourceType"], shown)


def test_what_one_system_opens_reaches_all_and_is_closed_again(hub: ApiNode) -> None:
    pacs, ris = peers(hub)
    assert hub.client.get("/fhircast/.well-known/fhircast-configuration").json() == {
        "eventsSupported": [
            "Patient-open", "Patient-close", "ImagingStudy-open", "ImagingStudy-close",
            "DiagnosticReport-open", "DiagnosticReport-close", "DiagnosticReport-update",
            "DiagnosticReport-select", "SyncError", "Heartbeat",
        ],
        "websocketSupport": True,
        "fhircastVersion": "STU3",
        "getCurrentSupport": True,
        "fhirVersion": "R4",
    }  # fmt: skip
    assert pacs.current() == {"context.type": "", "context.versionId": "", "context": []}
    with (
        pacs.listening("imagingstudy-open,ImagingStudy-close", hub_lease_seconds="60") as one,
        ris.listening("*-open") as other,
    ):
        assert one.confirmation["hub.lease_seconds"] in range(55, 61)
        assert one.confirmation["hub.events"] == "ImagingStudy-open,ImagingStudy-close"
        asked = opened(pacs.topic, FOREIGN, "imagingstudy-open", "A-1")
        pacs.announced(asked)
        for channel in (one, other):
            got = channel.event()
            # The hub uses the id of the request (2.6), and the sender learns by it that it counts.
            assert (got["id"], got["timestamp"]) == (asked["id"], asked["timestamp"])
            assert name_of(got) == "ImagingStudy-open"
            assert resource(got, "patient") == PATIENT
        current = ris.current()
        assert current["context.type"] == "ImagingStudy"
        assert current["context.versionId"]
        assert current["context"][:2] == asked["event"]["context"]
        pacs.announced(opened(pacs.topic, FOREIGN, "ImagingStudy-close"))
        assert name_of(one.event("202")) == "ImagingStudy-close"
        assert other.is_silent(0.5)
    assert ris.current()["context"] == []


def test_who_comes_later_gets_what_is_open_and_a_narrower_event_opens_the_wider(
    hub: ApiNode,
) -> None:
    pacs, ris = peers(hub)
    pacs.announced(opened(pacs.topic, FOREIGN))
    with ris.listening("Patient-open") as channel:
        got = channel.event()
        assert name_of(got) == "Patient-open"
        assert [one["key"] for one in got["event"]["context"]] == ["patient"]
    with ris.listening("*") as channel:
        assert name_of(channel.event()) == "ImagingStudy-open"


def test_content_is_shared_in_versions_and_an_update_of_an_old_one_is_refused(
    stored_hub: ApiNode,
) -> None:
    hub = stored_hub
    pacs, ris = peers(hub)
    report = {"resourceType": "DiagnosticReport", "id": "r1", "status": "unknown"}
    with ris.listening("DiagnosticReport-*") as channel:
        pacs.announced(
            event(
                pacs.topic, "DiagnosticReport-open",
                ("report", report), ("study", study(FOREIGN)), ("patient", PATIENT),
            )
        )  # fmt: skip
        first = channel.event()["event"]["context.versionId"]
        update = update_of(pacs.topic, first, "PUT", "o1")
        pacs.announced(update)
        got = channel.event()["event"]
        assert got["context.priorVersionId"] == first
        second = got["context.versionId"]
        assert second not in ("", first)
        is_problem(pacs.announce(update), 412, "version_conflict")
        other = update_of(pacs.topic, second, "PUT", "o2")
        other["event"]["context"][0]["resource"]["id"] = "r2"
        is_problem(pacs.announce(other), 409, "state_conflict")
        assert channel.is_silent(0.4)
        current = ris.current()
        assert current["context.versionId"] == second
        content = current["context"][-1]["resource"]
        assert (content["type"], content["entry"][0]["resource"]["id"]) == ("collection", "o1")
        pacs.announced(update_of(pacs.topic, second, "DELETE", "o1"))
        channel.event()
        assert "entry" not in ris.current()["context"][-1]["resource"]


def test_what_is_opened_while_somebody_subscribes_comes_once(stored_hub: ApiNode) -> None:
    pacs, ris = peers(stored_hub)
    report = {"resourceType": "DiagnosticReport", "id": "r1", "status": "unknown"}
    opening = event(
        pacs.topic, "DiagnosticReport-open",
        ("report", report), ("study", study(FOREIGN)), ("patient", PATIENT),
    )  # fmt: skip
    # Another listener, for whom the hub looks for events five times a second.
    with pacs.listening("DiagnosticReport-*"):
        for number in range(3):
            pacs.announced({**opening, "id": f"opening-{number}"})
            with ris.listening("DiagnosticReport-*") as channel:
                assert channel.event()["id"] == f"opening-{number}"
                assert channel.is_silent(0.5)


def test_an_accepted_finding_is_in_the_other_systems_in_under_a_second(
    stored_hub: ApiNode,
) -> None:
    hub = stored_hub
    pacs, ris = peers(hub)
    uid, finding_id = with_finding(hub)
    answer = hub.client.post(
        "/api/v1/fhircast/studies", json={"study_instance_uid": uid, "change": "open"}
    )
    assert answer.status_code == 202, answer.text
    with pacs.listening("*-open,*-update") as one, ris.listening("DiagnosticReport-*") as other:
        got = one.event()
        assert name_of(got) == "ImagingStudy-open"
        assert got["id"] == answer.json()["id"]
        assert [
            (found["system"], found["value"])
            for found in resource(got, "study")["identifier"]
            if "system" in found
        ] == [("urn:dicom:uid", f"urn:oid:{uid}")]
        begun = time.monotonic()
        accepted = hub.client.post(
            f"/api/v1/findings/{finding_id}/feedback", json={"kind": "ACCEPTED"}
        )
        assert accepted.status_code == 201, accepted.text
        for channel in (one, other):
            start = channel.event()
            assert name_of(start) == "DiagnosticReport-open"
            read_strictly(resource(start, "report"))
            got = channel.event()
            took_s = time.monotonic() - begun
            assert took_s < 1.0, took_s
            assert name_of(got) == "DiagnosticReport-update"
            assert got["event"]["context.priorVersionId"] == start["event"]["context.versionId"]
            (entry,) = resource(got, "updates")["entry"]
            assert entry["request"]["method"] == "PUT"
            stated = read_strictly(entry["resource"])
            # Without sign-in nobody knows whose word it is.
            assert (stated.id, stated.status) == (finding_id, "preliminary")
            assert "accepts it" in stated.note[-1].text
            assert (stated.valueQuantity.value, stated.valueQuantity.code) == (1234.5, "cm3")
        print(f"accepted finding at both peers after {took_s * 1000:.0f} ms")
        # Feedback that follows is of the same report.
        hub.client.post(f"/api/v1/findings/{finding_id}/feedback", json={"kind": "REJECTED"})
        got = other.event()
        assert name_of(got) == "DiagnosticReport-update"
        (entry,) = resource(got, "updates")["entry"]
        assert "rejects it" in entry["resource"]["note"][-1]["text"]
        closed = {"study_instance_uid": uid, "change": "close"}
        assert hub.client.post("/api/v1/fhircast/studies", json=closed).status_code == 202
        assert name_of(other.event()) == "DiagnosticReport-close"
    assert ris.current()["context"] == []


def test_a_finding_goes_into_no_report_of_another_patient_with_the_same_accession_number(
    hub: ApiNode,
) -> None:
    pacs, ris = peers(hub)
    uid, finding_id = with_finding(hub)
    accept = f"/api/v1/findings/{finding_id}/feedback"
    numbered = study(FOREIGN, "A-4711")
    numbered["identifier"].pop(0)

    def open_for(**patient: Any) -> None:
        named = ("patient", PATIENT | patient)
        pacs.announced(event(pacs.topic, "ImagingStudy-open", ("study", numbered), named))

    ours = {"system": "urn:mediview:patient-id:ELSEWHERE", "value": "id-7"}
    others: list[Json] = [
        {},
        {"birthDate": "1957-03-02", "identifier": [{"value": "id-7"}]},
        {"birthDate": "1958", "identifier": [{"value": "id-7"}]},
        {"birthDate": "1957-03"},
        {"identifier": [{"value": "id-8"}]},
        {"identifier": [ours]},
        {"identifier": {}},
    ]
    with ris.listening("ImagingStudy-open,DiagnosticReport-*") as channel:
        for other in others:
            open_for(**other)
            channel.event()
            assert hub.client.post(accept, json={"kind": "ACCEPTED"}).status_code == 201
        assert channel.is_silent()
        # The viewer says that it shows another study than the one that is open.
        shown = {"study_instance_uid": uid, "change": "open"}
        assert hub.client.post("/api/v1/fhircast/studies", json=shown).status_code == 202
        assert uid in str(resource(channel.event(), "study"))
        for same in (
            {"birthDate": "1957-03-01"},
            {"identifier": [{"value": "id-7"}]},
            {"birthDate": "1957", "identifier": [{"value": "id-7"}]},
        ):
            open_for(**same)
            assert name_of(channel.event()) == "ImagingStudy-open"
            assert hub.client.post(accept, json={"kind": "ACCEPTED"}).status_code == 201
            assert "DiagnosticReport-" in name_of(channel.event())
            channel.answer_all()


def test_who_does_not_follow_is_named_to_the_others(hub: ApiNode) -> None:
    pacs, ris = peers(hub)
    with pacs.listening("SyncError") as one, ris.listening("ImagingStudy-open,SyncError") as other:
        asked = opened(pacs.topic, FOREIGN)
        pacs.announced(asked)
        other.event(409)
        error = one.event()
        (issue,) = resource(error, "operationoutcome")["issue"]
        assert issue["severity"] == "warning"
        assert issue["diagnostics"] == "RIS 7 refused with 409"
        codings = issue["details"]["coding"]
        assert {one["system"].rpartition("/")[2]: one["code"] for one in codings} == {
            "eventid": asked["id"], "eventname": "ImagingStudy-open", "subscriber": "RIS 7",
        }  # fmt: skip
        assert other.is_silent(0.4)
        # A silent one is unsubscribed once the others know (2.5).
        pacs.announced(opened(pacs.topic, FOREIGN))
        assert "event" in other.next()
        (issue,) = resource(one.event(), "operationoutcome")["issue"]
        assert issue["diagnostics"] == "RIS 7 did not answer"
        denied = other.next()
        assert (denied["hub.mode"], denied["hub.topic"]) == ("denied", ris.topic)
        with pytest.raises(ConnectionClosed):
            other.next()
        with pytest.raises(InvalidStatus), ris.connected():
            pass
    with pacs.listening("SyncError") as one, ris.listening("Patient-open") as other:
        other.socket.close(1011)
        (issue,) = resource(one.event(), "operationoutcome")["issue"]
        assert issue["diagnostics"] == "RIS 7 has lost its connection"


def test_a_channel_goes_on_after_all_earlier_events_were_removed(hub: ApiNode) -> None:
    """As after a day without any, or when a study is deleted."""
    pacs, ris = peers(hub)
    with ris.listening("ImagingStudy-open") as channel:
        for _ in range(2):
            pacs.announced(opened(pacs.topic, FOREIGN))
            channel.event()
        with writing(hub.storage.engine) as connection:
            connection.execute(delete(t.fhircast_event))
        pacs.announced(opened(pacs.topic, FOREIGN))
        assert name_of(channel.event()) == "ImagingStudy-open"
