"""What waits for too long, is out of reach or does not work is an event once, and so is its end."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.server.condition_watch import note_health, watching
from api.server.schemas import Health, HealthPart
from inference.webhooks.watching import watch_waiting
from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.deliveries.release import ReleaseScope, decide_release
from storage.peers.entities import KnownPeer
from storage.settings import Settings
from tests.api.client import ApiNode, api_node
from tests.api.webhooks.receiver import Receiver, added, configured, notified, status
from tests.inference.delays.test_results import results
from tests.inference.small import study_uid


def health(**bad: str) -> Health:
    names = ("database", "disk", "instances", "worker", "open_files")
    parts = {name: HealthPart(ok=name not in bad, detail=bad.get(name, "")) for name in names}
    return Health(status="degraded" if bad else "ok", parts=parts, version="1")


def hurried(storage: Storage) -> Storage:
    short = {"release_overdue_s": 0.001, "unreachable_after_s": 0.001}
    return replace(storage, settings=storage.settings.model_copy(update=short))


def test_health_is_announced_when_it_lasts_and_when_it_is_over(
    storage_settings: Settings, hook: Receiver
) -> None:
    with api_node(configured(storage_settings, health_after_s=0.0)) as node:
        added(node, hook, "node.*")
        storage = node.storage
        for _ in range(3):
            note_health(
                storage.settings,
                storage.node_conditions,
                health(disk="It is full.", worker="Gone.", instances="Two."),
            )
        note_health(
            storage.settings,
            storage.node_conditions,
            health(worker="Gone.", open_files="None left."),
        )
        notified(storage)
        assert sorted((one["type"], one["data"]["part"]) for one in hook.notices) == [
            ("node.data_damaged", "instances"),
            ("node.degraded", "worker"),
            ("node.disk_low", "disk"),
            ("node.restored", "disk"),
            ("node.restored", "instances"),
        ]


@pytest.mark.parametrize("is_first", [True, False])
def test_of_the_processes_that_serve_the_first_alone_looks(
    storage_settings: Settings, is_first: bool
) -> None:
    app = create_app(storage_settings)
    app.state.watches_health = is_first
    before = set(threading.enumerate())
    with open_storage(storage_settings), TestClient(app):
        begun = [thread.name for thread in set(threading.enumerate()) - before]
    assert begun.count("health") == is_first


def test_what_is_over_at_once_is_no_event(node: ApiNode) -> None:
    patient = node.storage.settings.health_after_s
    assert patient > 60
    assert (
        note_health(node.storage.settings, node.storage.node_conditions, health(disk="It is full."))
        == 0
    )
    assert note_health(node.storage.settings, node.storage.node_conditions, health()) == 0


def test_several_processes_announce_it_once(storage_settings: Settings) -> None:
    settings = configured(storage_settings, health_after_s=0.0)
    with open_storage(settings) as one, open_storage(settings) as other:
        counts: list[int] = []

        def look(storage: Storage) -> None:
            counts.append(
                note_health(storage.settings, storage.node_conditions, health(disk="It is full."))
            )

        threads = [threading.Thread(target=look, args=(each,)) for each in (one, other) * 4]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(counts) == 1


def test_results_that_wait_for_their_release_are_announced_once(
    node: ApiNode, hook: Receiver
) -> None:
    added(node, hook, "study.release_overdue")
    results(node.storage, "a", state="AWAITING_RELEASE")
    assert watch_waiting(node.storage, utcnow()) == 0
    impatient = hurried(node.storage)
    assert [watch_waiting(impatient, utcnow()) for _ in range(2)] == [1, 0]
    decide_release(node.storage.engine, ReleaseScope(study_uid("a")), "withhold", utcnow())
    assert watch_waiting(impatient, utcnow()) == 0
    notified(node.storage)
    assert [one["data"] for one in hook.notices] == [{"study_instance_uid": study_uid("a")}]


def test_a_destination_out_of_reach_is_announced_and_when_it_is_back(
    node: ApiNode, hook: Receiver
) -> None:
    added(node, hook, "destination.*")
    storage = node.storage
    storage.peers.add(KnownPeer("pacs", kind="folder", folder="pacs", is_destination=True))
    storage.circuit_breakers.failed("pacs", "Refused.", utcnow())
    storage.circuit_breakers.failed("a model server", "Refused.", utcnow())
    assert watch_waiting(storage, utcnow()) == 0
    assert watch_waiting(hurried(storage), utcnow()) == 1
    storage.circuit_breakers.answered("pacs", utcnow())
    assert watch_waiting(storage, utcnow()) == 1
    notified(storage)
    assert hook.types == ["destination.unreachable", "destination.reachable"]


def test_a_notice_that_is_given_up_is_an_event_and_its_own_is_none(
    node: ApiNode, hook: Receiver
) -> None:
    webhook = added(node, hook, "job.failed", "delivery.failed")
    hook.answer = status(500)
    node.storage.events.announce("delivery", {"destination": "ris", "state": "FAILED"}, "2.25.1")
    node.storage.webhook_outbox.fill()
    for _ in range(3):
        notice = node.storage.webhook_outbox.first_pending(
            webhook["webhook_id"], utcnow() + timedelta(hours=1)
        )
        if notice is None:
            break
        node.storage.webhook_outbox.failed(notice.delivery_id, "No.", 500, None)
        node.storage.webhook_outbox.fill()
    assert notice is None, "two that give up do not notify each other for ever"


def test_a_fault_that_nobody_thought_of_does_not_end_looking(
    node: ApiNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.server.condition_watch._EVERY_S", 0.01)
    looks: list[int] = []
    again = threading.Event()

    def checks() -> Health:
        looks.append(len(looks))
        if len(looks) == 1:
            raise OverflowError("odd")
        again.set()
        return health()

    with watching(node.storage.settings, node.storage.node_conditions, checks, lambda: None):
        assert again.wait(30)
