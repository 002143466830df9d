"""What holds a study back between complete series and results."""

from collections.abc import Iterator

from inference.broker.celery_config import GPU_QUEUE, JOBS_QUEUE
from inference.delays.durations import at, count, sentence, span
from inference.delays.entities import Delay
from inference.delays.facts import JOBS_LOOKED_AT, StudyFacts
from inference.delays.receiving import control_worker_away
from storage.core.entities import Job


def of_running(facts: StudyFacts) -> Iterator[Delay]:
    for job in facts.jobs:
        if job.status != "IN PROGRESS":
            continue
        lease = job.lease_expires_at
        if lease is not None and lease < facts.now:
            yield Delay(
                "worker_lost",
                f"The worker that ran {job.pipeline} has given no sign of life since its lease"
                f" ended {span(facts.now - lease)} ago; another worker takes the job over.",
                lease,
            )
            yield from _no_worker(facts, job)
        started = job.started_at or job.created_at
        stage = f", {job.stage}" if job.stage else ""
        yield Delay(
            "job_running",
            f"{job.pipeline} has been running for {span(facts.now - started)}"
            f" ({round(job.progress * 100)} %{stage}).",
            started,
        )


def of_waiting(facts: StudyFacts) -> Iterator[Delay]:
    waiting = [job for job in facts.jobs if job.status == "SCHEDULED"]
    for job in waiting:
        until = job.lease_expires_at
        if until is not None and until > facts.now:
            attempts = facts.settings.job_max_attempts
            made = f" at attempt {job.attempts} of {attempts}" if job.attempts else ""
            yield Delay(
                "job_retried",
                f"{job.pipeline} failed{made} ({sentence(job.reason) or 'no reason was noted'})"
                f" and is tried again at {at(until)}.",
                job.updated_at,
                until,
            )
    for job in waiting:
        yield from control_worker_away(facts)
        yield from _no_worker(facts, job)
        before = _before(facts, job)
        more = "more than " if before >= JOBS_LOOKED_AT else ""
        yield Delay(
            "job_queued",
            f"{job.pipeline} has waited {span(facts.now - job.created_at)} for a worker, with"
            f" {more}{count(before, 'job')} before it.",
            job.created_at,
        )


def of_failed(facts: StudyFacts) -> Iterator[Delay]:
    for job in facts.jobs:
        if job.status == "FAILED":
            yield Delay(
                "job_failed",
                f"{job.pipeline} failed for good after {count(job.attempts, 'attempt')}"
                f" ({sentence(job.reason) or 'no reason was noted'}); a person may repeat it.",
                job.finished_at,
            )
    for job in facts.jobs:
        if job.status == "CANCELLED":
            yield Delay(
                "job_cancelled",
                f"A person cancelled {job.pipeline}"
                f" ({sentence(job.reason) or 'without a reason'}).",
                job.finished_at,
            )


def _no_worker(facts: StudyFacts, job: Job) -> Iterator[Delay]:
    queue = _queue(facts, job)
    if queue not in facts.alive:
        yield Delay(
            "worker_away",
            f"{job.pipeline} waits for a worker, and none of the queue {queue} gives a sign of"
            f" life: start 'mediview worker --queue {queue}'.",
            job.created_at,
        )


def _before(facts: StudyFacts, job: Job) -> int:
    same = [one.job_id for one in facts.due_jobs if _queue(facts, one) == _queue(facts, job)]
    return same.index(job.job_id) if job.job_id in same else len(same)


def _queue(facts: StudyFacts, job: Job) -> str:
    return GPU_QUEUE if facts.settings.wants_gpu(job.pipeline) else JOBS_QUEUE
