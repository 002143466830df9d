"""How far one claimed job is, and whether its worker may go on with it."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from inference.failure_sentences import failure
from inference.running_jobs import note_deadline
from storage.core.clock import utcnow
from storage.core.entities import Job
from storage.core.errors import MediViewError
from storage.jobs.repository import Jobs
from storage.outbox.leases import Lease, LeaseLost
from storage.settings import Settings

# Progress is written when it moved by this much or for this long, so that a chatty
# pipeline does not keep the database busy.
_PROGRESS_STEP = 0.02
_PROGRESS_S = 1.0


class WorkerStopping(Exception):
    """The process was asked to end; the job goes back to the ledger."""


class DeadlinePassed(MediViewError):
    """A job took longer than its site allows; trying again would take as long."""

    code = "deadline_passed"


class Progress(Protocol):
    """What hears how far a piece of work is, and stops it where it should stop."""

    def set_deadline(self, deadline_s: float) -> None: ...
    def stage(self, name: str, fraction: float) -> AbstractContextManager[None]: ...
    def report(self, stage: str, fraction: float) -> None: ...


class JobProgress:
    """Written to the jobs' table; at each step the work stops where it should stop."""

    def __init__(
        self,
        jobs: Jobs,
        settings: Settings,
        job: Job,
        owner: str,
        lease: Lease,
        stopping: Callable[[], bool],
    ) -> None:
        self._jobs = jobs
        self._job_id = job.job_id
        self._owner = owner
        self._lease = lease
        self._lease_s = settings.job_lease_s
        self._stopping = stopping
        self._reported = ("", -1.0, 0.0)
        self._begun = time.monotonic()
        self._deadline_s = settings.job_deadline_s
        self.timings_s: dict[str, float] = {}
        """How long each stage took."""

    def set_deadline(self, deadline_s: float) -> None:
        """Another than the site's usual one, from the job's beginning."""
        self._deadline_s = deadline_s
        note_deadline(deadline_s)

    @contextmanager
    def stage(self, name: str, fraction: float) -> Iterator[None]:
        self.report(name, fraction)
        begun = time.monotonic()
        yield
        self.timings_s[name] = time.monotonic() - begun

    def report(self, stage: str, fraction: float) -> None:
        """Write how far the work is. Raises WorkerStopping, DeadlinePassed, LeaseLost."""
        self._check()
        last_stage, last_fraction, last_at = self._reported
        now = time.monotonic()
        moved = fraction - last_fraction >= _PROGRESS_STEP or now - last_at >= _PROGRESS_S
        if stage == last_stage and not moved:
            return
        self._reported = (stage, fraction, now)
        if not self._jobs.progress(self._job_id, self._owner, stage, fraction, utcnow()):
            raise LeaseLost(self._job_id)

    def still_ours(self) -> None:
        """Asked of the database before anything stays: the lease's thread learns of it later."""
        self._check()
        if not self._jobs.renew(self._job_id, self._owner, self._lease_s, utcnow()):
            raise LeaseLost(self._job_id)

    def _check(self) -> None:
        if self._stopping():
            raise WorkerStopping
        if time.monotonic() - self._begun > self._deadline_s:
            raise DeadlinePassed(
                failure("deadline_passed", limit=f"{self._deadline_s:g}"),
                remedy=failure("more_time_or_faster"),
            )
        self._lease.check()
