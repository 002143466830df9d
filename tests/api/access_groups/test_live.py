"""Events and subscriptions say nothing of a study of another group."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import takewhile

import httpx
import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.frames import CloseCode
from websockets.sync.client import connect

from storage.access_groups.entities import Member
from storage.core.clock import utcnow
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


def received_until(client: httpx.Client, path: str, until: str) -> str:
    """What a stream says up to a text."""
    stated = ""
    with client.stream("GET", path, timeout=PATIENCE_S) as answer:
        assert answer.status_code == 200
        for line in answer.iter_lines():
            stated += f"{line}\n"
            if until in stated:
                return stated
    return stated


def test_the_tag_of_a_list_says_nothing_of_what_others_do(hospitals: TwoHospitals) -> None:
    with hospitals.person("tags", "viewer", NORTH) as client:
        for path in ("/api/studies", "/api/jobs"):
            before = client.get(path).headers["etag"]
            change(hospitals, hospitals.south.ids["job_id"], 2)
            time.sleep(0.1)
            again = client.get(path, headers={"If-None-Match": before})
            assert (again.status_code, again.headers["etag"]) == (304, before)


def test_events_that_are_told_again_are_those_of_the_group(hospitals: TwoHospitals) -> None:
    """Everything since the node began, as after a long absence."""
    change(hospitals, hospitals.south.ids["job_id"], 1)
    change(hospitals, hospitals.north.ids["job_id"], 7654321)
    with hospitals.person("streams", "viewer", NORTH) as client:
        events = received_until(client, "/api/events?after=0", "7654321")
        listed = client.get("/api/changes?after=0&limit=500").text
    for text in (events, listed):
        assert hospitals.north.study_instance_uid in text
        assert not [mark for mark in hospitals.south.marks() if mark in text]


def test_a_stream_ends_with_the_membership(hospitals: TwoHospitals) -> None:
    """It was opened by a member, and goes on for somebody who is none any more."""
    groups, member = hospitals.storage.access_groups, Member("account", "leaves")
    stated: list[str] = []
    with hospitals.person("leaves", "viewer", NORTH) as client:
        opened, done = threading.Event(), threading.Event()

        def listen() -> None:
            with (
                suppress(httpx.HTTPError),
                client.stream("GET", "/api/events", timeout=PATIENCE_S) as answer,
            ):
                opened.set()
                for line in answer.iter_lines():
                    stated.append(line)
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
    assert "1234567" not in "".join(stated)


def until_the_end(hospitals: TwoHospitals, lines: Iterator[str]) -> str:
    """What a stream sends of a change at each hospital, up to what everybody is sent."""
    change(hospitals, hospitals.south.ids["job_id"], 3333333)
    change(hospitals, hospitals.north.ids["job_id"], 1234567)
    hospitals.storage.events.announce("model", {"model": "the end"})
    return "".join(takewhile(lambda line: "the end" not in line, lines))


def test_a_stream_goes_by_the_roles_of_now(hospitals: TwoHospitals) -> None:
    """An administrator opened it, who is none any more."""
    with (
        hospitals.person("other-admin", "admin"),
        hospitals.person("demoted", "admin", NORTH) as client,
        client.stream("GET", "/api/events", timeout=PATIENCE_S) as answer,
    ):
        lines = answer.iter_lines()
        sent = until_the_end(hospitals, lines)
        assert "3333333" in sent
        hospitals.storage.accounts.set_roles("demoted", ["viewer"])
        time.sleep(1.1)  # what was found out counts for a second
        sent = until_the_end(hospitals, lines)
    assert "1234567" in sent
    assert "3333333" not in sent


@pytest.mark.parametrize("how", ["disabled", "signed out", "revoked"])
def test_a_stream_ends_with_the_access(hospitals: TwoHospitals, how: str) -> None:
    name = f"ends {how}".replace(" ", "-")
    storage = hospitals.storage
    opened = (
        hospitals.key(name, "integrator", NORTH)
        if how == "revoked"
        else hospitals.person(name, "viewer", NORTH)
    )
    time.sleep(1.1)  # what was found out of groups counts for a second
    with opened as client, client.stream("GET", "/api/events", timeout=PATIENCE_S) as answer:
        lines = answer.iter_lines()
        assert "1234567" in until_the_end(hospitals, lines)
        if how == "revoked":
            storage.api_keys.revoke(name, utcnow())
        elif how == "disabled":
            storage.accounts.set_disabled(name, True)
        else:
            storage.accounts.set_password(name, "a quite different passphrase")
        time.sleep(1.1)  # what was found out counts for a second
        hospitals.storage.events.announce("model", {"model": "unheard"})
        assert "unheard" not in "".join(lines), "it came to its end"


def test_a_subscriber_whose_key_is_revoked_is_cut_off(hospitals: TwoHospitals) -> None:
    with hospitals.key("cut-off", "integrator", NORTH) as client:
        address = hospitals.node.url.replace("http", "ws", 1) + "/dicom-web/subscribers/CUTOFF"
        headers = {"Authorization": client.headers["Authorization"]}
        with connect(address, additional_headers=headers, proxy=None) as socket:
            hospitals.storage.api_keys.revoke("cut-off", utcnow())
            time.sleep(1.1)  # what was found out counts for a second
            hospitals.storage.events.announce("model", {"model": "any"})
            with pytest.raises(ConnectionClosedError) as closed:
                socket.recv(PATIENCE_S)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == CloseCode.POLICY_VIOLATION


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
            stated = json.loads(socket.recv(PATIENCE_S))
    assert stated["00001000"]["Value"] == [uids[1]]
