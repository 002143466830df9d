"""Who takes part in whose topic: sign-in, keys, scopes, access groups, and what is recorded."""

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from websockets.exceptions import ConnectionClosed

from storage import tables as t
from storage.access_groups.entities import Member
from storage.core.callers.identity import Identity
from storage.core.clock import utcnow
from storage.core.errors import StateConflict
from storage.db.engine import reading
from tests.api.access_groups.two_groups import TwoHospitals, two_hospitals
from tests.api.fhircast.peers import PATIENT, Peer, event, name_of, opened, study
from tests.patience import PATIENCE_S


@pytest.fixture(scope="module")
def hospitals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoHospitals]:
    with two_hospitals(tmp_path_factory.mktemp("groups")) as two:
        yield two


def topic_of(client: httpx.Client) -> str:
    return str(client.get("/api/v1/fhircast").json()["topic"])


def of_both(hospitals: TwoHospitals, name: str) -> None:
    """Who works for both hospitals: the systems of both take part in the topic."""
    for group in ("North", "South"):
        hospitals.storage.access_groups.add_member(group, Member("account", name))
    # What somebody may see is asked again after a second.
    time.sleep(1.1)


def test_people_have_a_topic_of_their_own_and_join_no_other(hospitals: TwoHospitals) -> None:
    with (
        hospitals.person("ada", "radiologist", "North") as ada,
        hospitals.person("bob", "radiologist", "North") as bob,
    ):
        topic = topic_of(ada)
        assert topic == topic_of(ada) != topic_of(bob)
        spy = Peer(bob, topic, "Spy")
        assert spy.form(hub_events="*").status_code == 404
        assert spy.announce(opened(topic, "1.2.3")).status_code == 404
        assert bob.get(f"/fhircast/{topic}").status_code == 404
        assert bob.get("/api/v1/fhircast", params={"user": "ada"}).status_code == 403
        # A program finds the topic by the person's name, where its key is an integrator's.
        with hospitals.key("pacs", "integrator", "North") as pacs:
            found = pacs.get("/api/v1/fhircast", params={"user": "ada"}).json()["topic"]
            assert found == topic
            assert pacs.get("/api/v1/fhircast", params={"user": "eve"}).status_code == 404
        with hospitals.node.with_key("reader", "radiologist") as reader:
            assert reader.get("/api/v1/fhircast", params={"user": "ada"}).status_code == 403


def test_a_name_that_several_people_have_leads_to_no_topic_and_a_keys_never(
    hospitals: TwoHospitals,
) -> None:
    topics, now = hospitals.storage.fhircast_topics, utcnow()
    topics.of(Identity("key", "k-1", "gil"), now)
    with hospitals.key("pacs-2", "integrator", "North") as pacs:

        def asked() -> httpx.Response:
            return pacs.get("/api/v1/fhircast", params={"user": "gil"})

        assert asked().status_code == 404
        with hospitals.person("gil", "radiologist", "North") as gil:
            topic = topic_of(gil)
        assert asked().json()["topic"] == topic
        topics.of(Identity("oidc", "sub-9", "gil", "https://idp.example.org"), now)
        refused = asked()
        assert (refused.status_code, refused.json()["code"]) == (409, "state_conflict")
        joined = {"user": "gil", "joined_topic": ""}
        assert pacs.put("/api/v1/fhircast/joined", json=joined).status_code == 409


def test_a_key_listens_and_announces_by_its_scopes(hospitals: TwoHospitals) -> None:
    with hospitals.person("cyd", "radiologist") as cyd:
        topic = topic_of(cyd)
    node = hospitals.node
    with (
        node.with_key("listens", "integrator", "fhircast:read") as listens,
        node.with_key("reads", "integrator", "fhir:read") as reads,
        node.client() as nobody,
    ):
        listener = Peer(listens, topic, "Listener")
        with listener.listening("*"):
            refused = listener.announce(opened(topic, "1.2.3"))
            assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
        assert Peer(reads, topic, "x").form(hub_events="*").status_code == 403
        assert Peer(nobody, topic, "x").form(hub_events="*").status_code == 401
        # Nobody takes another's subscription away, or changes it.
        with node.with_key("other", "integrator") as other:
            answer = other.post(
                "/fhircast",
                data={
                    "hub.channel.type": "websocket", "hub.mode": "unsubscribe",
                    "hub.topic": topic, "hub.channel.endpoint": listener.endpoint,
                },
            )  # fmt: skip
            assert answer.status_code == 404


def test_who_subscribes_once_more_gets_each_event_once(hospitals: TwoHospitals) -> None:
    with hospitals.person("fia", "radiologist") as fia:
        topic = topic_of(fia)
    node = hospitals.node
    with (
        node.with_key("report", "integrator") as report,
        node.with_key("pacs-3", "integrator") as p,
    ):
        first, again = Peer(report, topic, "Reports"), Peer(report, topic, "Reports")
        desk, pacs = Peer(report, topic, "Reports, desk 2"), Peer(p, topic, "Reports")
        with first.listening("Patient-open") as old, desk.listening("Patient-open") as other:
            with again.listening("Patient-open") as new:
                assert again.endpoint != first.endpoint
                while (message := old.next()).get("hub.mode") != "denied":
                    assert name_of(message) == "Heartbeat"
                pacs.announced(event(topic, "Patient-open", ("patient", PATIENT)))
                assert [name_of(one.event()) for one in (new, other)] == ["Patient-open"] * 2
                with pytest.raises(ConnectionClosed):
                    old.next()
            # Of one event as of all (2.4.2).
            gone = again.form(
                hub_mode="unsubscribe", hub_events="Patient-open", hub_channel_endpoint="-"
            )
            assert gone.status_code == 400
            form = {
                "hub.channel.type": "websocket", "hub.mode": "unsubscribe", "hub.topic": topic,
                "hub.events": "Patient-open", "hub.channel.endpoint": f"{again.endpoint}/",
            }  # fmt: skip
            assert report.post("/fhircast", data=form).status_code == 202
            assert report.post("/fhircast", data=form).status_code == 404


def test_a_channel_ends_with_the_key_or_the_sign_in_that_made_it(hospitals: TwoHospitals) -> None:
    with hospitals.person("dan", "radiologist") as dan:
        topic = topic_of(dan)
        key, secret = hospitals.storage.api_keys.create(
            "short-lived", ["integrator"], [], created_by="test", expires_at=None
        )
        program = hospitals.node.client(headers={"Authorization": f"Bearer {secret}"})
        with (
            Peer(program, topic, "RIS").listening("*") as of_key,
            Peer(dan, topic, "Viewer").listening("*") as of_person,
        ):
            hospitals.storage.api_keys.revoke(key.key_id, utcnow())
            assert dan.delete("/api/session").is_success
            for channel in (of_key, of_person):
                denied = channel.next()
                assert denied["hub.mode"] == "denied"
                assert "key has ended" in denied["hub.reason"]
                with pytest.raises(ConnectionClosed) as closed:
                    channel.next()
                assert closed.value.rcvd is not None
                assert closed.value.rcvd.code == 1008


def test_a_study_of_another_group_is_not_told_to_who_may_not_see_it(
    hospitals: TwoHospitals,
) -> None:
    north, south = hospitals.north, hospitals.south
    with (
        hospitals.person("eli", "radiologist", "North") as eli,
        hospitals.key("of north", "integrator", "North") as of_north,
        hospitals.key("of south", "integrator", "South") as of_south,
    ):
        topic = topic_of(eli)
        body = {"study_instance_uid": south.study_instance_uid, "change": "open"}
        assert eli.post("/api/v1/fhircast/studies", json=body).status_code == 404
        of_both(hospitals, "eli")
        with (
            Peer(of_north, topic, "North").listening("*-open") as ours,
            Peer(of_south, topic, "South").listening("*-open") as theirs,
        ):
            body["study_instance_uid"] = north.study_instance_uid
            assert eli.post("/api/v1/fhircast/studies", json=body).status_code == 202
            assert north.patient_name.partition("^")[0] in json.dumps(
                ours.event(), ensure_ascii=False
            )
            assert theirs.is_silent()
            assert Peer(of_south, topic, "x").current()["context"] == []
            # By its accession number alone, too.
            foreign = opened(topic, "9.9.9", accession="ACC-S-0815")
            foreign["event"]["context"][0]["resource"]["identifier"].pop(0)
            Peer(of_south, topic, "x").announced(foreign)
            assert name_of(theirs.event()) == "ImagingStudy-open"
            assert ours.is_silent()
        with Peer(of_north, topic, "Late").listening("*-open") as late:
            assert late.is_silent()


def test_an_event_about_studies_of_two_groups_reaches_only_who_sees_both(
    hospitals: TwoHospitals,
) -> None:
    north, south = hospitals.north.study_instance_uid, hospitals.south.study_instance_uid
    with (
        hospitals.person("gus", "radiologist", "North") as gus,
        hospitals.key("north 2", "integrator", "North") as of_north,
        hospitals.key("south 2", "integrator", "South") as of_south,
        hospitals.node.with_key("all 2", "admin") as of_all,
    ):
        topic = topic_of(gus)
        of_both(hospitals, "gus")
        two = opened(topic, north)
        two["event"]["context"].insert(1, {"key": "study", "resource": study(south)})
        of_one = opened(topic, south)
        identifiers = of_one["event"]["context"][0]["resource"]["identifier"]
        identifiers.append({"system": "urn:dicom:uid", "value": f"URN:OID:{north}"})
        capitals = opened(topic, "9.9.9")
        (identifier,) = capitals["event"]["context"][0]["resource"]["identifier"]
        identifier |= {"system": "URN:DICOM:UID", "value": f"URN:OID:{north}"}
        with (
            Peer(of_north, topic, "North").listening("*-open") as ours,
            Peer(of_south, topic, "South").listening("*-open") as theirs,
            Peer(of_all, topic, "All").listening("*-open") as everything,
        ):
            for message in (two, of_one):
                Peer(of_all, topic, "x").announced(message)
                assert everything.event()["id"] == message["id"]
                assert Peer(of_north, topic, "x").current()["context"] == []
            Peer(of_all, topic, "x").announced(capitals)
            assert ours.event()["id"] == capitals["id"]
            assert theirs.is_silent()


def test_a_patient_of_another_group_is_not_told_where_an_event_names_no_study(
    hospitals: TwoHospitals,
) -> None:
    south = hospitals.storage.index.study(hospitals.south.study_instance_uid)
    with (
        hospitals.person("ivo", "radiologist", "South") as ivo,
        hospitals.key("north 4", "integrator", "North") as of_north,
        hospitals.key("south 4", "integrator", "South") as of_south,
    ):
        topic = topic_of(ivo)
        of_both(hospitals, "ivo")
        known = {
            "resourceType": "Patient",
            "id": "p4",
            "name": [{"family": "Böhm"}],
            "identifier": [{"value": f" {south.patient_id} "}],
        }
        report = {"resourceType": "DiagnosticReport", "id": "r4", "status": "unknown"}
        with (
            Peer(of_north, topic, "North").listening("*-open") as ours,
            Peer(of_south, topic, "South").listening("*-open") as theirs,
        ):
            for message in (
                event(topic, "Patient-open", ("patient", known)),
                event(topic, "DiagnosticReport-open", ("report", report), ("patient", known)),
                event(topic, "ImagingStudy-open", ("study", study("9.9.4")), ("patient", known)),
            ):
                Peer(of_south, topic, "x").announced(message)
                assert theirs.event()["id"] == message["id"]
                assert ours.is_silent()
                assert Peer(of_north, topic, "x").current()["context"] == []
            # Of nobody who is here, whose ID another one has.
            other = {**known, "birthDate": "1801-01-01"}
            message = event(topic, "Patient-open", ("patient", other))
            Peer(of_south, topic, "x").announced(message)
            assert theirs.event()["id"] == message["id"]
            assert ours.is_silent()


def test_what_no_channel_can_say_again_is_refused(hospitals: TwoHospitals) -> None:
    with hospitals.person("hal", "radiologist", "North") as hal:
        topic = topic_of(hal)
    message = opened(topic, "9.9.8", accession="@accession")
    message["event"]["context"][1]["resource"] |= {"family": "@family", "count": "@count"}
    with hospitals.key("ris 9", "integrator", "North") as ris:
        for text, written in (
            *(("family", '"B\\ud800"'), ("accession", '"\\udc00"')),
            *(("count", "1e999"), ("count", "NaN")),
        ):
            body = json.dumps(message).replace(f'"@{text}"', written).encode()
            headers = {"Content-Type": "application/json"}
            answer = ris.post("/fhircast", content=body, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request"), written
        assert ris.get(f"/fhircast/{topic}").json()["context"] == []


def test_a_topic_of_the_other_hub_is_named_by_integrators_for_one_person(
    hospitals: TwoHospitals,
) -> None:
    """The node takes part in it under its own token, and so anybody would hear of anything."""
    wanted = {"joined_topic": "desk-7"}
    for number, role in enumerate(("viewer", "radiologist")):
        with hospitals.person(f"ida{number}", role) as ida:
            answer = ida.put("/api/v1/fhircast/joined", json=wanted)
            assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted")
            assert ida.put("/api/v1/fhircast/joined", json={"joined_topic": ""}).is_success
    with hospitals.node.with_key("desks", "integrator") as desks:
        answer = desks.put("/api/v1/fhircast/joined", json=wanted | {"user": "ida0"})
        assert answer.status_code == 503, "no other hub is set"
    topics, now = hospitals.storage.fhircast_topics, utcnow()
    one, two = (topics.of(Identity("key", f"k-j{n}", f"jo{n}"), now).topic for n in (1, 2))
    topics.join(one, "desk-8")
    topics.join(one, "desk-8")
    with pytest.raises(StateConflict, match="Somebody else has joined"):
        topics.join(two, "desk-8")
    topics.join(one, "")
    topics.join(two, "desk-8")


def test_the_trail_says_who_subscribed_and_what_was_opened(hospitals: TwoHospitals) -> None:
    with hospitals.person("fay", "radiologist", "North") as fay:
        topic = topic_of(fay)
        uid = hospitals.north.study_instance_uid
        with Peer(fay, topic, "Viewer of Fay").listening("*-open") as channel:
            body = {"study_instance_uid": uid, "change": "open"}
            assert fay.post("/api/v1/fhircast/studies", json=body).status_code == 202
            channel.event()
            accept = f"/api/v1/findings/{hospitals.north.ids['finding_id']}/feedback"
            assert fay.post(accept, json={"kind": "ACCEPTED"}).status_code == 201
        assert fay.get(f"/fhircast/{topic}").status_code == 200
    details: list[dict[str, Any]] = []
    deadline = time.monotonic() + PATIENCE_S
    while not any("shared_with" in one for one in details) and time.monotonic() < deadline:
        # The trail is written behind the answers.
        with reading(hospitals.storage.engine) as connection:
            rows = connection.execute(select(t.audit_event.c.detail))
            details = [row[0] for row in rows]
        time.sleep(0.05)
    subscribed = [one for one in details if one.get("subscriber") == "Viewer of Fay"]
    assert [(one["mode"], one["route"]) for one in subscribed] == [("subscribe", "POST /fhircast")]
    (shared,) = [one for one in details if "shared_with" in one]
    assert shared["shared_with"] == ["Viewer of Fay"]
