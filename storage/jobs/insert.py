"""A new row of the ledger of jobs, and the event that tells of a job."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from storage import tables as t
from storage.core.callers.request_context import current_request_id
from storage.core.entities import Job
from storage.db.engine import insert_or_ignore
from storage.db.row_mapping import to_job
from storage.events.payloads import JobEvent
from storage.events.repository import add_event
from storage.index.generated_instances import made_by_job, note_withdrawn
from storage.index.series_provenance import request_of
from storage.outbox.tables import JOBS


def add_job(connection: Connection, values: Mapping[str, Any], now: datetime) -> tuple[Job, bool]:
    """The job of these columns, and whether it is new, in the caller's transaction."""
    request_id = current_request_id() or request_of(connection, values["series_instance_uid"])
    added = insert_or_ignore(
        connection,
        t.job,
        {
            "queue": "jobs",
            **values,
            "job_id": str(uuid.uuid4()),
            "state": "SCHEDULED",
            "progress": 0.0,
            "attempts": 0,
            "created_at": now,
            "updated_at": now,
            "result": {},
            "request_id": request_id,
        },
    )
    row = connection.execute(
        select(t.job).where(
            t.job.c.pipeline == values["pipeline"],
            t.job.c.pipeline_version == values["pipeline_version"],
            t.job.c.input_fingerprint == values["input_fingerprint"],
        )
    )
    job = to_job(row.mappings().one())
    if not added and job.ending == "superseded":
        # The series is again what it was: what was withdrawn has to be made again.
        job = _revived(connection, job, now)
        added = True
    if added:
        announce(connection, job, now)
    return job, added


def _revived(connection: Connection, job: Job, now: datetime) -> Job:
    values = {
        "state": "SCHEDULED",
        "ending": "",
        "reason": "",
        "stage": "",
        "progress": 0.0,
        "attempts": 0,
        **JOBS.released(),
        "started_at": None,
        "finished_at": None,
        "withdrawn_at": None,
        "earlier_started_at": None,
        "earlier_finished_at": None,
        "updated_at": now,
    }
    of_job = t.job.c.job_id == job.job_id
    connection.execute(update(t.job).where(of_job).values(**values))
    note_withdrawn(connection, None, made_by_job(job.job_id))
    return to_job(connection.execute(select(t.job).where(of_job)).mappings().one())


def announce(connection: Connection, job: Job, now: datetime) -> None:
    """Tell everyone who listens where a job stands, in the caller's transaction."""
    add_event(
        connection,
        now,
        "job",
        job.study_instance_uid,
        job_id=job.job_id,
        payload=JobEvent(
            pipeline=job.pipeline,
            state=job.state,
            status=job.status,
            stage=job.stage,
            progress=job.progress,
            reason=job.reason,
        ),
    )
