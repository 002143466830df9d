"""The node's work as real processes: control, jobs and beat over a broker."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from storage.container import Storage, open_storage
from storage.settings import load_settings
from tests.inference.orchestration import wait_for
from tests.migrated import upgrade
from tests.patience import PATIENCE_S
from tests.processes import ENDING_WITH_US
from tests.ready_processes import ReadyPopen

Role = Literal["control", "jobs", "gpu", "language", "interactive", "beat"]
ROLES: tuple[Role, ...] = ("control", "jobs", "beat")
ROOT = Path(__file__).parents[2]
# Errors in these processes as well, but for the one that pyproject.toml explains.
_WARNINGS = ("-W", "error", "-W", "ignore:unclosed database in <sqlite3.Connection:ResourceWarning")
_MODULE = "tests.inference.worker.worker_process"


@dataclass
class Workers:
    """Starts and kills what works on one data folder."""

    folder: Path
    settings: dict[str, Any]
    storage: Storage
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    """Of the processes, beside the tests' own."""

    @property
    def runs(self) -> Path:
        """Has a line for each time the small pipeline ran."""
        return self.folder / "runs"

    @property
    def go(self) -> Path:
        """The small pipeline waits for this file where it was told to hold."""
        return self.folder / "go"

    def start(self, *roles: Role, hold: bool = False) -> list[subprocess.Popen[bytes]]:
        """Start processes and wait until each has said that it lives."""
        options: dict[str, Any] = {"settings": self.settings, "runs": str(self.runs)}
        if hold:
            options["hold"] = str(self.go)
        started = []
        for role in roles:
            with (self.folder / f"{role}.log").open("ab") as log:
                started.append(
                    ReadyPopen(
                        # They end with the tests, if these are cut off.
                        [
                            *ENDING_WITH_US,
                            sys.executable,
                            *_WARNINGS,
                            "-m",
                            _MODULE,
                            role,
                            json.dumps(options),
                        ],
                        cwd=ROOT,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                        env={**os.environ, "OMP_NUM_THREADS": "2", **self.environment},
                    )
                )
        self.running.extend(started)
        for role, process in zip(roles, started, strict=True):
            self._wait_for_life(role, process)
        return started

    def _wait_for_life(self, role: Role, process: subprocess.Popen[bytes]) -> None:
        name = role if role == "beat" else f"worker-{role}"
        before = self.storage.heartbeats.last(name)

        def lives() -> bool:
            if process.poll() is not None:
                raise AssertionError(f"{role} ended with {process.returncode}:\n{self.log(role)}")
            return self.storage.heartbeats.last(name) != before

        wait_for(lives, f"the first heartbeat of {role}")

    def log(self, role: Role) -> str:
        return (self.folder / f"{role}.log").read_text()

    def kill_all_of(self, process: subprocess.Popen[bytes]) -> None:
        """kill -9 for a worker and the children that it forked."""
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self, process: subprocess.Popen[bytes]) -> int:
        process.terminate()
        return process.wait(PATIENCE_S)


@contextmanager
def workers_in(folder: Path, **overrides: Any) -> Iterator[Workers]:
    """A migrated data folder, and workers that end with the context."""
    settings = {
        "data_dir": str(folder / "data"),
        "free_disk_mark_bytes": 0,
        "series_quiet_s": 0.5,
        "tick_s": 0.25,
        "job_lease_s": 2.0,
        "delivery_retry_base_s": 0.5,
        "delivery_retry_max_s": 1.0,
        **overrides,
    }
    loaded = load_settings(**settings)
    upgrade(loaded)
    with open_storage(loaded) as storage:
        workers = Workers(folder, settings, storage)
        try:
            yield workers
        finally:
            for process in workers.running:
                if process.poll() is None:
                    process.terminate()
            for process in workers.running:
                try:
                    process.wait(PATIENCE_S)
                except subprocess.TimeoutExpired:
                    workers.kill_all_of(process)


def children_of(pid: int) -> list[int]:
    """Children of each of its threads: a replaced child is forked by another than the first."""
    texts = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(part) for text in texts for part in text.split()]
