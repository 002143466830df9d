"""Programs take part in the topics of their groups' people, and keep nobody out of their own."""

import uuid
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from api.fhircast.topic_groups import shares_a_group
from storage.access_groups.entities import Member
from storage.access_groups.visibility import visibility_of
from storage.core.callers.identity import Identity
from storage.core.callers.visibility import Caller
from storage.core.clock import utcnow
from tests.api.access_groups.two_groups import TwoHospitals, two_hospitals
from tests.api.fhircast.peers import Json, Peer, event, name_of, opened


@pytest.fixture(scope="module")
def hospitals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoHospitals]:
    with two_hospitals(tmp_path_factory.mktemp("shares")) as two:
        yield two


def sync_error(topic: str) -> Json:
    issue = {"severity": "error", "code": "processing", "diagnostics": "call 0900"}
    outcome: Json = {"resourceType": "OperationOutcome", "issue": [issue]}
    return event(topic, "SyncError", ("operationoutcome", outcome))


def opens(person: httpx.Client, hospitals: TwoHospitals, change: str = "open") -> int:
    body = {"study_instance_uid": hospitals.south.study_instance_uid, "change": change}
    return person.post("/api/v1/fhircast/studies", json=body).status_code


def test_a_program_of_another_group_finds_no_topic_and_takes_no_part_in_one(
    hospitals: TwoHospitals,
) -> None:
    node = hospitals.node
    with (
        hospitals.person("lea", "radiologist", "South") as lea,
        hospitals.key("pacs of north", "integrator", "North") as north,
        hospitals.key("pacs of south", "integrator", "South") as south,
        node.with_key("pacs of nobody", "integrator") as nobody,
        node.with_key("pacs of all", "admin") as everything,
    ):
        topic = lea.get("/api/v1/fhircast").json()["topic"]
        for stranger in (north, nobody):
            asked = stranger.get("/api/v1/fhircast", params={"user": "lea"})
            assert asked.status_code == 404
            # As for a name that nobody has.
            absent = stranger.get("/api/v1/fhircast", params={"user": "lea2"})
            assert asked.json()["detail"] == absent.json()["detail"]
            joined = {"user": "lea", "joined_topic": ""}
            assert stranger.put("/api/v1/fhircast/joined", json=joined).status_code == 404
            spy = Peer(stranger, topic, "Spy")
            assert spy.form(hub_events="*").status_code == 404
            assert spy.announce(sync_error(topic)).status_code == 404
            assert stranger.get(f"/fhircast/{topic}").status_code == 404
        for friend in (south, everything):
            asked = friend.get("/api/v1/fhircast", params={"user": "lea"})
            assert asked.json()["topic"] == topic
            with Peer(friend, topic, "PACS").listening("*"):
                Peer(friend, topic, "PACS").announced(sync_error(topic))
        # Whose group the key was, who is in it no more.
        (key,) = [one for one in hospitals.storage.api_keys.all() if one.name == "pacs of south"]
        hospitals.storage.access_groups.remove_member("South", Member("key", key.key_id))
        assert not shares_a_group(
            hospitals.storage.engine,
            hospitals.storage.fhircast_topics.find(topic),
            visibility_of(hospitals.storage.engine, Caller("key", key.key_id)),
        )


def test_one_program_keeps_nobody_from_announcing_in_the_own_topic(
    hospitals: TwoHospitals,
) -> None:
    with (
        hospitals.person("mia", "radiologist", "South") as mia,
        hospitals.key("loud", "integrator", "South") as loud,
        hospitals.key("quiet", "integrator", "South") as quiet,
    ):
        topic = mia.get("/api/v1/fhircast").json()["topic"]
        assert opens(mia, hospitals) == 202
        statuses = [loud.post("/fhircast", json=sync_error(topic)).status_code for _ in range(40)]
        assert statuses == [202] * 30 + [429] * 10
        # Another program, and above all the person.
        Peer(quiet, topic, "Quiet").announced(opened(topic, "1.2.3"))
        for change in ("close", "open", "close", "open"):
            assert opens(mia, hospitals, change) == 202


def test_programs_leave_channels_of_the_topic_to_its_owner(hospitals: TwoHospitals) -> None:
    with (
        hospitals.person("noa", "radiologist", "South") as noa,
        hospitals.key("greedy", "integrator", "South") as greedy,
        hospitals.key("greedy too", "integrator", "South") as another,
        ExitStack() as open_channels,
    ):
        topic = noa.get("/api/v1/fhircast").json()["topic"]
        for program, count in ((greedy, 8), (another, 4)):
            for number in range(count):
                peer = Peer(program, topic, f"Desk {number}")
                open_channels.enter_context(peer.listening("SyncError"))
            refused = Peer(program, topic, "One more").form(hub_events="*")
            assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
        for page in range(4):
            viewer = Peer(noa, topic, f"Page {page}")
            channel = open_channels.enter_context(viewer.listening("*-open"))
        assert opens(noa, hospitals) == 202
        assert name_of(channel.event()) == "ImagingStudy-open"


def test_who_is_of_an_identity_provider_belongs_to_the_groups_that_it_named_last(
    hospitals: TwoHospitals,
) -> None:
    storage, issuer = hospitals.storage, "https://idp.example.org"
    group = f"rad-{uuid.uuid4()}"
    storage.access_groups.add_member("South", Member("oidc-group", group, issuer))
    person = Identity("oidc", "sub 7", "Ola", issuer)
    with hospitals.key("pacs of ola", "integrator", "South") as south:
        topics, asked = storage.fhircast_topics, {"user": "Ola"}
        topics.of(person, utcnow(), ("others",))
        assert south.get("/api/v1/fhircast", params=asked).status_code == 404
        topics.of(person, utcnow(), ("others", group))
        assert south.get("/api/v1/fhircast", params=asked).status_code == 200
