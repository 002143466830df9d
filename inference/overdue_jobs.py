"""Jobs that compute for longer than they may."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from inference.rules.file import current_rules
from storage.core.entities import Job
from storage.core.errors import InvalidRequest
from storage.jobs.repository import Jobs
from storage.language.repository import LANGUAGE_QUEUE
from storage.settings import Settings

_LOOKED_AT = 1000


def overdue_jobs(settings: Settings, jobs: Jobs, now: datetime) -> Sequence[Job]:
    """The longest first. Where rules give some more time, none is named before that."""
    running, _ = jobs.list(state="IN PROGRESS", limit=_LOOKED_AT)
    limit_s = max([settings.job_deadline_s, *_deadlines_s(settings)])
    language_s = 2 * settings.language_deadline_s

    def is_overdue(job: Job) -> bool:
        may_s = language_s if job.queue == LANGUAGE_QUEUE else limit_s
        return job.started_at is not None and now - job.started_at > timedelta(seconds=may_s)

    return sorted(filter(is_overdue, running), key=lambda job: job.started_at or now)


def _deadlines_s(settings: Settings) -> list[float]:
    try:
        rules = current_rules(settings).rules
    except InvalidRequest:
        return []
    return [rule.deadline_s for rule in rules if rule.deadline_s is not None]
