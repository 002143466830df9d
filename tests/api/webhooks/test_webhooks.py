"""A webhook is kept, changed and tried over REST; its secret stays one, and its host is allowed."""

from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from storage import tables as t
from storage.container import open_storage
from storage.core.clock import utcnow
from storage.db.engine import reading
from storage.settings import Settings
from tests.api.client import ApiNode, is_problem, scheduled_job, worked_on
from tests.api.webhooks.receiver import (
    Receiver,
    added,
    configured,
    cut,
    deliveries,
    notified,
    signed,
    status,
)


def test_only_hosts_of_the_list_are_called(
    api_settings: Settings, node: ApiNode, hook: Receiver
) -> None:
    for url in (
        "http://169.254.169.254/latest/meta-data",
        "http://example.org/hook",
        "file:///etc/passwd",
        "http://127.0.0.1@example.org/",
        "http://127.0.0.1.example.org/",
    ):
        answer = node.client.post("/api/webhooks", json={"url": url, "events": ["*"]})
        is_problem(answer, 400, "invalid_request")
    webhook = added(node, hook, "job.scheduled")
    path = f"/api/webhooks/{webhook['webhook_id']}"
    is_problem(node.client.patch(path, json={"url": "http://example.org"}), 400, "invalid_request")
    with open_storage(configured(api_settings, webhook_hosts=())) as closed:
        scheduled_job(closed)
        notified(closed)
        assert hook.received == [], "an operator took it off the list"
        (refused,) = deliveries(node, webhook)
        assert "MEDIVIEW_WEBHOOK_HOSTS" in refused["last_error"]


def test_a_webhook_is_kept_changed_tried_and_removed(node: ApiNode, hook: Receiver) -> None:
    webhook = added(node, hook, "job.scheduled")
    path = f"/api/webhooks/{webhook['webhook_id']}"
    listed = node.client.get("/api/webhooks").json()["items"][0]
    assert "secret" not in listed
    assert "secret" not in node.client.get(path).json()
    pinged = node.client.post(f"{path}/ping").json()
    assert (pinged["ok"], pinged["status"]) == (True, 204)
    assert hook.types == ["ping"]
    hook.answer = status(503)
    assert node.client.post(f"{path}/ping").json()["sentence"] == "It answered HTTP 503."
    hook.answer = None

    renewed = node.client.post(f"{path}/secret").json()["secret"]
    assert renewed != webhook["secret"]
    node.client.post(f"{path}/ping")
    headers, body = hook.received[-1]
    assert headers["webhook-signature"] == signed(renewed, headers, body)

    changed = node.client.patch(path, json={"events": ["job.canceled"], "is_active": False})
    assert changed.json()["events"] == ["job.canceled"]
    job = scheduled_job(node.storage)
    node.storage.jobs.cancel(job.job_id, "Asleep.", utcnow())
    notified(node.storage)
    assert node.client.patch(path, json={"is_active": True}).status_code == 200
    other = scheduled_job(node.storage, "2.25.2")
    node.storage.jobs.cancel(other.job_id, "Awake.", utcnow())
    notified(node.storage)
    assert [one["data"].get("reason") for one in hook.notices[3:]] == ["Awake."]
    is_problem(node.client.patch(path, json={"events": ["nonsense"]}), 400, "invalid_request")
    assert node.client.post("/api/webhooks", json={"url": hook.url, "events": []}).is_client_error
    assert node.client.delete(path).status_code == 204
    is_problem(node.client.get(path), 404, "not_found")


def test_old_notices_are_forgotten(node: ApiNode, hook: Receiver) -> None:
    webhook = added(node, hook, "job.scheduled")
    scheduled_job(node.storage)
    notified(node.storage)
    node.storage.webhook_outbox.prune(utcnow() - timedelta(hours=1))
    assert len(deliveries(node, webhook)) == 1
    node.storage.webhook_outbox.prune(utcnow() + timedelta(seconds=1))
    assert deliveries(node, webhook) == []


def test_nothing_secret_is_written_down(
    # First, so that the node that writes to it ends before it does.
    capfd: pytest.CaptureFixture[str],
    node: ApiNode,
    hook: Receiver,
    tmp_path: Path,
) -> None:
    webhook = added(node, hook, "*")
    hook.answer = cut
    worked_on(node.storage, scheduled_job(node.storage))
    notified(node.storage)
    with pytest.raises(httpx.HTTPStatusError):
        node.client.get(f"/api/webhooks/{'1' * 36}").raise_for_status()
    written = "".join(capfd.readouterr())
    assert "webhook_failed" in written
    with reading(node.storage.engine) as connection:
        kept = connection.execute(select(t.webhook.c.secret)).scalar_one()
    assert webhook["secret"].removeprefix("whsec_") not in kept
    assert webhook["secret"] not in written
    assert "s3cret" not in written
