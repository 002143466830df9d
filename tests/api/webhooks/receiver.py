"""A real HTTP receiver of webhooks, and what a node is asked and notified about it."""

import base64
import contextlib
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from api.webhooks.payload_schemas import notice_data
from inference.webhooks.service import notify_due
from storage.container import Storage
from storage.settings import Settings
from storage.webhooks.payloads import EVENT_TYPES
from tests.api.client import ApiNode
from tests.patience import PATIENCE_S
from tests.services import free_port

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Receiver:
    """Notes what it gets; `answer` says how it behaves."""

    url: str
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    arrived_s: list[float] = field(default_factory=list)
    answer: Answer | None = None

    @property
    def notices(self) -> list[dict[str, Any]]:
        """In the order in which they came; each is as the API's description has it."""
        notices = [json.loads(body) for _, body in self.received]
        for notice in notices:
            assert notice["timestamp"].endswith("Z")
            if notice["type"] in EVENT_TYPES:
                notice_data(notice["type"]).model_validate(notice["data"])
        return notices

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


def hang(handler: BaseHTTPRequestHandler) -> None:
    """No answer, until the sender goes away."""
    handler.connection.settimeout(30)
    with contextlib.suppress(OSError):
        handler.rfile.read(1)


def drip(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    for _ in range(300):
        try:
            handler.wfile.write(b".")
            handler.wfile.flush()
        except OSError:
            return
        time.sleep(0.1)


def cut(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.close()


@contextmanager
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.arrived_s.append(time.monotonic())
            made.received.append(({k.lower(): v for k, v in self.headers.items()}, body))
            (made.answer or status(204))(self)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made = Receiver(f"http://127.0.0.1:{server.server_address[1]}/hook?token=s3cret")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def configured(settings: Settings, **more: Any) -> Settings:
    return settings.model_copy(
        update={
            "webhook_hosts": ("127.0.0.1",),
            "webhook_retry_base_s": 0.05,
            "webhook_retry_max_s": 0.1,
            "http_port": free_port(),
            **more,
        }
    )


def added(node: ApiNode, hook: Receiver, *events: str) -> dict[str, Any]:
    answer = node.client.post(
        "/api/webhooks", json={"url": hook.url, "events": list(events or ("*",))}
    )
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def notified(storage: Storage) -> None:
    """What the clock and the control worker do."""
    storage.webhook_outbox.fill()
    notify_due(storage, "tests")


def notified_until(storage: Storage, done: Callable[[], bool], limit_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + limit_s
    while not done():
        assert time.monotonic() < deadline
        notified(storage)
        time.sleep(0.02)


def deliveries(node: ApiNode, webhook: dict[str, Any], query: str = "") -> list[dict[str, Any]]:
    answer = node.client.get(f"/api/webhooks/{webhook['webhook_id']}/deliveries?{query}")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


def signed(secret: str, headers: dict[str, str], body: bytes) -> str:
    """As standardwebhooks.com describes it, from its words."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
