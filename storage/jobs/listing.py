"""Jobs as lists show them."""

from datetime import datetime

from sqlalchemy import ColumnElement, CompoundSelect, Engine, select, union_all

from storage import tables as t
from storage.core.entities import Job, JobState, JobStatus
from storage.db.engine import reading
from storage.db.keyset import Keyset, SortColumn
from storage.db.pages import read_page
from storage.db.row_mapping import to_job

NEWEST_JOBS = Keyset[Job](
    "jobs",
    (
        SortColumn.of(t.job.c.created_at, falls=True),
        SortColumn.of(t.job.c.job_id),
    ),
)


def list_jobs(
    engine: Engine,
    study_instance_uid: str | None,
    state: JobState | None,
    limit: int,
    offset: int,
    *,
    series_instance_uid: str | None,
    pipeline: str | None,
    status: JobStatus | None,
    updated_since: datetime | None,
    beyond: ColumnElement[bool] | None,
) -> tuple[list[Job], int]:
    """The newest first, and how many there are in all.

    `state` is that of the UPS, `status` the one for people. `beyond` begins the page where
    another one ended (`NEWEST_JOBS`).
    """
    wanted = {
        "series_instance_uid": series_instance_uid,
        "pipeline": pipeline,
        "state": state,
    }
    conditions = [t.job.c[name] == value for name, value in wanted.items() if value is not None]
    if study_instance_uid is not None:
        conditions.append(t.job.c.job_id.in_(_about(study_instance_uid)))
    if status is not None:
        conditions += has_status(status)
    if updated_since is not None:
        conditions.append(t.job.c.updated_at >= updated_since)
    statement = select(t.job).where(*conditions).order_by(*NEWEST_JOBS.order())
    with reading(engine) as connection:
        rows, total = read_page(connection, statement, limit, offset, beyond)
        return [to_job(row) for row in rows], total


def _about(study_instance_uid: str) -> CompoundSelect[tuple[str]]:
    """IDs of the jobs on a study's images and of those whose question is about the study."""
    # Two searches by index: under an OR, a database reads the whole ledger.
    return union_all(
        *(
            select(table.c.job_id).where(table.c.study_instance_uid == study_instance_uid)
            for table in (t.job, t.answer)
        )
    )


def has_status(status: JobStatus) -> list[ColumnElement[bool]]:
    """The conditions under which a job's status is that one (`Job.status`)."""
    superseded = t.job.c.ending == "superseded"
    match status:
        case "SUPERSEDED":
            return [superseded]
        case "CANCELLED":
            return [t.job.c.state == "CANCELED", t.job.c.ending == "cancelled"]
        case "FAILED":
            return [t.job.c.state == "CANCELED", t.job.c.ending.not_in(("cancelled", "superseded"))]
        case _:
            return [t.job.c.state == status, ~superseded]
