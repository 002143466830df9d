"""Jobs that compute for longer than they may: for /health, and for `mediview doctor`."""

from api.server.checks.exposure import Check
from api.server.checks.health import GOOD, bad
from api.server.health_sentences import sentence
from api.server.schemas import HealthPart
from inference.overdue_jobs import overdue_jobs
from storage.core.callers.visibility import as_node
from storage.core.clock import utcnow
from storage.jobs.repository import Jobs
from storage.settings import Settings

_NAMED = 3


def check_jobs(settings: Settings, jobs: Jobs) -> HealthPart:
    """Whether every job that runs is within its deadline."""
    # Every caller sees all, by their numbers: a worker that hangs is a matter of the node.
    with as_node():
        overdue = overdue_jobs(settings, jobs, utcnow())
    if not overdue:
        return GOOD
    named = "; ".join(
        f"{job.pipeline} {job.pipeline_version}, job {job.job_id}, since"
        f" {job.started_at:%Y-%m-%d %H:%M:%S} UTC"
        for job in overdue[:_NAMED]
    )
    others = "" if len(overdue) <= _NAMED else f"; and {len(overdue) - _NAMED:,} others"
    return bad(
        sentence("jobs_overdue", named=f"{named}{others}", seconds=f"{settings.job_grace_s:g}")
    )


def jobs_check(settings: Settings, jobs: Jobs) -> Check:
    found = check_jobs(settings, jobs)
    if not found.ok:
        return Check("jobs", "fail", found.detail)
    return Check("jobs", "ok", "none is past its deadline")
