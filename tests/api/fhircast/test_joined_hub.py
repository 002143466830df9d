"""The node as a member of another system's hub, which the test writes itself."""

from collections.abc import Iterator

import pytest

from storage.settings import load_settings
from tests.api.client import ApiNode, api_node, is_problem
from tests.api.fhircast.foreign_hub import TOKEN, ForeignHub, foreign_hub
from tests.api.fhircast.peers import PATIENT, Json, Peer, event, name_of, opened, resource, study
from tests.migrated import upgrade
from tests.patience import PATIENCE_S
from tests.services import free_port

FOREIGN = "1.2.840.99.1"


@pytest.fixture
def other() -> Iterator[ForeignHub]:
    with foreign_hub() as hub:
        yield hub


@pytest.fixture
def node(other: ForeignHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiNode]:
    settings = load_settings(
        data_dir=tmp_path_factory.mktemp("joined") / "data",
        http_port=free_port(),
        dicom_port=free_port(),
        free_disk_mark_bytes=0,
        fhircast=True,
        fhircast_hub_url=other.url,
        fhircast_hub_token=TOKEN,
    )
    upgrade(settings)
    with api_node(settings) as node:
        yield node


def joined(node: ApiNode) -> Peer:
    answer = node.client.put("/api/v1/fhircast/joined", json={"joined_topic": "desk-7"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["joined_topic"] == "desk-7"
    return Peer(node.client, answer.json()["topic"], "Viewer")


def test_events_go_both_ways_once_and_content_in_the_versions_of_each_hub(
    node: ApiNode, other: ForeignHub
) -> None:
    viewer = joined(node)
    shown = node.client.get("/api/v1/fhircast").json()
    assert (shown["joins_hub"], shown["is_joined_now"]) == ("127.0.0.1", False)
    with viewer.listening("*") as channel:
        assert other.connected.acquire(timeout=PATIENCE_S)
        assert node.client.get("/api/v1/fhircast").json()["is_joined_now"] is True
        assert other.forms[0]["hub.topic"] == "desk-7"
        assert "DiagnosticReport-update" in other.forms[0]["hub.events"]
        assert "Heartbeat" not in other.forms[0]["hub.events"]

        # From there.
        theirs = opened("desk-7", FOREIGN, "imagingstudy-open")
        other.send(theirs)
        got = channel.event()
        assert (got["id"], name_of(got)) == (theirs["id"], "ImagingStudy-open")
        assert got["event"]["hub.topic"] == viewer.topic
        assert other.answered.acquire(timeout=PATIENCE_S)
        assert other.statuses[-1] == {"id": theirs["id"], "status": 200}

        # From here: the report, and what is shared in it.
        report = {"resourceType": "DiagnosticReport", "id": "r1", "status": "unknown"}
        context = (("report", report), ("study", study(FOREIGN)), ("patient", PATIENT))
        ours = event(viewer.topic, "DiagnosticReport-open", *context)
        viewer.announced(ours)
        version = channel.event()["event"]["context.versionId"]
        assert other.arrived.acquire(timeout=PATIENCE_S)
        assert other.events[-1]["id"] == ours["id"]
        assert other.events[-1]["event"]["hub.topic"] == "desk-7"
        assert version != other.version
        viewer.announced(_update(viewer.topic, version, "o1"))
        assert name_of(channel.event()) == "DiagnosticReport-update"
        assert other.arrived.acquire(timeout=PATIENCE_S)

        # And theirs into the same report here, although their hub counts versions of its own.
        other.send(_update("desk-7", other.version, "o2"))
        got = channel.event()
        assert name_of(got) == "DiagnosticReport-update"
        (entry,) = resource(got, "updates")["entry"]
        assert entry["resource"]["id"] == "o2"
        content = viewer.current()["context"][-1]["resource"]["entry"]
        assert [one["resource"]["id"] for one in content] == ["o1", "o2"]
        # Nothing came back, from neither side.
        assert channel.is_silent(1.0)
        assert [one["id"] for one in other.events] == [ours["id"], other.events[1]["id"]]

        # What the other hub refuses is named here.
        other.refuses = 1
        viewer.announced(opened(viewer.topic, FOREIGN, "Patient-open"))
        channel.event()
        (issue,) = resource(channel.event(), "operationoutcome")["issue"]
        assert issue["diagnostics"] == "The joined hub refused with 409"
    # Without a page nobody needs it.
    deadline_forms = {"hub.mode": "unsubscribe"}
    for _ in range(200):
        if other.forms[-1]["hub.mode"] == deadline_forms["hub.mode"]:
            break
        other.answered.acquire(timeout=0.1)
    assert other.forms[-1]["hub.mode"] == "unsubscribe"


def test_what_another_node_opened_is_followed_here_and_comes_back_to_neither(
    node: ApiNode, other: ForeignHub
) -> None:
    """Each node's viewers pass over ids that begin as those of their own node."""
    viewer = joined(node)
    with viewer.listening("*") as channel:
        assert other.connected.acquire(timeout=PATIENCE_S)
        theirs = opened("desk-7", FOREIGN)
        theirs["id"] = "mediview-7"
        other.send(theirs)
        assert channel.event()["id"] == "of-mediview-7"
        assert other.answered.acquire(timeout=PATIENCE_S)
        assert other.statuses[-1] == {"id": "mediview-7", "status": 200}
        assert channel.is_silent(1.0)
        assert other.events == []


def _update(topic: str, version: str, observation: str) -> Json:
    put = {"resourceType": "Observation", "id": observation, "status": "final"}
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [{"request": {"method": "PUT"}, "resource": put}],
    }
    report = {"resourceType": "DiagnosticReport", "id": "r1", "status": "unknown"}
    context = (("report", report), ("updates", bundle))
    return event(topic, "DiagnosticReport-update", *context, **{"context.versionId": version})


def test_it_comes_back_after_a_break_and_follows_a_change_of_the_topic(
    node: ApiNode, other: ForeignHub
) -> None:
    viewer = joined(node)
    with viewer.listening("*") as channel:
        assert other.connected.acquire(timeout=PATIENCE_S)
        other.sockets[0].close(1011)
        assert other.connected.acquire(timeout=PATIENCE_S)
        other.send(opened("desk-7", FOREIGN))
        assert name_of(channel.event()) == "ImagingStudy-open"
        for wrong in ("{", "[]", '{"event": 7}', '{"event": {"hub.event": "x"}}'):
            other.sockets[0].send(wrong)
        other.send(opened("another topic", FOREIGN))
        assert channel.is_silent(0.5)
        answer = node.client.put("/api/v1/fhircast/joined", json={"joined_topic": ""})
        assert answer.status_code == 200
        assert answer.json()["is_joined_now"] is False
        for _ in range(200):
            if not other.sockets:
                break
            other.answered.acquire(timeout=0.1)
        assert other.sockets == []


def test_a_channel_on_another_host_is_not_opened(node: ApiNode, other: ForeignHub) -> None:
    other.channel = other.channel.replace("127.0.0.1", "localhost")
    viewer = joined(node)
    with viewer.listening("*") as channel:
        assert not other.connected.acquire(timeout=1.5)
        viewer.announced(opened(viewer.topic, FOREIGN))
        assert name_of(channel.event()) == "ImagingStudy-open"


def test_a_node_that_joins_none_says_so(reading_api: ApiNode) -> None:
    answer = reading_api.client.put("/api/v1/fhircast/joined", json={"joined_topic": "x"})
    is_problem(answer, 404, "not_found")


def test_a_hub_that_answers_with_a_page_is_asked_again(node: ApiNode, other: ForeignHub) -> None:
    other.pages = 1
    viewer = joined(node)
    with viewer.listening("*"):
        assert other.connected.acquire(timeout=PATIENCE_S)
        assert len(other.forms) == 2
