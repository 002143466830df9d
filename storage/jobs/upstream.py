"""Results of other jobs that a job takes: what they were, whether they still count, and who takes
them."""

import hashlib
from collections.abc import Sequence

from sqlalchemy import Connection, select

from storage import tables as t
from storage.core.entities import Job, JobInput
from storage.db.row_mapping import to_job

RESULT_CHANGED = (
    "A result of another pipeline that the job took has been withdrawn or revised. What counts now"
    " becomes a job once the pipeline accepts it."
)


def result_fingerprint(job: Job) -> str:
    """Of what the job found: another run that gives other objects is another input."""
    made = sorted(one["sop_instance_uid"] for one in job.result.get("instances", []))
    return hashlib.sha256(
        "\n".join([job.job_id, job.input_fingerprint, *made]).encode()
    ).hexdigest()


def newest_result(jobs: Sequence[Job]) -> Job | None:
    """Of jobs of one pipeline on one series, that whose results count: a person's edit is one."""
    counting = [one for one in jobs if one.has_results]
    return max(counting, key=lambda one: (one.created_at, one.job_id), default=None)


def is_current_result(connection: Connection, taken: JobInput) -> bool:
    """Whether the result that was taken is there, counts, and is the newest of its kind."""
    job = t.job.c
    rows = connection.execute(select(t.job).where(job.job_id == taken.upstream_job_id)).mappings()
    found = [to_job(row) for row in rows]
    if not found:
        return False
    of_kind = select(t.job).where(
        job.study_instance_uid == found[0].study_instance_uid,
        job.series_instance_uid == found[0].series_instance_uid,
        job.pipeline == found[0].pipeline,
    )
    newest = newest_result([to_job(row) for row in connection.execute(of_kind).mappings()])
    return (
        newest is not None
        and newest.job_id == taken.upstream_job_id
        and result_fingerprint(newest) == taken.fingerprint
    )


def downstream_of(connection: Connection, job_ids: Sequence[str]) -> list[str]:
    """Jobs that took results of these, and those that took theirs in turn."""
    found: list[str] = []
    asked = list(job_ids)
    while asked:
        rows = connection.execute(
            select(t.job_input.c.job_id).where(t.job_input.c.upstream_job_id.in_(asked)).distinct()
        )
        asked = [one for one in rows.scalars() if one not in found]
        found += asked
    return found
