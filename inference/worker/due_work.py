"""Due work, handed out to workers.

The ledger is the queue. A message only wakes somebody, so what is handed out here is
handed out again when nobody took it, and nothing is lost with a broker.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from inference.broker.celery_config import GPU_QUEUE, JOBS_QUEUE
from inference.scheduling.early_series import EarlyWakeUps
from inference.webhooks.ended_owners import pause_those_of_ended_owners
from storage.container import Storage
from storage.core.clock import CLOCKS_AGREE_WITHIN_S
from storage.core.entities import Job, Series
from storage.language.repository import LANGUAGE_QUEUE
from storage.settings import Settings

# Enough to keep many workers busy until the next round, few enough that an urgent job
# that comes later is not far behind.
JOBS_PER_ROUND = 32
# With two queues, one whose workers are away must not hide what waits for the other.
DUE_OF_TWO_QUEUES = 1000
# A worker that ends may take a wake-up with it; another one is due after this.
_PATIENCE_S = 5.0
# What runs without end is started again so often.
_STARTED_AGAIN_S = 15.0
# Traces are of what is over: nobody waits for them.
_TRACES_EVERY_S = 5.0


def wake_up_patience_s(settings: Settings) -> float:
    """How long a wake-up for a job is waited for; then the next one is sent."""
    return min(_PATIENCE_S, settings.job_lease_s)


def wake_up_expiry_s(settings: Settings) -> float:
    """A wake-up that waited longer is dropped, by the clock of another machine perhaps."""
    return wake_up_patience_s(settings) + CLOCKS_AGREE_WITHIN_S


def _nobody() -> None:
    """Where there is no worker for it."""


@dataclass(frozen=True)
class WakeUps:
    """Messages that wake a worker, by what it is to do."""

    jobs: Callable[[Sequence[str], str], None]
    """Takes the jobs and the queue; a job without a name is one to compute early."""
    delivery: Callable[[], None]
    notices: Callable[[], None] = _nobody
    hl7: Callable[[], None] = _nobody
    answer: Callable[[], None] = _nobody
    embedding: Callable[[], None] = _nobody
    priors: Callable[[], None] = _nobody
    exports: Callable[[], None] = _nobody
    ups_sources: Callable[[], None] = _nobody
    traces: Callable[[], None] = _nobody


class DueWork:
    """Holds what one process has handed out and when."""

    def __init__(self, storage: Storage, wake: WakeUps) -> None:
        self._storage = storage
        self._wake = wake
        self._early = EarlyWakeUps(storage.settings, storage.index)
        self.woken_for: Series | None = None
        """The series that an idle worker was woken to compute early, in the last round."""
        self._delivering: datetime | None = None
        self._ups_sources_next_s = 0.0
        self._traces_next_s = 0.0
        # A job as it stood when a worker was woken for it → when that was.
        self._handed_out: dict[tuple[str, datetime], datetime] = {}

    def hand_out_jobs(self, now: datetime) -> None:
        """Wake a worker for every due job, and again where nobody took it in time."""
        self.woken_for = None
        patience = timedelta(seconds=wake_up_patience_s(self._storage.settings))
        self._handed_out = {
            key: at for key, at in self._handed_out.items() if timedelta() <= now - at < patience
        }
        settings = self._storage.settings
        most = DUE_OF_TWO_QUEUES if settings.gpu_pipelines else JOBS_PER_ROUND
        due = self._storage.jobs.due(now, most)
        fresh = [job for job in due if _key(job) not in self._handed_out]
        if fresh:
            for queue in (JOBS_QUEUE, GPU_QUEUE):
                of_queue = [
                    job.job_id
                    for job in fresh
                    if settings.wants_gpu(job.pipeline) == (queue == GPU_QUEUE)
                ]
                if of_queue:
                    self._wake.jobs(of_queue[:JOBS_PER_ROUND], queue)
            self._handed_out.update((_key(job), now) for job in fresh)
        # Somebody waits for them, after those who wait for jobs.
        self._hand_out_trials(now)
        if not due:
            if early := self._early.due(now):
                self._wake.jobs([""], JOBS_QUEUE)
                self.woken_for = early[0]
            self._hand_out_shadow(now)

    def _hand_out_trials(self, now: datetime) -> None:
        for trial in self._storage.model_trials.due(now):
            key = (trial.trial_id, trial.not_before)
            if key not in self._handed_out:
                on_gpu = self._storage.settings.wants_gpu(trial.pipeline)
                self._wake.jobs([trial.trial_id], GPU_QUEUE if on_gpu else JOBS_QUEUE)
                self._handed_out[key] = now

    def _hand_out_shadow(self, now: datetime) -> None:
        for run in self._storage.shadow_runs.due(now):
            key = (run.shadow_id, run.not_before)
            if key not in self._handed_out:
                on_gpu = self._storage.settings.wants_gpu(run.pipeline)
                self._wake.jobs([run.shadow_id], GPU_QUEUE if on_gpu else JOBS_QUEUE)
                self._handed_out[key] = now

    def hand_out_deliveries(self, now: datetime) -> None:
        # Twice in a round, and who was woken the first time looks for more before it ends.
        if self._delivering != now and self._storage.deliveries.is_any_due(now):
            self._wake.delivery()
            self._delivering = now

    def hand_out_hl7(self, now: datetime) -> None:
        if self._storage.hl7_sending.is_due(now):
            self._wake.hl7()

    def pause_webhooks(self, now: datetime) -> None:
        pause_those_of_ended_owners(self._storage, now)

    def hand_out_notices(self, now: datetime) -> None:
        self._storage.webhook_outbox.fill()
        self._storage.fhir_subscriptions.fill(now)
        if self._storage.webhook_outbox.is_due(now):
            self._wake.notices()

    def hand_out_priors(self, now: datetime) -> None:
        fetches = self._storage.prior_fetches
        if self._storage.prior_pause.since() is not None:
            is_due = fetches.is_due(now, for_persons=True)
        else:
            is_due = self._storage.prior_searches.is_due(now) or fetches.is_due(now)
        if is_due:
            self._wake.priors()

    def hand_out_exports(self, now: datetime) -> None:
        if self._storage.project_exports.is_due(now):
            self._wake.exports()

    def hand_out_ups_sources(self, _: datetime) -> None:
        """It runs without end: this starts it, and again where its process has ended."""
        due = time.monotonic() >= self._ups_sources_next_s
        if self._storage.settings.ups_sources and due:
            self._wake.ups_sources()
            self._ups_sources_next_s = time.monotonic() + _STARTED_AGAIN_S

    def hand_out_traces(self, _: datetime) -> None:
        if self._storage.settings.traces_url and time.monotonic() >= self._traces_next_s:
            self._wake.traces()
            self._traces_next_s = time.monotonic() + _TRACES_EVERY_S

    def hand_out_language(self, now: datetime) -> None:
        if self._storage.jobs.due(now, 1, LANGUAGE_QUEUE):
            self._wake.answer()
        if self._storage.passages.are_waiting():
            self._wake.embedding()


def _key(job: Job) -> tuple[str, datetime]:
    return job.job_id, job.updated_at
