"""Subscribers get every change of a workitem over a WebSocket, also one by somebody else."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from storage.core.clock import utcnow
from storage.settings import Settings
from storage.ups.job_mapping import uid_of_job
from tests.api.client import ApiNode, api_node, is_problem, scheduled_job, worked_on
from tests.api.ups.worklist_client import (
    FILTERED,
    PREFIX,
    WORKLIST,
    Worklist,
    code,
    el,
    new_item,
)
from tests.services import free_port

STATE_REPORT, CANCEL_REQUESTED, PROGRESS, ASSIGNED = 1, 2, 3, 5


def test_a_subscriber_follows_one_item_to_its_end(stored_api: ApiNode) -> None:
    worklist = Worklist(stored_api.client, stored_api.url)
    uid, other = worklist.created(new_item()), worklist.created(new_item())
    address = worklist.subscribe(uid, "WATCHER")
    assert address == stored_api.url.replace("http", "ws", 1) + f"{PREFIX}/subscribers/WATCHER"
    with worklist.listening("WATCHER") as listener:
        first = listener.next()
        assert first["00000002"] == el("UI", "1.2.840.10008.5.1.4.34.6.4")
        assert first["00001000"] == el("UI", uid)
        assert first["00001002"] == el("US", STATE_REPORT)
        assert first["00000110"] == el("US", 1)
        assert first["00741000"] == el("CS", "SCHEDULED")
        assert first["00404041"] == el("CS", "READY")
        worklist.change(other, "IN PROGRESS", "2.25.5")
        worklist.change(uid, "IN PROGRESS", "2.25.5")
        assert listener.next_event() == (uid, STATE_REPORT, "IN PROGRESS")
        worklist.update(uid, {"00741002": el("SQ", {"00741004": el("DS", 40)})}, "2.25.5")
        progress = listener.next()
        assert progress["00001002"] == el("US", PROGRESS)
        assert progress["00741002"]["Value"][0]["00741004"]["Value"] == [40]
        worklist.update(uid, {"00404025": el("SQ", code("S2", "99LOCAL", "Two"))}, "2.25.5")
        assert listener.next_event() == (uid, ASSIGNED, "")
        assert worklist.cancel(uid, {"00741238": el("LT", "Too late.")}).status_code == 202
        asked = listener.next()
        assert asked["00001002"] == el("US", CANCEL_REQUESTED)
        assert asked["00741238"] == el("LT", "Too late.")
        assert asked["00741236"]["Value"]
        answer = worklist.http.delete(f"{PREFIX}/workitems/{uid}/subscribers/WATCHER")
        assert answer.status_code == 200
        worklist.update(uid, {"00404041": el("CS", "UNAVAILABLE")}, "2.25.5")
        assert listener.is_silent()
    again = worklist.http.delete(f"{PREFIX}/workitems/{uid}/subscribers/WATCHER")
    is_problem(again, 404, "not_found")


def test_what_happens_while_nobody_listens_is_told_later_and_once(worklist: Worklist) -> None:
    worklist.subscribe(WORKLIST, "WATCHER")
    uid = worklist.created(new_item())
    with worklist.listening("WATCHER") as listener:
        assert listener.next_event() == (uid, STATE_REPORT, "SCHEDULED")
        assert listener.is_silent()
    worklist.change(uid, "IN PROGRESS", "2.25.5")
    with worklist.listening("WATCHER") as listener:
        assert listener.next_event() == (uid, STATE_REPORT, "IN PROGRESS")
        assert listener.is_silent()


def test_a_suspended_subscriber_hears_of_what_exists_alone(worklist: Worklist) -> None:
    old = worklist.created(new_item())
    worklist.subscribe(WORKLIST, "WATCHER")
    path = f"{PREFIX}/workitems/{WORKLIST}/subscribers/WATCHER"
    assert worklist.http.post(f"{path}/suspend").status_code == 200
    assert worklist.http.post(f"{path}/suspend").status_code == 404
    with worklist.listening("WATCHER") as listener:
        worklist.created(new_item())
        worklist.change(old, "IN PROGRESS", "2.25.5")
        assert listener.next_event() == (old, STATE_REPORT, "IN PROGRESS")
        assert worklist.http.delete(path).status_code == 200
        worklist.cancel(old)
        assert listener.is_silent()
    single = worklist.http.post(f"{PREFIX}/workitems/{old}/subscribers/WATCHER/suspend")
    is_problem(single, 400, "invalid_request")


def test_one_item_is_left_out_of_a_subscription_to_all(worklist: Worklist) -> None:
    quiet, loud = worklist.created(new_item()), worklist.created(new_item())
    worklist.subscribe(WORKLIST, "WATCHER", "deletionlock=true")
    with worklist.listening("WATCHER") as listener:
        assert {listener.next_event()[0], listener.next_event()[0]} == {quiet, loud}, (
            "as they are now"
        )
        worklist.http.delete(f"{PREFIX}/workitems/{quiet}/subscribers/WATCHER")
        worklist.change(quiet, "IN PROGRESS", "2.25.5")
        worklist.change(loud, "IN PROGRESS", "2.25.5")
        assert listener.next_event() == (loud, STATE_REPORT, "IN PROGRESS")
        assert listener.is_silent()


def test_a_filter_chooses_what_arrives(worklist: Worklist) -> None:
    address = f"{PREFIX}/workitems/{FILTERED}/subscribers/WATCHER"
    is_problem(worklist.http.post(address), 400, "invalid_request")
    is_problem(worklist.http.post(f"{address}?filter=Nonsense=1"), 400, "invalid_request")
    worklist.subscribe(
        FILTERED, "WATCHER", "filter=ScheduledStationNameCodeSequence.CodeValue=CT2,PatientID=M-1"
    )
    chosen = {"t00404025": el("SQ", code("CT2", "99LOCAL", "CT")), "t00100020": el("LO", "M-1")}
    with worklist.listening("WATCHER") as listener:
        worklist.created(new_item())
        worklist.created(new_item(t00404025=chosen["t00404025"]))
        uid = worklist.created(new_item(**chosen))
        assert listener.next_event() == (uid, STATE_REPORT, "SCHEDULED")
        assert listener.is_silent()


def test_jobs_of_the_node_are_told_of_as_workitems(api: ApiNode) -> None:
    worklist = Worklist(api.client, api.url)
    worklist.subscribe(WORKLIST, "WATCHER")
    with worklist.listening("WATCHER") as listener:
        job = scheduled_job(api.storage)
        uid = uid_of_job(job.job_id)
        assert listener.next_event() == (uid, STATE_REPORT, "SCHEDULED")
        worked_on(api.storage, job)
        assert listener.next_event() == (uid, STATE_REPORT, "IN PROGRESS")
        progress = listener.next()
        assert progress["00001002"] == el("US", PROGRESS)
        assert progress["00741002"]["Value"][0]["00741004"]["Value"] == [50.0]
        assert listener.next_event() == (uid, STATE_REPORT, "COMPLETED")
        second = scheduled_job(api.storage, "2.25.9")
        listener.next()
        api.storage.jobs.cancel(second.job_id, "The wrong patient.", utcnow())
        assert listener.next()["00741238"] == el("LT", "The wrong patient.")


@contextmanager
def _second_process_of(settings: Settings) -> Iterator[ApiNode]:
    with api_node(settings.model_copy(update={"http_port": free_port()})) as node:
        yield node


def test_another_process_of_the_api_tells_the_same(api: ApiNode, api_settings: Settings) -> None:
    here = Worklist(api.client, api.url)
    with _second_process_of(api_settings) as other_node:
        there = Worklist(other_node.client, other_node.url)
        there.subscribe(WORKLIST, "WATCHER")
        with there.listening("WATCHER") as far, here.listening("WATCHER") as near:
            uid = here.created(new_item())
            assert far.next_event() == (uid, STATE_REPORT, "SCHEDULED")
            assert near.next_event() == (uid, STATE_REPORT, "SCHEDULED")


def test_a_subscriber_may_connect_before_it_subscribes(worklist: Worklist) -> None:
    with worklist.listening("WATCHER") as listener:
        worklist.created(new_item())
        assert listener.is_silent()
        uid = worklist.created(new_item())
        worklist.subscribe(uid, "WATCHER")
        assert listener.next_event() == (uid, STATE_REPORT, "SCHEDULED")


def test_pages_of_other_sites_cannot_listen(api: ApiNode) -> None:
    url = api.url.replace("http", "ws", 1) + f"{PREFIX}/subscribers/WATCHER"
    with pytest.raises(InvalidStatus), connect(url, origin="http://evil.example", proxy=None):
        pass
    is_problem(
        httpx.post(f"{api.url}{PREFIX}/workitems/2.25.1/subscribers/WATCHER"), 404, "not_found"
    )
    long_name = httpx.post(f"{api.url}{PREFIX}/workitems/{WORKLIST}/subscribers/{'A' * 17}")
    assert long_name.status_code == 400


def test_a_stopping_server_ends_its_connections(api: ApiNode) -> None:
    worklist = Worklist(api.client, api.url)
    with worklist.listening("WATCHER") as listener:
        threading.Timer(0.3, api.stop).start()
        with pytest.raises(ConnectionClosed):
            listener.socket.recv(8)


def test_many_words_of_a_subscriber_mean_nothing(worklist: Worklist) -> None:
    worklist.subscribe(WORKLIST, "WATCHER")
    with worklist.listening("WATCHER") as listener:
        for _ in range(20):
            listener.socket.send(json.dumps({"hello": "you"}))
        uid = worklist.created(new_item())
        assert listener.next_event() == (uid, STATE_REPORT, "SCHEDULED")
