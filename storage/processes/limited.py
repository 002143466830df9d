"""A few processes that do what may go wrong: with a limit of memory and of time, replaced when
they end.

Native decoders read bytes from strangers. Here they may take too much, take too long or
crash, and the process that serves others goes on.
"""

import contextlib
import hashlib
import json
import os
import pickle
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from storage.core import errors
from storage.core.callers.shares import Shares
from storage.core.callers.wanted import check_wanted
from storage.core.errors import LimitExceeded, MediViewError, StorageUnavailable
from storage.processes.descendants import disown, end_tree, own
from storage.processes.framing import receive_message, send_message

log = structlog.get_logger(__name__)

_ROOT = str(Path(__file__).parents[2])
_MAX_HEAD_BYTES = 1 << 20
_END_S = 2.0
_START_S = 120.0
# The limit of time is one of CPU time, which a busy machine does not change; one that waits
# for something is given up after so many times as much.
_WALL_FACTOR = 4
_MOST_REMEMBERED = 1024
# Names only that a child needs; secrets of the node's own environment stay here.
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "PYTHONDONTWRITEBYTECODE")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_ERRORS: dict[str, type[MediViewError]] = {
    kind.code: kind
    for kind in (
        errors.InvalidInstance,
        errors.InvalidRequest,
        errors.LimitExceeded,
        errors.NotFound,
    )
}


class TaskFailed(RuntimeError):
    """The task raised something of its own; the argument is the name of its type."""


@dataclass(frozen=True)
class Limits:
    """Of each process: memory on top of its code, CPU time of a task, and how many there are."""

    processes: int
    memory_bytes: int
    time_s: float
    what: str
    """What the tasks are called where one is refused."""
    memory_setting: str
    time_setting: str
    preload: Sequence[str] = ()


class _UsedUpItsTime(Exception):
    """Of processor time: a busy machine makes no difference."""


def _digest(task: str, arguments: tuple[Any, ...]) -> bytes:
    """Of the task and the longest of its bytes, whatever else it is given. Empty without any."""
    longest = max((one for one in arguments if isinstance(one, bytes)), key=len, default=b"")
    if not longest:
        return b""
    return hashlib.blake2b(task.encode() + b" " + longest, digest_size=16).digest()


class _Child:
    """One process and the pipe to it."""

    def __init__(self, limits: Limits) -> None:
        self.stream, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-m", "storage.processes.limited_child"),
                    *(str(theirs.fileno()), str(limits.memory_bytes), str(limits.time_s)),
                    ",".join(limits.preload),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                cwd="/",
                env=_environment(),
            )
        own(self.process.pid)

    def wait_until_ready(self) -> None:
        """Raises StorageUnavailable where it does not start."""
        self.stream.settimeout(_START_S)
        try:
            receive_message(self.stream, _MAX_HEAD_BYTES)
        except (EOFError, OSError) as error:
            raise StorageUnavailable(
                "A process for what may go wrong does not start.", remedy="Try again in a moment."
            ) from error

    def used_up_its_time(self) -> bool:
        """Of a process that has ended, or is about to."""
        try:
            return self.process.wait(_END_S) == -signal.SIGPROF
        except subprocess.TimeoutExpired:
            return False

    def end(self, *, kill: bool = False) -> None:
        """Close the pipe, which ends it, and wait for that."""
        self.stream.close()
        if kill:
            end_tree(self.process.pid)
        try:
            self.process.wait(_END_S)
        except subprocess.TimeoutExpired:
            end_tree(self.process.pid)
            self.process.wait()
        disown(self.process.pid)


def _environment() -> dict[str, str]:
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    return {
        **environment,
        **dict.fromkeys(_THREADS, "1"),
        # Where this very code lies, whichever way it was found.
        "PYTHONPATH": _ROOT,
        # Each further arena of malloc takes 64 MiB of address space.
        "MALLOC_ARENA_MAX": "1",
    }


class LimitedProcesses:
    """Runs tasks, as many at once as there are processes; those are started when first needed."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        # One is left for what is soon done.
        self._shares = Shares(limits.processes, most_large=max(1, limits.processes - 1))
        self._lock = threading.Lock()
        self._children: list[_Child] = []
        # None stands for a process that is still to be started. The last used comes first,
        # so that under light load only one of them exists.
        self._free: queue.LifoQueue[_Child | None] = queue.LifoQueue()
        for _ in range(limits.processes):
            self._free.put(None)
        # What used up its time would again; the oldest first.
        self._refused: OrderedDict[bytes, None] = OrderedDict()

    def run(
        self, task: str, *arguments: Any, answer_bytes: int, is_large: bool = False
    ) -> tuple[dict[str, Any], bytearray]:
        """What `module:function` returns for the arguments; its bytes are at most `answer_bytes`.

        Callers take turns. `is_large`: it takes seconds, and leaves a process to what does not.
        Raises LimitExceeded where it takes too much memory or time, StorageUnavailable
        where no process becomes free in time, TaskFailed, and the MediViewError of the task.
        What took too much time is refused at once from then on.
        """
        if self._refused and _digest(task, arguments) in self._refused:
            raise self._too_much("time")
        with self._shares.turn(self._limits.time_s, is_large=is_large) as has_turn:
            if not has_turn:
                raise self._busy()
            # Who waited for the turn may have left.
            check_wanted()
            return self._run(task, arguments, answer_bytes)

    def _busy(self) -> StorageUnavailable:
        limits, own = self._limits, self._shares.waiting()
        of_caller = f"; {own} requests of yours wait for one" if own > 1 else ""
        return StorageUnavailable(
            f"No process for {limits.what} became free within {limits.time_s:g} s{of_caller}.",
            remedy="Ask for less at a time, and try again in a moment.",
        )

    def _run(
        self, task: str, arguments: tuple[Any, ...], answer_bytes: int
    ) -> tuple[dict[str, Any], bytearray]:
        child = self._free.get_nowait()
        healthy = False
        try:
            if child is None:
                child = self._start()
            request = pickle.dumps((task, arguments), protocol=5)
            head, body = self._ask(child, request, answer_bytes)
            healthy = True
        except _UsedUpItsTime as error:
            self._remember(task, arguments)
            raise self._too_much("time") from error
        finally:
            if child is not None and not healthy:
                self._drop(child)
            self._free.put(child if healthy else None)
        if "code" in head:
            kind = _ERRORS.get(str(head["code"]), errors.InvalidInstance)
            raise kind(str(head["message"]), remedy=str(head.get("remedy", "")))
        if head.get("failed") == "memory":
            raise self._too_much("memory")
        if "failed" in head:
            raise TaskFailed(str(head["failed"]))
        return dict(head["values"]), body

    def _start(self) -> _Child:
        child = _Child(self._limits)
        with self._lock:
            self._children.append(child)
        try:
            child.wait_until_ready()
        except StorageUnavailable:
            self._drop(child)
            raise
        return child

    def _ask(
        self, child: _Child, request: bytes, answer_bytes: int
    ) -> tuple[dict[str, Any], bytearray]:
        stream = child.stream
        wall_s = self._limits.time_s * _WALL_FACTOR
        deadline = time.monotonic() + wall_s
        # Each step alone may take that long; what matters is that none waits for ever.
        stream.settimeout(wall_s)
        try:
            send_message(stream, request)
            stream.settimeout(max(deadline - time.monotonic(), 0.001))
            head = json.loads(receive_message(stream, _MAX_HEAD_BYTES))
            body = receive_message(stream, answer_bytes)
        except TimeoutError as error:
            raise self._too_much("time") from error
        except (EOFError, OSError, ValueError) as error:
            if child.used_up_its_time():
                raise _UsedUpItsTime from error
            # Out of memory in native code ends a process, as a crash does.
            raise self._too_much("memory") from error
        return head, body

    def _remember(self, task: str, arguments: tuple[Any, ...]) -> None:
        digest = _digest(task, arguments)
        with self._lock:
            if digest:
                self._refused[digest] = None
            if len(self._refused) > _MOST_REMEMBERED:
                self._refused.popitem(last=False)

    def _too_much(self, of: str) -> LimitExceeded:
        limits = self._limits
        if of == "time":
            return LimitExceeded(
                f"{limits.what.capitalize()} took more than {limits.time_s:g} s of CPU time"
                " and was ended.",
                remedy=f"Retrieve it as stored, or raise {limits.time_setting}.",
            )
        return LimitExceeded(
            f"{limits.what.capitalize()} ended: it crashed, or needs more than"
            f" {limits.memory_bytes >> 20} MiB of memory.",
            remedy=f"Retrieve it as stored, or raise {limits.memory_setting}.",
        )

    def _drop(self, child: _Child) -> None:
        child.end(kill=True)
        log.warning(
            "limited_process_ended", what=self._limits.what, status=child.process.returncode
        )
        with self._lock:
            self._children.remove(child)

    def close(self) -> None:
        """End the processes; what they are at is lost."""
        with self._lock:
            children, self._children = self._children, []
        for child in children:
            child.end()

    def forget(self) -> None:
        """In a forked process: the processes are the parent's, their pipes must not stay open."""
        for child in self._children:
            with contextlib.suppress(OSError):
                child.stream.close()
            # Not ours to wait for.
            child.process.returncode = 0
        self._children = []
