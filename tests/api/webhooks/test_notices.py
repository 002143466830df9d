"""Webhooks tell a real HTTP receiver what happens, signed, once and in order."""

import json
import re
import threading
import time
from pathlib import Path
from typing import Any

from inference.webhooks.service import notify_due
from inference.webhooks.signing import signature
from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.core.entities import Job
from storage.outbox.leases import OWNER_ENDED
from storage.settings import Settings
from tests.api.client import ApiNode, api_node, is_problem, scheduled_job
from tests.api.webhooks.receiver import Receiver, added, configured, deliveries, notified, signed
from tests.inference.orchestration import complete_series


def test_a_job_is_told_of_from_beginning_to_end(storage_settings: Settings, hook: Receiver) -> None:
    with api_node(configured(storage_settings)) as node:
        scheduled_job(node.storage, "2.25.900")
        webhook = added(node, hook, "job.*", "results.stored")
        job = scheduled_job(node.storage)
        finished(node.storage, job)
        notified(node.storage)
        assert hook.types == ["job.scheduled", "job.started", "job.completed", "results.stored"]
        result = hook.notices[-1]
        assert result["data"]["job_id"] == job.job_id
        assert result["data"]["study_instance_uid"] == "2.25.1"
        assert result["data"]["instances"] == _RESULTS
        for headers, body in hook.received:
            assert headers["webhook-signature"] == signed(webhook["secret"], headers, body)
            assert headers["content-type"] == "application/json"
            assert abs(int(headers["webhook-timestamp"]) - time.time()) < 30
            assert headers["webhook-id"] == json.loads(body)["id"]
        notified(node.storage)
        assert len(hook.received) == 4, "once"
        assert [one["state"] for one in deliveries(node, webhook)] == ["delivered"] * 4


_RESULTS = [
    {
        "kind": "SEG",
        "sop_class_uid": "1.2.840.10008.5.1.4.1.1.66.4",
        "series_instance_uid": "2.25.81",
        "sop_instance_uid": "2.25.82",
    }
]


def finished(storage: Storage, job: Job) -> None:
    assert storage.jobs.claim(job.job_id, "tests", 60, utcnow())
    assert storage.jobs.progress(job.job_id, "tests", "segment", 0.5, utcnow())
    assert storage.jobs.complete(job.job_id, "tests", {"instances": _RESULTS}, utcnow())


def test_a_receiver_as_the_documentation_has_it_knows_a_notice_from_a_forged_one(
    node: ApiNode, hook: Receiver
) -> None:
    page = Path(__file__).parents[3].joinpath("docs/operations.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?def is_genuine.*?)```", page, re.DOTALL)
    known: dict[str, Any] = {}
    exec(code, known)
    is_genuine = known["is_genuine"]
    secret = added(node, hook, "job.*")["secret"]
    scheduled_job(node.storage)
    notified(node.storage)
    (headers, body), *_ = hook.received
    assert is_genuine(secret, headers, body)
    assert not is_genuine(secret, headers, body + b" ")
    assert not is_genuine("whsec_" + "A" * 32, headers, body)
    old = {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) - 3600)}
    assert not is_genuine(secret, {**old, "webhook-signature": signed(secret, old, body)}, body)


def test_an_event_that_is_none_is_named(node: ApiNode, hook: Receiver) -> None:
    wanted = {"url": hook.url, "events": ["job.*", "job.done"]}
    problem = is_problem(node.client.post("/api/v1/webhooks", json=wanted), 400, "invalid_request")
    assert "'job.done'" in problem["detail"]
    assert "job.completed" in problem["remedy"]


def test_the_signature_is_that_of_the_published_example() -> None:
    # From the documentation of Svix, whose scheme Standard Webhooks wrote down.
    assert (
        signature(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1614265330,
            b'{"test": 2432232314}',
        )
        == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


def test_studies_are_told_of_once_they_are_whole(node: ApiNode, hook: Receiver) -> None:
    added(node, hook, "study.*", "series.complete")
    series = complete_series(node.storage, "a")
    notified(node.storage)
    assert hook.types == ["series.complete", "study.complete"]
    assert hook.notices[1]["data"] == {"study_instance_uid": series.study_instance_uid}
    everything = b"".join(body for _, body in hook.received)
    assert b"Quernhammer" not in everything
    assert b"Q-4711" not in everything


def test_two_processes_never_send_the_same_or_out_of_order(
    storage_settings: Settings, hook: Receiver
) -> None:
    settings = configured(storage_settings)
    with api_node(settings) as node, open_storage(settings) as other:
        added(node, hook, "job.scheduled")
        for number in range(40):
            scheduled_job(node.storage, f"2.25.{number}")
        threads = [
            threading.Thread(target=notified, args=(storage,))
            for storage in (node.storage, other, node.storage, other)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        notified(node.storage)
        about = [one["data"]["study_instance_uid"] for one in hook.notices]
        assert about == [f"2.25.{number}" for number in range(40)]


def test_a_sender_that_died_is_replaced_when_its_lease_ends(node: ApiNode, hook: Receiver) -> None:
    added(node, hook, "job.scheduled")
    scheduled_job(node.storage)
    outbox = node.storage.webhook_outbox
    outbox.fill()
    (due,) = outbox.due(utcnow())
    assert outbox.claim(due.webhook_id, "dead", 2.0, utcnow())
    assert not outbox.claim(due.webhook_id, "another", 2.0, utcnow())
    notify_due(node.storage, "tests")
    assert hook.received == []
    time.sleep(2.1)
    assert outbox.claim(due.webhook_id, "another", 2.0, utcnow())
    notice = outbox.first_pending(due.webhook_id, utcnow())
    assert notice is not None
    assert notice.last_error == OWNER_ENDED
    time.sleep(2.1)
    notify_due(node.storage, "tests")
    assert len(hook.received) == 1
