"""An API of Kubernetes on a real socket, over TLS, that knows jobs and their pods in one namespace.

Jobs are looked at by the schemas of Kubernetes when they are made. What becomes of a job a test
says, as a list of states, one for each time that the job is asked for; the last one stays.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.dicom_node.certificates import Authority
from tests.distribution.kubernetes.schemas import VERSIONS, mistakes

TOKEN = "token-of-the-workers"
State = tuple[dict[str, Any], dict[str, Any] | None]
"""Of a job: its status; and that of its pod, where there is one."""


def condition(kind: str, reason: str = "") -> dict[str, Any]:
    return {"conditions": [{"type": kind, "status": "True", "reason": reason}]}


def container(phase: str, **state: Any) -> dict[str, Any]:
    return {"phase": phase, "containerStatuses": [{"name": "model", "state": state}]}


PENDING: State = ({"active": 1}, {"phase": "Pending"})
RUNNING: State = ({"active": 1}, container("Running", running={"startedAt": "2026-01-01"}))
SUCCEEDED: State = (
    {"succeeded": 1, **condition("Complete")},
    container("Succeeded", terminated={"exitCode": 0, "reason": "Completed"}),
)


@dataclass
class Api:
    account: Path
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    made: list[dict[str, Any]] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    states: list[State] = field(default_factory=lambda: [SUCCEEDED])
    refuses: Callable[[str, str], int] = lambda method, path: 0
    """A status to answer with in place of doing something."""
    on_made: Callable[[dict[str, Any]], None] = lambda job: None
    on_deleted: Callable[[], None] = lambda: None
    kubelet: Callable[[], State] | None = None
    """What becomes of the job, where something really runs it."""
    namespace: str = "models"

    def current(self) -> State:
        if self.kubelet is not None:
            return self.kubelet()
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]


class _Handler(BaseHTTPRequestHandler):
    api: Api
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _status(self, code: int, reason: str) -> None:
        self._answer(code, {"kind": "Status", "status": "Failure", "reason": reason, "code": code})

    def _handle(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        content = self.rfile.read(length)
        parts = urlsplit(self.path)
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._status(401, "Unauthorized")
        if refused := self.api.refuses(self.command, parts.path):
            return self._status(refused, "Refused")
        jobs = f"/apis/batch/v1/namespaces/{self.api.namespace}/jobs"
        if parts.path == "/version":
            return self._answer(200, {"gitVersion": "v1.37.0"})
        if parts.path == f"/api/v1/namespaces/{self.api.namespace}/pods":
            return self._pods(parse_qs(parts.query))
        if parts.path == jobs and self.command == "POST":
            return self._make(json.loads(content))
        name = parts.path.removeprefix(f"{jobs}/")
        if name not in self.api.jobs:
            return self._status(404, "NotFound")
        if self.command == "DELETE":
            assert parse_qs(parts.query)["propagationPolicy"] == ["Foreground"]
            self.api.deleted.append(name)
            self.api.on_deleted()
            return self._answer(200, self.api.jobs.pop(name))
        job = self.api.jobs[name]
        job["status"], job["pod"] = self.api.current()
        return self._answer(200, {key: value for key, value in job.items() if key != "pod"})

    do_GET = do_POST = do_DELETE = _handle

    def _make(self, job: dict[str, Any]) -> None:
        for version in (VERSIONS[0], VERSIONS[-1]):
            if wrong := mistakes(job, version):
                return self._answer(422, {"kind": "Status", "message": wrong})
        name = job["metadata"]["name"]
        if name in self.api.jobs:
            return self._status(409, "AlreadyExists")
        self.api.made.append(json.loads(json.dumps(job)))
        self.api.jobs[name] = job
        self.api.on_made(job)
        return self._answer(201, job)

    def _pods(self, query: dict[str, list[str]]) -> None:
        wanted = query["labelSelector"][0].removeprefix("job-name=")
        pod = self.api.jobs.get(wanted, {}).get("pod")
        named = {"metadata": {"name": f"{wanted}-abcde"}, "status": pod}
        self._answer(200, {"kind": "PodList", "items": [named] if pod else []})


@contextmanager
def serving(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """The API, and what a pod of a cluster is given to reach it."""
    authority = Authority(folder)
    pair = authority.issue("api")
    account = folder / "account"
    account.mkdir()
    (account / "token").write_text(f"{TOKEN}\n")
    (account / "ca.crt").write_bytes(authority.certificate.read_bytes())
    api = Api(account)
    handler = type("Handler", (_Handler,), {"api": api})
    running = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    running.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    running.socket = context.wrap_socket(running.socket, server_side=True)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(running.server_port))
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield api
    finally:
        running.shutdown()
        running.server_close()
        thread.join()
