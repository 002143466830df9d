"""Keep a handful of processes alive, and end all of them together."""

import contextlib
import io
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, TextIO

from storage.processes import garbage_collection
from storage.processes.backoff import Backoff
from storage.processes.forked import fork
from storage.processes.stop_requests import StopRequests

_READY_EVERY_S = 0.1
_BACKOFF_FIRST_S = 0.5
_READ_BYTES = 64 * 1024
_COLORS = ("36", "32", "35", "33", "34")


@dataclass(frozen=True)
class Role:
    """One process to keep alive."""

    name: str
    work: Callable[[], int]
    """Runs in the process, which ends with the status that it returns."""
    prepare: Callable[[], object] = lambda: None
    """Imports what `work` needs, in the supervisor: all that is forked shares its memory."""


@dataclass
class _Child:
    role: Role
    color: str
    pid: int = 0
    backoff: Backoff = field(default_factory=lambda: Backoff(_BACKOFF_FIRST_S))


@dataclass
class _Output:
    """What a process writes."""

    child: _Child
    pipe: IO[bytes]
    unfinished: bytes = b""


class Supervisor:
    """Forks the roles, writes their lines with their names, restarts what crashes.

    The first SIGINT, SIGTERM or SIGHUP asks all to end and waits `grace_s`; a
    second kills them. `closed_in_roles` are files that are the supervisor's alone. Call
    `run` in the main thread of a process without other threads.
    """

    def __init__(
        self,
        roles: Sequence[Role],
        *,
        out: TextIO,
        grace_s: float = 12.0,
        closed_in_roles: Sequence[IO[str]] = (),
    ) -> None:
        self._children = [
            _Child(role, _COLORS[number % len(_COLORS)]) for number, role in enumerate(roles)
        ]
        self._out = out
        self._grace_s = grace_s
        self._closed_in_roles = closed_in_roles
        self._width = max(len(role.name) for role in roles)
        self._asked = StopRequests()
        self._selector = selectors.DefaultSelector()

    def run(
        self,
        *,
        is_ready: Callable[[], bool] = lambda: True,
        on_ready: Callable[[], None] = lambda: None,
    ) -> int:
        """Block until asked to stop; 0 when every child ended by itself within the grace time."""
        with self._selector, self._asked.counting_signals(), self._woken_by_signals():
            try:
                is_known_ready = False
                while not self._asked.count:
                    wait_s = self._keep_alive()
                    if not is_known_ready and is_ready():
                        is_known_ready = True
                        on_ready()
                    self._relay(wait_s if is_known_ready else _READY_EVERY_S)
                return self._stop()
            finally:
                for child in self._children:
                    self._kill(child)

    def say(self, line: str) -> None:
        """A line of the supervisor's own."""
        self._write("mediview", "1", line)

    @contextlib.contextmanager
    def _woken_by_signals(self) -> Iterator[None]:
        """The end of a child and what asks to stop end the wait for output."""
        waking, woken = socket.socketpair()
        with waking, woken:
            waking.setblocking(False)
            woken.setblocking(False)
            self._selector.register(woken, selectors.EVENT_READ, woken)
            previous = signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
            # A signal that Python does not handle wakes nobody.
            handler = signal.signal(signal.SIGCHLD, lambda *_: None)
            try:
                yield
            finally:
                signal.signal(signal.SIGCHLD, handler)
                signal.set_wakeup_fd(previous)

    def _keep_alive(self) -> float | None:
        """Seconds until the next start; None where all are there."""
        for child in self._children:
            if child.pid and (status := _status_of_ended(child.pid)) is not None:
                wait_s = child.backoff.ended(time.monotonic())
                # Its own children may have survived it.
                self._kill(child)
                while self._relay(0):
                    pass
                self.say(f"{child.role.name} {_ended(status)}; it starts again in {wait_s:g} s")
            if not child.pid and child.backoff.is_due(time.monotonic()) and not self._asked.count:
                self._start(child)
        due = [child.backoff.due_at for child in self._children if not child.pid]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _start(self, child: _Child) -> None:
        garbage_collection.pause()
        child.role.prepare()
        # What lives now is never collected in a child, whose pages thereby stay shared.
        garbage_collection.resume()
        reading, writing = os.pipe()
        child.backoff.started(time.monotonic())
        child.pid = fork(f"mediview {child.role.name}", lambda: self._in_child(child.role, writing))
        os.close(writing)
        os.set_blocking(reading, False)
        pipe = os.fdopen(reading, "rb", buffering=0)
        self._selector.register(pipe, selectors.EVENT_READ, _Output(child, pipe))

    def _in_child(self, role: Role, output: int) -> int:
        # Ctrl-C reaches the supervisor alone, which then ends them in order.
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDONLY)
        for descriptor, source in ((0, nothing), (1, output), (2, output)):
            os.dup2(source, descriptor)
        os.close(nothing)
        os.close(output)
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(line_buffering=True)
        for key in list(self._selector.get_map().values()):
            (key.data.pipe if isinstance(key.data, _Output) else key.data).close()
        self._selector.close()
        for file in self._closed_in_roles:
            file.close()
        return role.work()

    def _stop(self) -> int:
        self.say("stopping; press Ctrl-C again to kill")
        running = [child for child in self._children if child.pid]
        for child in running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGTERM)
        asked_once = self._asked.count
        deadline = time.monotonic() + self._grace_s
        late = running
        while late and time.monotonic() < deadline and self._asked.count == asked_once:
            self._relay(deadline - time.monotonic())
            late = [child for child in late if _status_of_ended(child.pid) is None]
        for child in late:
            self.say(f"{child.role.name} did not end in time and is killed")
        for child in running:
            # Also what a child left behind in its group.
            self._kill(child)
        while self._relay(0):
            pass
        self.say("stopped")
        return 1 if late else 0

    @staticmethod
    def _kill(child: _Child) -> None:
        if not child.pid:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        # One that has only just been forked has no group of its own yet.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(child.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(child.pid, 0)
        child.pid = 0

    def _relay(self, timeout_s: float | None) -> bool:
        """Write what comes within so long, or until something else happens; whether any came."""
        came = False
        for key, _ in self._selector.select(timeout_s):
            if isinstance(key.data, _Output):
                came = self._relay_lines(key.data) or came
            else:
                os.read(key.fd, _READ_BYTES)
        return came

    def _relay_lines(self, output: _Output) -> bool:
        data = output.pipe.read(_READ_BYTES)
        *lines, rest = (output.unfinished + data).split(b"\n")
        if rest and (not data or len(rest) > _READ_BYTES):
            lines.append(rest)
            rest = b""
        output.unfinished = rest
        for line in lines:
            text = line.decode("utf-8", "replace").rstrip()
            self._write(output.child.role.name, output.child.color, text)
        if not data:
            self._selector.unregister(output.pipe)
            output.pipe.close()
        return bool(data)

    def _write(self, name: str, color: str, line: str) -> None:
        prefix = name.ljust(self._width)
        if self._out.isatty():
            prefix = f"\033[{color}m{prefix}\033[0m"
        with contextlib.suppress(BrokenPipeError, ValueError):
            self._out.write(f"{prefix} | {line}\n")
            self._out.flush()


def _status_of_ended(pid: int) -> int | None:
    """The exit status of a child of ours, negative for a signal; None while it lives."""
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def _ended(status: int) -> str:
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"
