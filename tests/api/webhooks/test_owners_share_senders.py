"""Receivers of one key that hang keep nobody else waiting, whatever their number."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from inference.webhooks.senders import Senders
from inference.webhooks.service import notify_due
from storage.container import Storage
from storage.core.clock import utcnow
from storage.webhooks import shares
from tests.api.access.closed import ClosedNode, closed_node, closed_settings
from tests.api.client import is_problem
from tests.api.fhir.test_subscriptions import r4
from tests.api.webhooks.receiver import Receiver, hang, receiver
from tests.patience import PATIENCE_S

_TIMEOUT_S = 4.0
_HANGING = 40


@pytest.fixture
def node(tmp_path: Path) -> Iterator[ClosedNode]:
    settings = closed_settings(
        tmp_path,
        webhook_hosts=("127.0.0.1",),
        webhook_timeout_s=_TIMEOUT_S,
        webhook_retry_base_s=60,
        rate_limit_per_minute=0,
    )
    with closed_node(settings) as made:
        yield made


@contextmanager
def sending(storage: Storage) -> Iterator[None]:
    """What the clock and the control worker do, with the senders of one process."""
    senders, stop = Senders(), threading.Event()
    with ThreadPoolExecutor(6) as rounds:

        def tick() -> None:
            while not stop.wait(0.1):
                storage.webhook_outbox.fill()
                storage.fhir_subscriptions.fill(utcnow())
                if storage.webhook_outbox.is_due(utcnow()):
                    rounds.submit(notify_due, storage, "tests", stop.is_set, senders)

        clock = threading.Thread(target=tick)
        clock.start()
        try:
            yield
        finally:
            stop.set()
            clock.join()


def subscribed(client: httpx.Client, hook: Receiver) -> None:
    answer = client.post("/fhir/Subscription", json=r4(hook.url))
    assert answer.status_code == 201, answer.text


def test_one_keys_receivers_that_hang_leave_senders_to_others(node: ClosedNode) -> None:
    with (
        receiver() as hanging,
        receiver() as quick,
        node.with_key("report system", "integrator") as one,
        node.with_key("EHR", "integrator") as other,
        sending(node.storage),
    ):
        hanging.answer = hang
        for _ in range(_HANGING):
            subscribed(one, hanging)
        deadline = time.monotonic() + PATIENCE_S
        while len(hanging.received) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        began_s = time.monotonic()
        subscribed(other, quick)
        while not quick.received:
            assert time.monotonic() < deadline + PATIENCE_S
            time.sleep(0.02)
        took_s = time.monotonic() - began_s
        print(f"handshake after {took_s:.1f} s")
        assert took_s < _TIMEOUT_S / 2


def test_one_key_has_so_many_webhooks_and_no_more(
    node: ClosedNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shares, "MOST_OF_ONE", 2)
    with (
        receiver() as hook,
        node.with_key("report system", "integrator") as one,
        node.with_key("EHR", "integrator") as other,
    ):
        new = {"url": hook.url, "events": ["alert.raised"]}
        for client in (one, one, other):
            assert client.post("/api/v1/webhooks", json=new).status_code == 201
        answer = is_problem(one.post("/api/v1/webhooks", json=new), 429, "too_many_requests")
        assert "2 webhooks already" in answer["detail"]
        # Those of FHIR are counted apart.
        subscribed(one, hook)
        first = one.get("/api/v1/webhooks").json()["items"][0]["webhook_id"]
        assert one.delete(f"/api/v1/webhooks/{first}").status_code == 204
        assert one.post("/api/v1/webhooks", json=new).status_code == 201
