"""Jobs that compute for longer than they may, and that nobody has ended."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from inference.rules.file import current_rules
from inference.rules.pipeline_rule import Rule
from inference.running_jobs import STORING_S
from storage.core.entities import Job
from storage.core.errors import InvalidRequest
from storage.jobs.repository import Jobs
from storage.language.repository import LANGUAGE_QUEUE
from storage.settings import Settings

_LOOKED_AT = 1000


def overdue_jobs(settings: Settings, jobs: Jobs, now: datetime) -> Sequence[Job]:
    """The longest first. None is named before the watch would have ended it.

    Where several rules are for a job's pipeline, the longest deadline counts.
    """
    running, _ = jobs.list(state="IN PROGRESS", limit=_LOOKED_AT)
    rules = _rules(settings)

    def is_overdue(job: Job) -> bool:
        may_s = _deadline_s(settings, rules, job) + settings.job_grace_s + STORING_S
        return job.started_at is not None and now - job.started_at > timedelta(seconds=may_s)

    return sorted(filter(is_overdue, running), key=lambda job: job.started_at or now)


def _deadline_s(settings: Settings, rules: Sequence[Rule], job: Job) -> float:
    if job.queue == LANGUAGE_QUEUE:
        return 2 * settings.language_deadline_s
    own = [one.deadline_s for one in rules if one.pipeline == job.pipeline and one.deadline_s]
    return max([settings.job_deadline_s, *own])


def _rules(settings: Settings) -> Sequence[Rule]:
    try:
        return current_rules(settings).rules
    except InvalidRequest:
        return ()
