"""Revisions that a job's runs have begun to store, and that came to nothing.

A run that gives other results than those that are stored does not store them as those of its job:
another job is to stand for them (`storage.jobs.revisions`). Until then it has no row; a note in the
job names it, so that a further run goes on with it, and what was stored of it is withdrawn where
the job ends otherwise.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from storage import tables as t
from storage.core.entities import Job
from storage.core.job_result import BegunRevision
from storage.core.sources import of_result
from storage.index.generated_instances import made_by_job, note_withdrawn
from storage.outbox.tables import JOBS

CAME_TO_NOTHING = "The run that stored these results did not end with them."


def begun_revisions(job: Job) -> list[BegunRevision]:
    """Oldest first."""
    return job.result.get("begun_revisions", [])


def end_begun(connection: Connection, job: Job, now: datetime) -> None:
    """The job has ended: what was stored of revisions that it began is withdrawn, as results of
    superseded jobs are. In the transaction in which it ends."""
    of_job = t.job.c.job_id == job.job_id
    result = dict(connection.execute(select(t.job.c.result).where(of_job)).scalar() or {})
    if "begun_revisions" not in result:
        return
    del result["begun_revisions"]
    connection.execute(update(t.job).where(of_job).values(result=result))
    for one in _stored(connection, job):
        row = {column: getattr(job, column) for column in job_columns()}
        row |= {
            "job_id": one["job_id"],
            "input_fingerprint": spare_fingerprint(one["job_id"]),
            "state": "CANCELED",
            "stage": "",
            "progress": 0.0,
            "reason": CAME_TO_NOTHING,
            **JOBS.released(),
            "created_at": datetime.fromisoformat(one["created_at"]),
            "finished_at": now,
            "updated_at": now,
            "result": {"revision": one["revision"]},
            "ending": "superseded",
            "earlier_started_at": None,
            "earlier_finished_at": None,
        }
        connection.execute(insert(t.job).values(**row))
        note_withdrawn(connection, now, made_by_job(one["job_id"]))


def job_columns() -> list[str]:
    return [column for column in Job.__dataclass_fields__ if column in t.job.c]


def spare_fingerprint(job_id: str) -> str:
    """Of a job that no input leads to any more: each has one of its own."""
    return hashlib.sha256(f"replaced {job_id}".encode()).hexdigest()


def _stored(connection: Connection, job: Job) -> Iterator[BegunRevision]:
    made = t.generated_instance.c
    for one in begun_revisions(job):
        query = select(made.id).where(made.source == of_result(one["job_id"])).limit(1)
        if connection.execute(query).first() is not None:
            yield one
