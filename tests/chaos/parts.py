"""A node as processes of their own that may be killed, stopped and started one by one."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx

from storage.settings import Settings
from tests.faults.scp_process import PROGRAM
from tests.patience import PATIENCE_S
from tests.processes import ENDING_WITH_US
from tests.services import free_port

FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
ROLES: Mapping[str, tuple[str, ...]] = {
    "scp": ("scp",),
    "api": ("api",),
    "control": ("worker", "--queue", "control"),
    "jobs": ("worker", "--queue", "jobs"),
    "beat": ("beat",),
}

_TRACE_LENGTH = 2_000
_THIS = Path(__file__).parents[2]


class Parts:
    """`roles` are those that run; the others are missing, which `/health` says.

    Logs and the clock lie in `outside`, which no fault of the disk harms.
    """

    def __init__(
        self,
        folder: Path,
        roles: tuple[str, ...],
        settings: Mapping[str, object],
        *,
        outside: Path,
        with_clock: bool = False,
        prefix: tuple[str, ...] = (),
    ) -> None:
        """`prefix`: before each command, such as that which enters a network of its own."""
        self.prefix = prefix
        self.folder, self.outside, self.roles = folder, outside, roles
        self.clock = outside / "clock" if with_clock and FAKETIME.exists() else None
        self.port, self.http_port = free_port(), free_port()
        values: dict[str, object] = {
            "data_dir": folder / "data",
            "dicom_port": self.port,
            "http_port": self.http_port,
            "unknown_peers_may": "store,query,retrieve",
            "self_test": "false",
            "dicom_processes": 2,
            "free_disk_mark_bytes": 24 << 20,
            **settings,
        }
        self.environment = {
            **{name: value for name, value in os.environ.items() if "MEDIVIEW" not in name},
            **{f"MEDIVIEW_{name.upper()}": str(value) for name, value in values.items()},
            "OMP_NUM_THREADS": "1",
            "COLUMNS": "200",
        }
        if self.clock is not None:
            self.clock.write_text("+0")
            self.environment |= {
                "LD_PRELOAD": str(FAKETIME),
                "FAKETIME_TIMESTAMP_FILE": str(self.clock),
                "FAKETIME_CACHE_DURATION": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            }
        values["unknown_peers_may"] = ("store", "query", "retrieve")
        # The controller itself sends nothing there.
        values.pop("destinations", None)
        self.settings = Settings(**values)  # type: ignore[arg-type]
        self.api = httpx.Client(base_url=f"http://127.0.0.1:{self.http_port}", timeout=PATIENCE_S)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def run_from(self, source: Path | None) -> None:
        """What starts from now on is that checkout's; None: this one's."""
        self.environment["PYTHONPATH"] = str(source or _THIS)

    @property
    def volumes(self) -> Path:
        return self.settings.data_dir / "volumes"

    def start(self) -> None:
        """What an operator's script does: migrate, then every role that does not run."""
        answer = self.command("migrate")
        assert answer.returncode == 0, answer.stdout + answer.stderr
        for role in self.roles:
            self.start_role(role)
        self.wait_until_ready()

    def start_role(self, role: str) -> None:
        if self.is_running(role):
            return
        with (self.outside / f"{role}.log").open("ab") as output:
            self._processes[role] = subprocess.Popen(
                [*ENDING_WITH_US, *self.prefix, PROGRAM, *ROLES[role]],
                cwd=self.outside,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_until_ready(self) -> None:
        self.wait_for(self.is_ready, "the node to be ready")

    def restart_ended(self) -> list[str]:
        """As a supervisor does."""
        ended = [role for role in self.roles if not self.is_running(role)]
        for role in ended:
            self.start_role(role)
        return ended

    def wait_for(
        self, done: Callable[[], bool], what: str, limit_s: float = 3 * PATIENCE_S
    ) -> None:
        """Roles that end meanwhile are started again."""
        deadline = time.monotonic() + limit_s
        while not done():
            assert time.monotonic() < deadline, f"Waited {limit_s:.0f} s for {what}.\n{self.tail()}"
            self.restart_ended()
            time.sleep(0.1)

    def is_running(self, role: str) -> bool:
        process = self._processes.get(role)
        return process is not None and process.poll() is None

    def signal(self, role: str, number: signal.Signals) -> None:
        """To every process of the role."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._processes[role].pid, number)
        if number is signal.SIGKILL:
            self._processes[role].wait(PATIENCE_S)

    def kill_everything(self) -> int:
        """How many roles were running."""
        running = [role for role in self.roles if self.is_running(role)]
        for role in running:
            self.signal(role, signal.SIGKILL)
        return len(running)

    def process_ids(self) -> list[int]:
        """Of all roles, with the processes that they have forked."""
        groups = {process.pid for process in self._processes.values() if process.poll() is None}
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                # Behind the name, which may have any character: state, parent, group (proc(5)).
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                if int(fields[2]) in groups and fields[0] != "Z":
                    found.append(int(folder.name))
        return found

    def stop(self) -> None:
        """SIGTERM to all, then the end of all."""
        for process in self._processes.values():
            if process.poll() is None:
                process.terminate()
        for role, process in self._processes.items():
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.signal(role, signal.SIGKILL)

    def close(self) -> None:
        self.kill_everything()
        self.api.close()

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.prefix, PROGRAM, *arguments],
            cwd=self.outside,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE_S,
            check=False,
        )

    def health(self) -> dict[str, dict[str, object]]:
        """Part to what it says; empty where the API is away."""
        try:
            parts: dict[str, dict[str, object]] = self.api.get("/health").json()["parts"]
        except (httpx.HTTPError, ValueError, KeyError):
            return {}
        return parts

    def set_clock(self, offset_s: int) -> None:
        assert self.clock is not None
        self.clock.write_text(f"{offset_s:+d}")

    def tail(self) -> str:
        logs = sorted(self.outside.glob("*.log"))
        return "\n".join(f"{one.name}:\n{one.read_text(errors='replace')[-1500:]}" for one in logs)

    def tracebacks(self) -> list[str]:
        """The stack traces in the logs, each with the name of its log and what follows it."""
        found = []
        for log in sorted(self.outside.glob("*.log")):
            _, *traces = log.read_text(errors="replace").split("Traceback (most recent call last)")
            found += [f"{log.name}:{trace[:_TRACE_LENGTH]}" for trace in traces]
        return found

    def free_bytes(self) -> int:
        return shutil.disk_usage(self.folder).free

    def is_ready(self) -> bool:
        """By what `/health` says."""
        parts = self.health()
        return bool(parts) and all(bool(parts[name]["ok"]) for name in ("database", "dicom"))
