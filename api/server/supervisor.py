"""Keep a handful of processes alive, and end all of them together."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, TextIO

from storage.processes.asked import StopRequests
from storage.processes.backoff import Backoff
from storage.processes.parent import ENVIRONMENT_NAME

_LOOK_EVERY_S = 0.1
_BACKOFF_FIRST_S = 0.5
_COLORS = ("36", "32", "35", "33", "34")


@dataclass(frozen=True)
class Role:
    """One process to keep alive."""

    name: str
    command: Sequence[str]


@dataclass
class _Child:
    role: Role
    color: str
    process: subprocess.Popen[bytes] | None = None
    backoff: Backoff = field(default_factory=lambda: Backoff(_BACKOFF_FIRST_S))
    readers: list[threading.Thread] = field(default_factory=list)


class Supervisor:
    """Starts the roles, writes their lines with their names, restarts what crashes.

    The first SIGINT, SIGTERM or SIGHUP asks all to end and waits `grace_s`; a
    second kills them. Call `run` in the main thread: the kernel ties the
    children's lives to the thread that starts them.
    """

    def __init__(
        self,
        roles: Sequence[Role],
        *,
        environment: Mapping[str, str],
        out: TextIO,
        grace_s: float = 12.0,
    ) -> None:
        self._children = [
            _Child(role, _COLORS[number % len(_COLORS)]) for number, role in enumerate(roles)
        ]
        self._environment = {
            **environment,
            ENVIRONMENT_NAME: str(os.getpid()),
            "PYTHONUNBUFFERED": "1",
        }
        self._out = out
        self._out_lock = threading.Lock()
        self._grace_s = grace_s
        self._width = max(len(role.name) for role in roles)
        self._asked = StopRequests()

    def run(
        self,
        *,
        is_ready: Callable[[], bool] = lambda: True,
        on_ready: Callable[[], None] = lambda: None,
    ) -> int:
        """Block until asked to stop; 0 when every child ended by itself within the grace time."""
        with self._asked.heard():
            try:
                told = False
                while not self._asked.count:
                    self._keep_alive()
                    if not told and is_ready():
                        told = True
                        on_ready()
                    self._asked.pause(_LOOK_EVERY_S)
                return self._stop()
            finally:
                for child in self._children:
                    self._kill(child)

    def say(self, line: str) -> None:
        """A line of the supervisor's own."""
        self._write("mediview", "1", line)

    def _keep_alive(self) -> None:
        now = time.monotonic()
        for child in self._children:
            if child.process is None:
                if child.backoff.is_due(now):
                    self._start(child)
            elif (status := child.process.poll()) is not None:
                wait_s = child.backoff.ended(now)
                self._forget(child)
                self.say(f"{child.role.name} {_ended(status)}; it starts again in {wait_s:g} s")

    def _start(self, child: _Child) -> None:
        process = subprocess.Popen(
            child.role.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self._environment,
            # Ctrl-C reaches the supervisor alone, which then ends them in order.
            start_new_session=True,
        )
        child.process = process
        child.backoff.started(time.monotonic())
        if process.stdout is None:
            raise RuntimeError("a child was started without its pipe")
        reader = threading.Thread(
            target=self._relay, args=(child, process.stdout), name=f"lines-{child.role.name}"
        )
        reader.daemon = True
        reader.start()
        child.readers.append(reader)

    def _stop(self) -> int:
        self.say("stopping; press Ctrl-C again to kill")
        running = [child for child in self._children if child.process is not None]
        for child in running:
            self._signal(child, signal.SIGTERM)
        asked_once = self._asked.count
        deadline = time.monotonic() + self._grace_s
        while time.monotonic() < deadline and self._asked.count == asked_once:
            if all(child.process is None or child.process.poll() is not None for child in running):
                break
            self._asked.pause(_LOOK_EVERY_S)
        late = [child for child in running if child.process and child.process.poll() is None]
        for child in late:
            self.say(f"{child.role.name} did not end in time and is killed")
        for child in running:
            # Also what a child left behind in its group.
            self._kill(child)
        for child in running:
            for reader in child.readers:
                reader.join(timeout=1.0)
        self.say("stopped")
        return 1 if late else 0

    def _forget(self, child: _Child) -> None:
        # Its own children may have survived it.
        self._kill(child)
        child.process = None
        child.readers = [reader for reader in child.readers if reader.is_alive()]

    def _kill(self, child: _Child) -> None:
        if child.process is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.process.pid, signal.SIGKILL)
        child.process.wait()

    @staticmethod
    def _signal(child: _Child, number: signal.Signals) -> None:
        if child.process is not None and child.process.poll() is None:
            child.process.send_signal(number)

    def _relay(self, child: _Child, stream: IO[bytes]) -> None:
        with stream:
            for line in stream:
                self._write(child.role.name, child.color, line.decode("utf-8", "replace").rstrip())

    def _write(self, name: str, color: str, line: str) -> None:
        prefix = name.ljust(self._width)
        if self._out.isatty():
            prefix = f"\033[{color}m{prefix}\033[0m"
        with self._out_lock, contextlib.suppress(BrokenPipeError, ValueError):
            self._out.write(f"{prefix} | {line}\n")
            self._out.flush()


def _ended(status: int) -> str:
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"
