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
from dataclasses import replace
from pathlib import Path

import structlog

from inference.running_jobs import Reason, Running, RunningJobs, anonymous_memory_bytes
from storage.settings import Settings

log = structlog.get_logger(__name__)

_LOOK_S = 0.5
# From SIGTERM, which Python hears between two of its steps, to SIGKILL.
_TERM_S = 5.0
# What a job found is written within this, or whatever it is written to hangs.
_STORING_S = 300.0
_SHARE_OF_MACHINE = 0.9
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


class JobWatch:
    """A thread of the parent; it waits without looking while nothing runs."""

    def __init__(self, settings: Settings, table: RunningJobs) -> None:
        self._table = table
        self._grace_s = settings.job_grace_s
        self._limit_bytes = memory_limit_bytes(settings)
        # By process and job: until when SIGTERM is given time.
        self._terminated: dict[tuple[int, str], float] = {}

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
        for index, one in running:
            if not _is_child(one.pid):
                # It crashed, or was ended; its job is free once the lease has ended.
                self._table.write(index, None)
                self._terminated.pop((one.pid, one.job_id), None)
                continue
            self._judge(one, now_s)
        return bool(running)

    def _judge(self, one: Running, now_s: float) -> None:
        key = (one.pid, one.job_id)
        if key in self._terminated:
            if now_s >= self._terminated[key]:
                _send(one.pid, signal.SIGKILL)
            return
        overdue_s = now_s - one.begun_s - one.deadline_s
        grace_s = self._grace_s + (_STORING_S if one.is_storing else 0.0)
        if overdue_s > grace_s:
            self._end(one, "deadline", now_s)
        elif one.lost_s and now_s - one.lost_s > grace_s:
            # The reason is noted already, by the one that cancelled it or has it now.
            self._end(one, "", now_s)
        elif not one.is_storing and anonymous_memory_bytes(one.pid) > self._limit_bytes:
            self._end(one, "memory", now_s)

    def _end(self, one: Running, reason: Reason, now_s: float) -> None:
        log.error(
            "job_process_ended",
            job_id=one.job_id,
            what=one.title,
            reason=reason or "cancelled",
            after_s=round(now_s - one.begun_s),
        )
        if reason:
            # Before it ends: its successor reads this.
            self._table.add(replace(one, ended_because=reason, limit_bytes=self._limit_bytes))
        term_s = 0.0 if reason == "memory" else min(_TERM_S, self._grace_s)
        self._terminated[one.pid, one.job_id] = now_s + term_s
        _send(one.pid, signal.SIGTERM if term_s else signal.SIGKILL)


def memory_limit_bytes(settings: Settings) -> int:
    """What one job's process may have in memory, without files that are mapped."""
    if settings.job_memory_bytes:
        return settings.job_memory_bytes
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with contextlib.suppress(OSError, ValueError):
        machine = min(machine, int(_CGROUP_LIMIT.read_text()))
    return int(_SHARE_OF_MACHINE * machine)


def _send(pid: int, signal_number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal_number)


def _is_child(pid: int) -> bool:
    """Whether it lives and is this process's; a number may be another process's by now."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    # The name before it may have spaces and brackets of its own.
    state, parent, *_ = text.rpartition(")")[2].split()
    return state != "Z" and int(parent) == os.getpid()
