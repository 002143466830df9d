"""Receivers that answer slowly keep nobody else waiting."""

import threading
import time
from collections.abc import Collection, Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from inference.webhooks import senders as slowness
from inference.webhooks.senders import Senders
from inference.webhooks.service import notify_due
from storage.container import Storage
from storage.settings import Settings
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


def test_half_of_the_senders_are_left_by_slow_ones() -> None:
    senders, waiting = Senders(4), ["slow-1", "slow-2", "slow-3", "fast"]
    for one in waiting[:3]:
        assert senders.note(one, 60.0)

    def claim(but: Collection[str]) -> str | None:
        free = [one for one in waiting if one not in but and one not in taken]
        return free[0] if free else None

    taken: list[str] = []
    with senders.claimed(claim) as first:
        taken.append(first or "")
        with senders.claimed(claim) as second:
            taken.append(second or "")
            with senders.claimed(claim) as third:
                assert (first, second, third) == ("slow-1", "slow-2", "fast")
            assert not senders.note("slow-3", 0.1), "it has recovered"
            with senders.claimed(claim) as fourth:
                assert fourth == "slow-3"
