"""Events and subscriptions say nothing of a study of another group."""

import json
import threading
from contextlib import suppress

import httpx
from websockets.sync.client import connect

from storage.access_groups.entities import Member
from tests.api.access_groups.two_groups import NORTH, TwoHospitals
from tests.api.ups.worklist_client import WORKLIST, Worklist, new_item
from tests.patience import PATIENCE_S


def change(hospitals: TwoHospitals, job_id: str, priority: int) -> None:
    """Something happens to a job; a change of nothing is no event."""
    assert hospitals.storage.jobs.get(job_id)
    hospitals.storage.events.announce(
        "job",
        {
            "state": "COMPLETED",
            "status": "COMPLETED",
            "pipeline": "brain-volume",
            "stage": "",
            "progress": 1.0,
            "reason": "",
            "priority": priority,
        },
        hospitals.storage.jobs.get(job_id).study_instance_uid,
    )


def heard(client: httpx.Client, path: str, until: str) -> str:
    """What a stream says up to a text."""
    said = ""
    with client.stream("GET", path, timeout=PATIENCE_S) as answer:
        assert answer.status_code == 200
        for line in answer.iter_lines():
            said += f"{line}\n"
            if until in said:
                return said
    return said


def test_events_that_are_told_again_are_those_of_the_group(hospitals: TwoHospitals) -> None:
    """Everything since the node began, as after a long absence."""
    change(hospitals, hospitals.south.ids["job_id"], 1)
    change(hospitals, hospitals.north.ids["job_id"], 7654321)
    with hospitals.person("streams", "viewer", NORTH) as client:
        said = heard(client, "/api/events?after=0", "7654321")
    assert hospitals.north.study_instance_uid in said
    assert not [mark for mark in hospitals.south.marks() if mark in said]


def test_a_stream_ends_with_the_membership(hospitals: TwoHospitals) -> None:
    """It was opened by a member, and goes on for somebody who is none any more."""
    groups, member = hospitals.storage.access_groups, Member("account", "leaves")
    said: list[str] = []
    with hospitals.person("leaves", "viewer", NORTH) as client:
        opened, done = threading.Event(), threading.Event()

        def listen() -> None:
            with (
                suppress(httpx.HTTPError),
                client.stream("GET", "/api/events", timeout=PATIENCE_S) as answer,
            ):
                opened.set()
                for line in answer.iter_lines():
                    said.append(line)
                    if "the end" in line:
                        break
            done.set()

        threading.Thread(target=listen, daemon=True).start()
        assert opened.wait(PATIENCE_S)
        groups.remove_member(NORTH, member)
        waited = threading.Event()
        waited.wait(1.5)  # what was found out counts for a second
        change(hospitals, hospitals.north.ids["job_id"], 1234567)
        hospitals.storage.events.announce("model", {"model": "the end"})
        assert done.wait(PATIENCE_S)
    assert "1234567" not in "".join(said)


def test_a_subscriber_hears_of_the_workitems_of_its_group(hospitals: TwoHospitals) -> None:
    with hospitals.key("watching", "integrator", NORTH) as client:
        subscribed = client.post(
            f"/dicom-web/workitems/{WORKLIST}/subscribers/WATCHER",
            headers={"Content-Type": "application/dicom+json"},
        )
        assert subscribed.status_code == 201, subscribed.text
        address = hospitals.node.url.replace("http", "ws", 1) + "/dicom-web/subscribers/WATCHER"
        headers = {"Authorization": client.headers["Authorization"]}
        with connect(address, additional_headers=headers, proxy=None) as socket:
            with hospitals.node.with_key("orders", "admin") as admin:
                uids = [
                    Worklist(admin, "").created(new_item(one.study_instance_uid))
                    for one in (hospitals.south, hospitals.north)
                ]
            told = json.loads(socket.recv(PATIENCE_S))
    assert told["00001000"]["Value"] == [uids[1]]
