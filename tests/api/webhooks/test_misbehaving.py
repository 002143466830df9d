"""A receiver may fail, hang or lead elsewhere: it is tried again, and holds nobody up."""

import threading
import time
from collections.abc import Iterator

import pytest

from storage.settings import Settings
from tests.api.client import ApiNode, api_node, is_problem, scheduled_job
from tests.api.webhooks.receiver import (
    Answer,
    Receiver,
    added,
    configured,
    cut,
    deliveries,
    drip,
    hang,
    notified,
    notified_until,
    receiver,
    status,
)


@pytest.fixture
def node(api_settings: Settings) -> Iterator[ApiNode]:
    """A node that waits for an answer no longer than a test does."""
    with api_node(configured(api_settings, webhook_timeout_s=0.5)) as node:
        yield node


def test_failures_are_retried_in_order_and_end_as_dead_letters(
    api_settings: Settings, hook: Receiver
) -> None:
    with api_node(configured(api_settings, webhook_max_attempts=3)) as node:
        webhook = added(node, hook, "job.scheduled")
        for number in range(3):
            scheduled_job(node.storage, f"2.25.{number}")
        hook.answer = status(500)
        notified(node.storage)
        # A busy machine may have tried the first one again by now.
        about = {one["data"]["study_instance_uid"] for one in hook.notices}
        assert about == {"2.25.0"}, "what comes later waits"
        pending = deliveries(node, webhook)
        assert [one["attempts"] for one in pending] == [0, 0, len(hook.received)]
        assert pending[-1]["last_error"] == "It answered HTTP 500."
        notified_until(node.storage, lambda: len(hook.received) == 9)
        about = [one["data"]["study_instance_uid"] for one in hook.notices]
        assert about == ["2.25.0"] * 3 + ["2.25.1"] * 3 + ["2.25.2"] * 3
        dead = deliveries(node, webhook, "state=DEAD")
        assert len(dead) == 3
        hook.answer = None
        path = f"/api/webhooks/{webhook['webhook_id']}/deliveries"
        again = node.client.post(f"{path}/{dead[0]['delivery_id']}/redeliver")
        assert (again.status_code, again.json()["state"]) == (202, "pending")
        notified(node.storage)
        assert hook.notices[-1]["id"] == dead[0]["delivery_id"], "the receiver knows it again"
        assert len(deliveries(node, webhook, "state=DELIVERED")) == 1
        missing = node.client.post(f"{path}/{'0' * 36}/redeliver")
        is_problem(missing, 404, "not_found")


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (hang, "It did not answer within 0.5 s."),
        (drip, "It did not answer within 0.5 s."),
        (cut, "It could not be reached"),
        (status(307, Location="http://127.0.0.1:1/"), "redirects are not followed."),
        (status(410), "It answered HTTP 410."),
    ],
    ids=["hangs", "drips", "cuts", "redirects", "gone"],
)
def test_a_receiver_that_misbehaves_is_tried_again(
    node: ApiNode, hook: Receiver, answer: Answer, sentence: str
) -> None:
    webhook = added(node, hook, "job.scheduled")
    hook.answer = answer
    scheduled_job(node.storage)
    begun = time.monotonic()
    notified(node.storage)
    # Half a second is waited; the rest is what a busy machine takes.
    assert time.monotonic() - begun < 10
    (failed,) = deliveries(node, webhook)
    assert failed["state"] == "pending"
    assert sentence in failed["last_error"]
    assert "s3cret" not in failed["last_error"]
    hook.answer = None
    notified_until(node.storage, lambda: deliveries(node, webhook)[0]["state"] == "delivered")
    assert len({headers["webhook-id"] for headers, _ in hook.received}) == 1


def test_one_that_hangs_does_not_hold_up_another(node: ApiNode, hook: Receiver) -> None:
    hook.answer = hang
    added(node, hook)
    with receiver() as prompt:
        added(node, prompt, "job.scheduled")
        scheduled_job(node.storage)
        sender = threading.Thread(target=notified, args=(node.storage,))
        begun = time.monotonic()
        sender.start()
        while not prompt.received:
            time.sleep(0.01)
            assert time.monotonic() - begun < 5
        assert sender.is_alive(), "the other one is still waited for"
        sender.join()
