"""Webhooks tell a real HTTP receiver what happens, whatever the receiver does."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from inference.notify.signing import signature
from inference.notify.webhooks import notify_due
from storage import tables as t
from storage.clock import utcnow
from storage.database import reading
from storage.entities import Job
from storage.opening import Storage, open_storage
from storage.settings import Settings
from tests.api.client import ApiNode, api_node, is_problem, scheduled_job, worked_on
from tests.inference.orchestration import complete_series
from tests.patience import PATIENCE_S
from tests.services import free_port

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Receiver:
    """Notes what it gets; `answer` says how it behaves."""

    url: str
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answer: Answer | None = None

    @property
    def notices(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.heard]

    @property
    def types(self) -> list[str]:
        return [one["type"] for one in self.notices]


def status(code: int, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


@contextmanager
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.heard.append(({k.lower(): v for k, v in self.headers.items()}, body))
            (heard.answer or status(204))(self)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    heard = Receiver(f"http://127.0.0.1:{server.server_address[1]}/hook?token=s3cret")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def configured(settings: Settings, **more: Any) -> Settings:
    return settings.model_copy(
        update={
            "webhook_hosts": ("127.0.0.1",),
            "webhook_timeout_s": 0.5,
            "webhook_retry_base_s": 0.05,
            "webhook_retry_max_s": 0.1,
            "http_port": free_port(),
            **more,
        }
    )


@pytest.fixture
def node(api_settings: Settings) -> Iterator[ApiNode]:
    with api_node(configured(api_settings)) as node:
        yield node


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as hook:
        yield hook


def added(node: ApiNode, hook: Receiver, *events: str) -> dict[str, Any]:
    answer = node.client.post(
        "/api/webhooks", json={"url": hook.url, "events": list(events or ("*",))}
    )
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def told(storage: Storage) -> None:
    """What the clock and the control worker do."""
    storage.webhook_queue.fill()
    notify_due(storage, "tests")


def told_until(storage: Storage, done: Callable[[], bool], limit_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + limit_s
    while not done():
        assert time.monotonic() < deadline
        told(storage)
        time.sleep(0.02)


def deliveries(node: ApiNode, webhook: dict[str, Any], query: str = "") -> list[dict[str, Any]]:
    answer = node.client.get(f"/api/webhooks/{webhook['webhook_id']}/deliveries?{query}")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


def test_a_job_is_told_of_from_beginning_to_end(storage_settings: Settings, hook: Receiver) -> None:
    with api_node(configured(storage_settings)) as node:
        scheduled_job(node.storage, "2.25.900")
        webhook = added(node, hook, "job.*", "results.stored")
        job = scheduled_job(node.storage)
        finished(node.storage, job)
        told(node.storage)
        assert hook.types == ["job.scheduled", "job.started", "job.completed", "results.stored"]
        result = hook.notices[-1]
        assert result["data"]["job_id"] == job.job_id
        assert result["data"]["study_instance_uid"] == "2.25.1"
        assert result["data"]["instances"] == _RESULTS
        for headers, body in hook.heard:
            assert headers["webhook-signature"] == signed(webhook["secret"], headers, body)
            assert headers["content-type"] == "application/json"
            assert abs(int(headers["webhook-timestamp"]) - time.time()) < 30
            assert headers["webhook-id"] == json.loads(body)["id"]
        told(node.storage)
        assert len(hook.heard) == 4, "once"
        assert [one["state"] for one in deliveries(node, webhook)] == ["DELIVERED"] * 4


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


def signed(secret: str, headers: dict[str, str], body: bytes) -> str:
    """As standardwebhooks.com describes it, from its words."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()


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
    told(node.storage)
    assert hook.types == ["series.complete", "study.complete"]
    assert hook.notices[1]["data"] == {"study_instance_uid": series.study_instance_uid}
    everything = b"".join(body for _, body in hook.heard)
    assert b"Quernhammer" not in everything
    assert b"Q-4711" not in everything


def test_failures_are_retried_in_order_and_end_as_dead_letters(
    api_settings: Settings, hook: Receiver
) -> None:
    with api_node(configured(api_settings, webhook_max_attempts=3)) as node:
        webhook = added(node, hook, "job.scheduled")
        for number in range(3):
            scheduled_job(node.storage, f"2.25.{number}")
        hook.answer = status(500)
        told(node.storage)
        assert len(hook.heard) == 1, "what comes later waits"
        pending = deliveries(node, webhook)
        assert [one["attempts"] for one in pending] == [0, 0, 1]
        assert pending[-1]["last_error"] == "It answered HTTP 500."
        told_until(node.storage, lambda: len(hook.heard) == 9)
        about = [one["data"]["study_instance_uid"] for one in hook.notices]
        assert about == ["2.25.0"] * 3 + ["2.25.1"] * 3 + ["2.25.2"] * 3
        dead = deliveries(node, webhook, "state=DEAD")
        assert len(dead) == 3
        hook.answer = None
        path = f"/api/webhooks/{webhook['webhook_id']}/deliveries"
        again = node.client.post(f"{path}/{dead[0]['delivery_id']}/redeliver")
        assert (again.status_code, again.json()["state"]) == (202, "PENDING")
        told(node.storage)
        assert hook.notices[-1]["id"] == dead[0]["delivery_id"], "the receiver knows it again"
        assert len(deliveries(node, webhook, "state=DELIVERED")) == 1
        missing = node.client.post(f"{path}/{'0' * 36}/redeliver")
        is_problem(missing, 404, "not_found")


def hang(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(2)


def drip(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    for _ in range(30):
        try:
            handler.wfile.write(b".")
            handler.wfile.flush()
        except OSError:
            return
        time.sleep(0.1)


def cut(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.close()


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
    told(node.storage)
    assert time.monotonic() - begun < 2
    (failed,) = deliveries(node, webhook)
    assert failed["state"] == "PENDING"
    assert sentence in failed["last_error"]
    assert "s3cret" not in failed["last_error"]
    hook.answer = None
    told_until(node.storage, lambda: deliveries(node, webhook)[0]["state"] == "DELIVERED")
    assert len({headers["webhook-id"] for headers, _ in hook.heard}) == 1


def test_one_that_hangs_does_not_hold_up_another(node: ApiNode, hook: Receiver) -> None:
    hook.answer = hang
    added(node, hook)
    with receiver() as prompt:
        added(node, prompt, "job.scheduled")
        scheduled_job(node.storage)
        sender = threading.Thread(target=told, args=(node.storage,))
        begun = time.monotonic()
        sender.start()
        while not prompt.heard:
            time.sleep(0.01)
            assert time.monotonic() - begun < 5
        assert sender.is_alive(), "the other one is still waited for"
        sender.join()


def test_two_processes_never_send_the_same_or_out_of_order(
    storage_settings: Settings, hook: Receiver
) -> None:
    settings = configured(storage_settings)
    with api_node(settings) as node, open_storage(settings) as other:
        added(node, hook, "job.scheduled")
        for number in range(40):
            scheduled_job(node.storage, f"2.25.{number}")
        threads = [
            threading.Thread(target=told, args=(storage,))
            for storage in (node.storage, other, node.storage, other)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        told(node.storage)
        about = [one["data"]["study_instance_uid"] for one in hook.notices]
        assert about == [f"2.25.{number}" for number in range(40)]


def test_a_sender_that_died_is_replaced_when_its_lease_ends(node: ApiNode, hook: Receiver) -> None:
    added(node, hook, "job.scheduled")
    scheduled_job(node.storage)
    node.storage.webhook_queue.fill()
    assert node.storage.webhook_queue.claim("dead", 0.3, utcnow()) is not None
    notify_due(node.storage, "tests")
    assert hook.heard == []
    time.sleep(0.35)
    notify_due(node.storage, "tests")
    assert len(hook.heard) == 1


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
        told(closed)
        assert hook.heard == [], "an operator took it off the list"
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
    headers, body = hook.heard[-1]
    assert headers["webhook-signature"] == signed(renewed, headers, body)

    changed = node.client.patch(path, json={"events": ["job.canceled"], "is_active": False})
    assert changed.json()["events"] == ["job.canceled"]
    job = scheduled_job(node.storage)
    node.storage.jobs.cancel(job.job_id, "Asleep.", utcnow())
    told(node.storage)
    assert node.client.patch(path, json={"is_active": True}).status_code == 200
    other = scheduled_job(node.storage, "2.25.2")
    node.storage.jobs.cancel(other.job_id, "Awake.", utcnow())
    told(node.storage)
    assert [one["data"].get("reason") for one in hook.notices[3:]] == ["Awake."]
    is_problem(node.client.patch(path, json={"events": ["nonsense"]}), 400, "invalid_request")
    assert node.client.post("/api/webhooks", json={"url": hook.url, "events": []}).is_client_error
    assert node.client.delete(path).status_code == 204
    is_problem(node.client.get(path), 404, "not_found")


def test_old_notices_are_forgotten(node: ApiNode, hook: Receiver) -> None:
    webhook = added(node, hook, "job.scheduled")
    scheduled_job(node.storage)
    told(node.storage)
    node.storage.webhook_queue.prune(utcnow() - timedelta(hours=1))
    assert len(deliveries(node, webhook)) == 1
    node.storage.webhook_queue.prune(utcnow() + timedelta(seconds=1))
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
    told(node.storage)
    with pytest.raises(httpx.HTTPStatusError):
        node.client.get(f"/api/webhooks/{'1' * 36}").raise_for_status()
    written = "".join(capfd.readouterr())
    assert "webhook_failed" in written
    with reading(node.storage.engine) as connection:
        kept = connection.execute(select(t.webhook.c.secret)).scalar_one()
    assert webhook["secret"].removeprefix("whsec_") not in kept
    assert webhook["secret"] not in written
    assert "s3cret" not in written
