"""One conditional change of a job, with all that belongs to it, or none of it."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, select, update

from storage import tables as t
from storage.core.entities import ENDED_STATES, Job
from storage.db.engine import writing
from storage.db.row_mapping import to_job
from storage.jobs.begun_revisions import end_begun
from storage.jobs.insert import announce
from storage.jobs.upstream_queue import mark_result
from storage.reports.draft_queue import mark_report_due


class _NothingChanged(Exception):
    pass


def change_job(
    engine: Engine,
    job_id: str,
    condition: ColumnElement[bool],
    values: Mapping[str, Any],
    now: datetime,
    *,
    also: Callable[[Connection, Job], None] | None = None,
) -> Job | None:
    """The job as it is then; None where `condition` does not hold.

    `also` writes what belongs to the change, such as how long the stage before took.
    """
    with suppress(_NothingChanged), writing(engine) as connection:
        result = connection.execute(
            update(t.job)
            .where(t.job.c.job_id == job_id, condition)
            .values(**{**values, "updated_at": now})
        )
        if not result.rowcount:
            # Not committed, and with it no record of a change.
            raise _NothingChanged
        row = connection.execute(select(t.job).where(t.job.c.job_id == job_id))
        job = to_job(row.mappings().one())
        announce(connection, job, now)
        if also is not None:
            also(connection, job)
        if job.state in ENDED_STATES:
            end_begun(connection, job, now)
            mark_report_due(connection, job.study_instance_uid, now)
            mark_result(connection, job, now)
        return job
    return None
