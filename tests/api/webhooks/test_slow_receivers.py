"""Receivers that answer slowly keep nobody else waiting."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from inference.webhooks import senders as slowness
from inference.webhooks import service
from inference.webhooks.senders import Senders
from inference.webhooks.service import notify_due
from storage.container import Storage
from storage.settings import Settings
from storage.webhooks.entities import DueReceiver
from tests.api.client import api_node, scheduled_job
from tests.api.webhooks.receiver import Answer, Receiver, added, configured, receiver, status
from tests.patience import PATIENCE_S

_SLOW_S = 0.4
_NOTICES = 6


def _slowly() -> Answer:
    answer = status(204)

    def wait(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(_SLOW_S)
        answer(handler)

    return wait


@pytest.fixture
def slow_hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setattr(slowness, "SLOW_S", 0.2)
    with receiver() as made:
        made.answer = _slowly()
        yield made


def test_another_receiver_has_its_notice_at_once(
    storage_settings: Settings, hook: Receiver, slow_hook: Receiver
) -> None:
    with api_node(configured(storage_settings)) as node:
        for _ in range(12):
            added(node, slow_hook, "job.scheduled")
        for number in range(_NOTICES):
            scheduled_job(node.storage, f"2.25.{number}")
        node.storage.webhook_outbox.fill()
        senders = Senders()
        rounds = [threading.Thread(target=_round, args=(node.storage, senders)) for _ in range(2)]
        rounds[0].start()
        deadline = time.monotonic() + PATIENCE_S
        while len(slow_hook.received) < 24:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        added(node, hook, "job.scheduled")
        scheduled_job(node.storage, "2.25.100")
        node.storage.webhook_outbox.fill()
        before = len(slow_hook.received)
        rounds[1].start()
        deadline = time.monotonic() + PATIENCE_S
        while not hook.received:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert len(slow_hook.received) - before <= 12, "of 48 that still wait"
        for one in rounds:
            one.join()
        # Each has all of them, once and in order.
        assert len(slow_hook.received) == 12 * (_NOTICES + 1)


def _round(storage: Storage, senders: Senders) -> None:
    notify_due(storage, "tests", senders=senders)


def test_a_receiver_that_answers_in_time_leaves_its_sender_after_a_turn(
    storage_settings: Settings, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_TURN_S", 0.5)
    monkeypatch.setattr(slowness, "SLOW_S", PATIENCE_S)
    with api_node(configured(storage_settings)) as node, receiver() as plodding:
        plodding.answer = _slowly()
        added(node, plodding, "job.scheduled")
        for number in range(_NOTICES):
            scheduled_job(node.storage, f"2.25.{number}")
        added(node, hook, "job.scheduled")
        scheduled_job(node.storage, "2.25.99")
        node.storage.webhook_outbox.fill()
        # One sender for both, beside the one for critical findings.
        notify_due(node.storage, "tests", senders=Senders(2))
        assert len(plodding.received) == _NOTICES + 1
        assert len(hook.received) == 1
        assert plodding.arrived_s[2] > hook.arrived_s[0], "two are a turn"


def _of(owner: str, number: int = 1, *, is_urgent: bool = False) -> DueReceiver:
    return DueReceiver(f"{owner}-{number}", owner, is_urgent)


def _claimed(senders: Senders, *due: DueReceiver) -> str | None:
    found = senders.claim(lambda: due, lambda _: True)
    return None if found is None else found.webhook_id


def test_half_of_the_senders_are_left_by_slow_ones() -> None:
    senders = Senders(16)
    slow = [_of(owner, number) for owner in ("a", "b", "c") for number in range(5)]
    for one in slow:
        assert senders.note(one, 60.0)
    taken = []
    while found := _claimed(senders, *slow):
        taken.append(found)
    assert len(taken) == 8
    assert max(Counter(one[0] for one in taken).values()) == 3
    assert _claimed(senders, _of("a", 9)) is None, "a new one of an owner who has slow ones"
    quick = _of("a", 9)
    assert not senders.note(quick, 0.1)
    assert _claimed(senders, quick) == "a-9"


def test_slow_receivers_of_one_owner_have_a_quarter() -> None:
    senders = Senders(16)
    slow = [_of("a", number) for number in range(6)]
    for one in slow:
        senders.note(one, 60.0)
    assert [_claimed(senders, *slow) is not None for _ in slow] == [True] * 4 + [False] * 2
    assert not senders.note(slow[4], 0.1), "it has recovered"
    assert _claimed(senders, *slow[4:]) == "a-4"


def test_who_comes_next_finds_a_sender_whatever_others_have() -> None:
    senders = Senders(16)
    held = {}
    for owner in ("a", "b", "c", "d"):
        due = [_of(owner, number) for number in range(20)]
        held[owner] = sum(_claimed(senders, *due) is not None for _ in due)
    assert held == {"a": 8, "b": 4, "c": 2, "d": 1}
    assert _claimed(senders, _of("e")) is None
    assert _claimed(senders, _of("a", 0), _of("e", is_urgent=True)) == "e-1", "a critical finding"
    for number in (1, 2):
        senders.release(_of("a", number))
    assert _claimed(senders, *(_of("a", number) for number in range(20)), _of("f")) == "f-1"


def test_critical_findings_come_first_and_owners_take_turns() -> None:
    senders = Senders(16)
    due = [_of("a"), _of("a", 2), _of("b"), _of("b", 2, is_urgent=True)]
    found = [_claimed(senders, *due) for _ in due]
    assert found == ["b-2", "a-1", "b-1", "a-2"]


def test_what_another_process_has_is_left_to_it() -> None:
    found = Senders().claim(lambda: (_of("a"), _of("b")), lambda webhook_id: webhook_id != "a-1")
    assert found == _of("b")
