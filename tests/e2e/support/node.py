"""A node as its user starts it: `mediview up`, with all its processes, on free ports."""

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import httpx

from tests.patience import PATIENCE_S
from tests.ready_processes import PROGRAM, run
from tests.services import free_port

T = TypeVar("T")


class Node:
    """One node and its data; it may be stopped and started again on the same ports."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.folder = folder
        self.dicom_port = free_port()
        self.http_port = free_port()
        self.url = f"http://127.0.0.1:{self.http_port}"
        self.log = folder / "node.log"
        self.environment = {
            **{name: value for name, value in os.environ.items() if "MEDIVIEW" not in name},
            "MEDIVIEW_DATA_DIR": str(folder / "data"),
            "MEDIVIEW_DICOM_PORT": str(self.dicom_port),
            "MEDIVIEW_HTTP_PORT": str(self.http_port),
            "MEDIVIEW_SERIES_QUIET_S": "2",
            # Some seconds of CPU for each node; `test_self_test` and `doctor` run it.
            "MEDIVIEW_SELF_TEST": "false",
            # Drafts leave where a site says so.
            "MEDIVIEW_REPORT_DELIVERY": "all",
            "MEDIVIEW_DELIVERY_RETRY_BASE_S": "1",
            "MEDIVIEW_JOB_LEASE_S": "5",
            # Threads that wait for each other on busy cores take many times as long as one alone.
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "2"),
            **settings,
        }
        self.api = httpx.Client(base_url=self.url)
        self._supervisor: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start it and return after how many seconds it was ready."""
        begin = time.monotonic()
        with self.log.open("ab") as output:
            self._supervisor = subprocess.Popen(
                [PROGRAM, "up"],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.wait_for(lambda: self.health() == "ok", "the node to be ready", PATIENCE_S)
        return time.monotonic() - begin

    def health(self) -> str:
        try:
            status: str = self.api.get("/health").json()["status"]
        except httpx.TransportError:
            return "down"
        return status

    def interrupt(self) -> int:
        """Ctrl-C: SIGINT to the whole foreground group. Returns the exit status."""
        supervisor = self._running()
        os.killpg(supervisor.pid, signal.SIGINT)
        status = supervisor.wait(PATIENCE_S)
        self._supervisor = None
        return status

    def kill(self) -> None:
        """kill -9 of every process, as a machine that loses its power."""
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._running().wait(PATIENCE_S)
        self._supervisor = None

    def close(self) -> None:
        """End it, and whatever a failed test has left of it; fails where Ctrl-C is not enough."""
        self.api.close()
        try:
            if self._supervisor is not None and self._supervisor.poll() is None:
                self.interrupt()
        finally:
            for pid in self.processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if self._supervisor is not None:
                self._supervisor.wait(PATIENCE_S)

    def processes(self) -> dict[int, str]:
        """Every process of this node with its command line, found by its environment."""
        mark = f"MEDIVIEW_DATA_DIR={self.environment['MEDIVIEW_DATA_DIR']}\0".encode()
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            with contextlib.suppress(OSError):
                if mark in (entry / "environ").read_bytes() + b"\0":
                    command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    if command:  # a zombie has none
                        found[int(entry.name)] = command.strip()
        return found

    def get(self, path: str) -> Any:
        answer = self.api.get(path)
        answer.raise_for_status()
        return answer.json()

    def wait_for(self, look: Callable[[], T | None], what: str, limit_s: float) -> T:
        """What `look` returns once it is true; fails with the end of the node's log."""
        deadline = time.monotonic() + limit_s
        while True:
            found = look()
            if found:
                return found
            if time.monotonic() > deadline or (
                self._supervisor is not None and self._supervisor.poll() is not None
            ):
                tail = self.log.read_text(errors="replace")[-4000:]
                raise AssertionError(f"Waited {limit_s:.0f} s for {what}.\n{tail}")
            # Each look is a request, or several.
            time.sleep(0.25)

    def command(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        limit_s: float = PATIENCE_S,
    ) -> subprocess.CompletedProcess[str]:
        """Another `mediview` command with this node's settings, or with `environment`."""
        return run(
            [PROGRAM, *arguments],
            check=False,
            cwd=self.folder,
            env={**(environment or self.environment), "COLUMNS": "200", "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=limit_s,
        )

    def _running(self) -> subprocess.Popen[bytes]:
        if self._supervisor is None:
            raise RuntimeError("The node is not running.")
        return self._supervisor


ENDED = ("completed", "failed", "cancelled", "superseded")
"""States of a job."""


class EventRecorder:
    """Listens to a stream of server-sent events in a thread of its own."""

    def __init__(self, node: Node, path: str) -> None:
        self._url = node.url + path
        self.events: list[tuple[str, Any]] = []
        self.ended = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def of(self, name: str) -> list[Any]:
        return [data for event, data in list(self.events) if event == name]

    def join(self, limit_s: float) -> None:
        self._thread.join(limit_s)

    def _listen(self) -> None:
        no_read_limit = httpx.Timeout(10, read=None)
        with (
            contextlib.suppress(httpx.TransportError),
            httpx.stream("GET", self._url, timeout=no_read_limit) as answer,
        ):
            self.events.extend(_events(answer.iter_lines()))
        self.ended.set()


def events_of_job(node: Node, job_id: str) -> list[dict[str, Any]]:
    """Of a job that has ended: all there were, with what each stated when it happened."""
    found: list[dict[str, Any]] = []
    with httpx.stream("GET", f"{node.url}/api/v1/events", headers={"Last-Event-ID": "0"}) as answer:
        for name, data in _events(answer.iter_lines()):
            if name == "job" and data.get("job_id") == job_id:
                found.append(data)
                if data["state"] in ENDED:
                    break
    return found


def _events(lines: Iterator[str]) -> Iterator[tuple[str, Any]]:
    name, data = "message", ""
    for line in lines:
        field, _, value = line.partition(":")
        if field == "event":
            name = value.strip()
        elif field == "data":
            data += value.strip()
        elif not line:
            if data:
                yield name, json.loads(data)
            name, data = "message", ""
