"""The parent of a pool of job processes ends those whose job does not end.

Deadlines and cancellations are asked between the steps of a job, by the process that does it. One
in whose model something loops never asks.
"""

import contextlib
import os
import select
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import structlog

from inference.machine_memory import (
    available_memory_bytes,
    job_memory_bytes,
    memory_limit_bytes,
    memory_of_machine_bytes,
)
from inference.running_jobs import (
    STORING_S,
    Reason,
    Running,
    RunningJobs,
)
from storage.processes.descendants import end_tree
from storage.settings import Settings

log = structlog.get_logger(__name__)

_Key = tuple[int, str, float]

_LOOK_S = 0.5
# From SIGTERM, which Python hears between two of its steps, to SIGKILL.
_TERM_S = 5.0
# Of the machine: with less, what receives and the database would be next.
_SHARE_LEFT = 0.05
# What takes less is not why the machine is short.
_LARGE_BYTES = 1 << 30


class JobWatch:
    """A thread of the parent; it waits without looking while nothing runs."""

    def __init__(self, settings: Settings, table: RunningJobs) -> None:
        self._table = table
        self._grace_s = settings.job_grace_s
        self._limit_bytes = memory_limit_bytes(settings)
        # By process, job and begin: until when SIGTERM is given time.
        self._terminated: dict[_Key, float] = {}

    def start(self) -> None:
        threading.Thread(target=self._run, name="job-watch", daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                running = self.look(time.monotonic())
            except Exception as error:  # noqa: BLE001 - the edge of a thread: the next look may work
                log.error("job_watch_failed", error=type(error).__name__)
                running = True
            if running:
                time.sleep(_LOOK_S)
                continue
            self._wait()

    def _wait(self) -> None:
        poll = select.poll()
        poll.register(self._table.begins, select.POLLIN)
        poll.poll()
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._table.begins)

    def look(self, now_s: float) -> bool:
        """End what has to end; whether anything runs."""
        running = [(index, one) for index, one in self._table.entries() if not one.ended_because]
        keys = {_key(one) for _, one in running}
        self._terminated = {key: at_s for key, at_s in self._terminated.items() if key in keys}
        for index, one in running:
            if not _is_child(one.pid):
                # It crashed, or was ended; its job is free once the lease has ended.
                self._table.remove(index, one)
                continue
            self._judge(index, one, now_s)
        self._end_largest_if_short(running, now_s)
        return bool(running)

    def _end_largest_if_short(self, running: Sequence[tuple[int, Running]], now_s: float) -> None:
        """Where the machine has hardly any memory left: the kernel would end anybody's process.

        The job may not be to blame, so it is tried again.
        """
        if available_memory_bytes() >= _SHARE_LEFT * memory_of_machine_bytes():
            return
        used = [
            (job_memory_bytes(one.pid), index, one)
            for index, one in running
            if not one.is_storing and _key(one) not in self._terminated and _is_child(one.pid)
        ]
        used_bytes, index, one = max(used, key=lambda entry: entry[0], default=(0, 0, None))
        if one is not None and used_bytes >= _LARGE_BYTES:
            self._end(index, replace(one, is_tried_again=True), "memory", now_s, used_bytes)

    def _judge(self, index: int, one: Running, now_s: float) -> None:
        term_until_s = self._terminated.get(_key(one))
        if term_until_s is not None:
            if now_s >= term_until_s:
                self._send(index, one, signal.SIGKILL)
            return
        overdue_s = now_s - one.begun_s - one.deadline_s
        grace_s = self._grace_s + (STORING_S if one.is_storing else 0.0)
        if overdue_s > grace_s:
            self._end(index, one, "deadline", now_s)
        elif one.lost_s and now_s - one.lost_s > grace_s:
            # The reason is noted already, by the one that cancelled it or has it now.
            self._end(index, one, "", now_s)
        elif not one.is_storing:
            used_bytes = job_memory_bytes(one.pid)
            if used_bytes > self._limit_bytes:
                # Without what earlier jobs left it may have enough.
                may_do = used_bytes - one.earlier_bytes <= self._limit_bytes
                self._end(index, replace(one, is_tried_again=may_do), "memory", now_s)

    def _end(
        self,
        index: int,
        one: Running,
        reason: Reason,
        now_s: float,
        limit_bytes: int | None = None,
    ) -> None:
        if not one.is_same(self._table.read(index)):
            return
        limit_bytes = self._limit_bytes if limit_bytes is None else limit_bytes
        noted = replace(one, ended_because=reason, limit_bytes=limit_bytes)
        # Before it ends: its successor reads this.
        noted_at = self._table.add(noted) if reason else None
        term_s = 0.0 if reason == "memory" else min(_TERM_S, self._grace_s)
        if not self._send(index, one, signal.SIGTERM if term_s else signal.SIGKILL):
            if noted_at is not None:
                self._table.remove(noted_at, noted)
            return
        self._terminated[_key(one)] = now_s + term_s
        log.error(
            "job_process_ended",
            job_id=one.job_id,
            what=one.title,
            reason=reason or "cancelled",
            after_s=round(now_s - one.begun_s),
        )

    def _send(self, index: int, one: Running, signal_number: signal.Signals) -> bool:
        """Unless the job has ended since it was looked at, and the process may have another."""
        if not one.is_same(self._table.read(index)):
            return False
        if signal_number == signal.SIGKILL:
            end_tree(one.pid)
            return True
        with contextlib.suppress(ProcessLookupError):
            os.kill(one.pid, signal_number)
        return True


def _key(one: Running) -> _Key:
    return one.pid, one.job_id, one.begun_s


def _is_child(pid: int) -> bool:
    """Whether it lives and is this process's; a number may be another process's by now."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    # The name before it may have spaces and brackets of its own.
    state, parent, *_ = text.rpartition(")")[2].split()
    return state != "Z" and int(parent) == os.getpid()
