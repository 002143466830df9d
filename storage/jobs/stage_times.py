"""How long jobs wait and run, and how long a result takes after the last instance."""

from datetime import timedelta

from sqlalchemy import Connection, func, select

from storage import tables as t
from storage.core.entities import Job
from storage.stage_times.repository import note


def note_wait(connection: Connection, job: Job) -> None:
    """Of a job that was just claimed; further attempts waited for another reason."""
    if job.attempts == 1 and job.started_at is not None:
        note(connection, "wait", job.pipeline, job.started_at - job.created_at)


def note_completed(connection: Connection, job: Job, model_load: timedelta) -> None:
    _note_run(connection, job, "completed")
    if model_load:
        note(connection, "model_load", job.pipeline, model_load)
    last = connection.execute(
        select(func.max(t.series.c.last_instance_at))
        .join(t.study, t.series.c.study_fk == t.study.c.id)
        .where(
            t.study.c.study_instance_uid == job.study_instance_uid,
            t.series.c.series_instance_uid == job.series_instance_uid,
        )
    ).scalar()
    if last is not None and job.finished_at is not None:
        note(connection, "result", job.pipeline, job.finished_at - last)


def note_failed(connection: Connection, job: Job) -> None:
    # One that ran again although it was done has the times of the run whose results stand.
    if job.state != "COMPLETED":
        _note_run(connection, job, "failed")


def _note_run(connection: Connection, job: Job, outcome: str) -> None:
    if job.started_at is not None and job.finished_at is not None:
        note(connection, "job", job.pipeline, job.finished_at - job.started_at, outcome)
