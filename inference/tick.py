"""One round of the node's clock: complete, schedule, hand out what is due.

The ledger is the queue. A message only wakes somebody, so what is handed out here is
handed out again when nobody took it, and nothing is lost with a broker.
"""

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog

from inference.failures import place
from inference.pipeline import Pipeline
from inference.schedule import complete_and_schedule
from storage.entities import Job
from storage.opening import Storage

log = structlog.get_logger(__name__)

# Enough to keep many workers busy until the next round, few enough that an urgent job
# that comes later is not far behind.
JOBS_PER_ROUND = 32
# After the first round, which looks at everything, only recent series can lack a decision.
_RECENT = timedelta(days=1)


class Clockwork:
    """Holds what one process remembers between rounds; a round never overlaps another."""

    def __init__(
        self,
        storage: Storage,
        *,
        pipelines: Sequence[Pipeline] | None,
        send_job: Callable[[str], None],
        send_delivery: Callable[[], None],
    ) -> None:
        self._storage = storage
        self._pipelines = pipelines
        self._send_job = send_job
        self._send_delivery = send_delivery
        self._running = threading.Lock()
        self._looked_at_everything = False
        # (job, attempt) → when a worker was woken for it.
        self._handed_out: dict[tuple[str, int], datetime] = {}

    def tick(self, now: datetime) -> bool:
        """Do one round; False where one is running already, which then does the work."""
        if not self._running.acquire(blocking=False):
            return False
        try:
            for step in (self._schedule, self._hand_out_jobs, self._hand_out_deliveries):
                try:
                    step(now)
                except Exception as error:  # noqa: BLE001 - the edge of a round: the next step may work
                    log.error(
                        "tick_step_failed",
                        step=step.__name__.strip("_"),
                        error=type(error).__name__,
                        place=place(error),
                    )
        finally:
            self._running.release()
        return True

    def _schedule(self, now: datetime) -> None:
        since = now - _RECENT if self._looked_at_everything else None
        complete_and_schedule(self._storage, now, self._pipelines, since)
        self._looked_at_everything = True

    def _hand_out_jobs(self, now: datetime) -> None:
        """Wake a worker for every due job, once in a lease's time."""
        patience = timedelta(seconds=self._storage.settings.job_lease_s)
        self._handed_out = {
            key: at for key, at in self._handed_out.items() if timedelta() <= now - at < patience
        }
        for job in self._storage.jobs.due(now, JOBS_PER_ROUND):
            if _key(job) not in self._handed_out:
                self._send_job(job.job_id)
                self._handed_out[_key(job)] = now

    def _hand_out_deliveries(self, now: datetime) -> None:
        if self._storage.deliveries.due_count(now):
            self._send_delivery()


def _key(job: Job) -> tuple[str, int]:
    return job.job_id, job.attempts
