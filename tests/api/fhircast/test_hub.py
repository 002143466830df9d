"""Two foreign systems and the node in one topic, over real sockets."""

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from fhirclient.models import fhirelementfactory
from sqlalchemy import delete
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from storage import tables as t
from storage.core.clock import utcnow
from storage.db.engine import writing
from storage.settings import Settings, load_settings
from tests import builders
from tests.api.client import ApiNode, api_node, finding_of, is_problem, part10, scheduled_job
from tests.api.fhircast.peers import (
    PATIENT,
    Channel,
    Json,
    Peer,
    event,
    name_of,
    opened,
    resource,
    study,
)
from tests.migrated import upgrade
from tests.services import free_port

FOREIGN = "1.2.840.99.1"


MORE = {"fhircast": True, "fhircast_heartbeat_s": 2.5}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiNode]:
    settings = load_settings(
        data_dir=tmp_path_factory.mktemp("hub") / "data",
        http_port=free_port(),
        dicom_port=free_port(),
        free_disk_mark_bytes=0,
        **MORE,
    )
    upgrade(settings)
    with api_node(settings) as node:
        yield node


@pytest.fixture
def hub(node: ApiNode) -> ApiNode:
    """Where nothing is open and nobody listens."""
    with writing(node.storage.engine) as connection:
        for table in (t.fhircast_context, t.fhircast_event, t.fhircast_subscription):
            connection.execute(delete(table))
    return node


@pytest.fixture
def stored_hub(storage_settings: Settings) -> Iterator[ApiNode]:
    """Over each kind of storage: SQLite with files, PostgreSQL with S3."""
    more = {"http_port": free_port(), **MORE}
    with api_node(storage_settings.model_copy(update=more)) as node:
        yield node


def peers(hub: ApiNode) -> tuple[Peer, Peer]:
    topic = hub.client.get("/api/v1/fhircast").json()
    assert topic["enabled"] is True
    assert topic["hub_url"] == f"{hub.url}/fhircast"
    return Peer(hub.client, topic["topic"], "Acme PACS"), Peer(hub.client, topic["topic"], "RIS 7")


def read_strictly(shown: Json) -> Any:
    """By a library that refuses what FHIR 4.0.1 does not know."""
    return fhirelementfactory.FHIRElementFactory.instantiate(shown["resourceType"], shown)


def with_finding(hub: ApiNode) -> tuple[str, str]:
    """A study of the node with a finding: its UID and the finding's id."""
    series = builders.series(np.zeros((2, 4, 4), np.int16), modality="MR", seed=7)
    for instance in series:
        instance.PatientID, instance.PatientName = "id-7", "Döe^Jane^M"
        instance.AccessionNumber = "A-4711"
        instance.SpecificCharacterSet = "ISO_IR 192"
        hub.storage.ingest.accept(part10(instance), "dimse:MR1")
    uid, now = str(series[0].StudyInstanceUID), utcnow()
    job = scheduled_job(hub.storage, uid)
    finding = finding_of(job, 1234.5)
    assert hub.storage.jobs.claim(job.job_id, "w", 60, now)
    hub.storage.findings.replace_for_job(job.job_id, [finding])
    assert hub.storage.jobs.complete(job.job_id, "w", {"instances": [], "timings_s": {}}, now)
    return uid, finding.finding_id


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
        update = _update(pacs.topic, first, "PUT", "o1")
        pacs.announced(update)
        got = channel.event()["event"]
        assert got["context.priorVersionId"] == first
        second = got["context.versionId"]
        assert second not in ("", first)
        is_problem(pacs.announce(update), 412, "version_conflict")
        other = _update(pacs.topic, second, "PUT", "o2")
        other["event"]["context"][0]["resource"]["id"] = "r2"
        is_problem(pacs.announce(other), 409, "state_conflict")
        assert channel.is_silent(0.4)
        current = ris.current()
        assert current["context.versionId"] == second
        content = current["context"][-1]["resource"]
        assert (content["type"], content["entry"][0]["resource"]["id"]) == ("collection", "o1")
        pacs.announced(_update(pacs.topic, second, "DELETE", "o1"))
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


def _update(topic: str, version: str, method: str, observation: str) -> Json:
    entry: Json = {"fullUrl": f"Observation/{observation}", "request": {"method": method}}
    if method == "PUT":
        entry["resource"] = {"resourceType": "Observation", "id": observation, "status": "final"}
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
    report = {"resourceType": "DiagnosticReport", "id": "r1", "status": "unknown"}
    return event(
        topic, "DiagnosticReport-update", ("report", report), ("updates", bundle),
        **{"context.versionId": version},
    )  # fmt: skip


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
            while not channel.is_silent():
                pass


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


def test_a_subscription_ends_by_its_lease_and_when_it_is_unsubscribed(hub: ApiNode) -> None:
    pacs, ris = peers(hub)
    with pacs.listening("Heartbeat", hub_lease_seconds="1") as short, ris.listening("*") as long:
        beat = long.next()
        assert name_of(beat) == "Heartbeat"
        assert beat["event"]["context"] == [{"key": "period", "decimal": "2.5"}]
        while (message := short.next()).get("hub.mode") != "denied":
            assert name_of(message) == "Heartbeat"
        with pytest.raises(ConnectionClosed):
            short.next()
        changed = ris.http.post(
            "/fhircast",
            data={
                "hub.channel.type": "websocket", "hub.mode": "unsubscribe",
                "hub.topic": ris.topic, "hub.channel.endpoint": ris.endpoint,
            },
        )  # fmt: skip
        assert changed.status_code == 202, changed.text
        while (message := long.next()).get("hub.mode") != "denied":
            assert name_of(message) == "Heartbeat"
    with pytest.raises(InvalidStatus), ris.connected():
        pass


def test_an_address_that_nobody_was_given_opens_nothing(hub: ApiNode) -> None:
    url = hub.url.replace("http", "ws", 1)
    for secret in ("x" * 43, "short", "%2e%2e%2f"):
        with pytest.raises(InvalidStatus) as refused:
            connect(f"{url}/fhircast/channels/{secret}", proxy=None)
        assert refused.value.response.status_code in (403, 404)


def test_a_new_connection_takes_the_channel_over_and_one_that_shouts_is_closed(
    hub: ApiNode,
) -> None:
    _, ris = peers(hub)
    with ris.listening("Patient-open") as first, ris.connected() as second:
        with pytest.raises(ConnectionClosed) as left:
            first.next()
        assert left.value.rcvd is not None
        assert left.value.rcvd.code == 1001
        with pytest.raises(ConnectionClosed):
            _shout(second)


def test_who_sends_parts_of_a_message_without_end_is_closed(hub: ApiNode) -> None:
    """Parts without content never reach a limit of bytes, and each takes its time."""
    _, ris = peers(hub)
    with ris.listening("Patient-open") as channel:
        with suppress(ConnectionClosed):
            channel.socket.send("" for _ in range(5_000))
        with pytest.raises(ConnectionClosed):
            channel.next()


def _shout(channel: Channel) -> None:
    for _ in range(150):
        channel.socket.send('{"id": 1')
    while True:
        channel.next()


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"hub.channel.type": "webhook"}, 400),
        ({"hub.mode": "denied"}, 400),
        ({"hub.topic": "fdb2f928-5546-4f52-87a0-0648e9ded065"}, 404),
        ({"hub.events": ""}, 400),
        ({"hub.events": "patient-transmogrify"}, 400),
        ({"hub.events": ",".join(["*"] * 33)}, 400),
        ({"hub.lease_seconds": "-1"}, 400),
        ({"hub.lease_seconds": "9" * 400}, 400),
        ({"hub.channel.endpoint": "wss://elsewhere/fhircast/channels/x"}, 404),
        ({"subscriber.name": "x" * 9000}, 400),
    ],
)
def test_a_subscription_that_is_wrong_is_refused_with_a_sentence(
    hub: ApiNode, change: dict[str, str], status: int
) -> None:
    pacs, _ = peers(hub)
    form = {
        "hub.channel.type": "websocket", "hub.mode": "subscribe", "hub.topic": pacs.topic,
        "hub.events": "Patient-open",
    }  # fmt: skip
    answer = hub.client.post("/fhircast", data=form | change)
    assert answer.status_code == status, answer.text
    assert answer.json()["remedy"]


def test_an_event_that_is_wrong_is_refused_and_reaches_nobody(hub: ApiNode) -> None:
    pacs, ris = peers(hub)
    good = opened(pacs.topic, FOREIGN)
    wrong: list[tuple[bytes | Json, int]] = [
        (b"{", 400),
        (b"[]", 400),
        (b'{"event": ' + b"[" * 20_000, 400),
        (good | {"id": "ü"}, 400),
        (good | {"id": "mediview-7"}, 400),
        (good | {"timestamp": "yesterday"}, 400),
        (good | {"event": good["event"] | {"hub.event": "org.example.x"}}, 400),
        (good | {"event": good["event"] | {"hub.event": "Heartbeat"}}, 400),
        (good | {"event": good["event"] | {"hub.topic": "another"}}, 404),
        (good | {"event": good["event"] | {"context": [{"key": "study"}]}}, 400),
        (
            good | {"event": good["event"] | {"context": [{"key": "study", "resource": PATIENT}]}},
            400,
        ),
        (good | {"more": "x" * 300_000}, 413),
        (_update(pacs.topic, "v", "PUT", "o1"), 409),
    ]
    with ris.listening("*-open,*-update,*-close") as channel:
        for body, status in wrong:
            if isinstance(body, dict):
                answer = pacs.announce(body)
            else:
                answer = hub.client.post(
                    "/fhircast", content=body, headers={"Content-Type": "application/json"}
                )
            assert answer.status_code == status, (str(body)[:200], answer.text)
            assert answer.json()["detail"]
        assert channel.is_silent(0.4)
        statuses = {pacs.announce(opened(pacs.topic, FOREIGN)).status_code for _ in range(61)}
        assert statuses == {202, 429}
    assert hub.client.post("/fhircast", content=b"x").status_code == 415


def test_a_node_that_is_no_hub_says_so(reading_api: ApiNode) -> None:
    assert reading_api.client.get("/api/v1/fhircast").json()["enabled"] is False
    for path in ("/fhircast/.well-known/fhircast-configuration", "/fhircast/t"):
        is_problem(reading_api.client.get(path), 404, "not_found")


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
