"""A run that gave other results than those that are stored of its job.

Objects that left the node are never changed under their UIDs. So another job stands for the new
results, under UIDs of its own; the one before is superseded, and what it gave is withdrawn as it is
where a series has changed (`storage.jobs.withdrawals`). All of it happens in one transaction: until
then the results of the run before count, afterwards the new ones.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, case, func, insert, select, update

from storage import tables as t
from storage.core.entities import Job
from storage.core.errors import StateConflict
from storage.core.job_result import BegunRevision, JobResult
from storage.core.text.outside_text import stored_reason
from storage.db.engine import reading
from storage.db.row_mapping import to_job
from storage.jobs.begun_revisions import begun_revisions, job_columns, spare_fingerprint
from storage.jobs.earlier_run import NO_EARLIER_RUN
from storage.jobs.insert import announce
from storage.jobs.outcome import JobRows
from storage.jobs.stage_times import note_completed
from storage.jobs.transition import change_job
from storage.jobs.upstream_queue import mark_result
from storage.jobs.withdrawals import withdraw_with_downstream
from storage.outbox.tables import JOBS
from storage.reports.draft_queue import mark_report_due

_REPLACED = "A further run gave other results. Those of job {job_id} count."


def check_not_edited(engine: Engine, job: Job) -> None:
    """Raises StateConflict where a person's edit rests on the masks of the job's stored results."""
    with reading(engine) as connection:
        _check_not_edited(connection, job)


def begin_revision(
    engine: Engine, job: Job, owner: str, begun: BegunRevision, now: datetime
) -> Job | None:
    """Note it before anything of it is stored; None when the job is no longer the owner's."""
    result: JobResult = {**job.result, "begun_revisions": [*begun_revisions(job), begun]}
    return change_job(engine, job.job_id, JOBS.is_owned(owner), {"result": dict(result)}, now)


def complete_revision(
    engine: Engine,
    job_id: str,
    owner: str,
    revision: Job,
    now: datetime,
    model_load: timedelta,
    rows: JobRows,
) -> bool:
    """Let `revision`, with its result, stand for the job; False, and nothing is written, when the
    job is no longer the owner's. Raises StateConflict as `check_not_edited` does."""
    c = t.job.c
    has_earlier = c.earlier_finished_at.is_not(None)
    with reading(engine) as connection:
        before = connection.execute(select(t.job).where(c.job_id == job_id)).mappings().first()
    if before is None:
        return False
    # Only its owner changes it.
    job = to_job(before)
    others = [one for one in begun_revisions(job) if one["job_id"] != revision.job_id]
    values = {
        # A UPS never leaves COMPLETED; one that never was has come to nothing.
        "state": case((has_earlier, "COMPLETED"), else_="CANCELED"),
        "ending": "superseded",
        "reason": stored_reason(_REPLACED.format(job_id=revision.job_id)),
        "stage": "",
        "progress": case((has_earlier, 1.0), else_=c.progress),
        "input_fingerprint": spare_fingerprint(job_id),
        "started_at": func.coalesce(c.earlier_started_at, c.started_at),
        "finished_at": func.coalesce(c.earlier_finished_at, now),
        "withdrawn_at": None,
        "result": {**job.result, "begun_revisions": others},
        **JOBS.released(),
        **NO_EARLIER_RUN,
    }
    stands = replace(
        revision,
        state="COMPLETED",
        ending="",
        stage="",
        progress=1.0,
        reason="",
        lease_owner="",
        lease_expires_at=None,
        finished_at=now,
        updated_at=now,
        earlier_started_at=None,
        earlier_finished_at=None,
    )

    def also(connection: Connection, job: Job) -> None:
        _check_not_edited(connection, job)
        row = {column: getattr(stands, column) for column in job_columns()}
        connection.execute(insert(t.job).values(**row))
        _take_over(connection, job_id, stands.job_id)
        rows.write(connection, stands.job_id)
        note_completed(connection, stands, model_load)
        withdraw_with_downstream(connection, job, now)
        announce(connection, stands, now)
        mark_report_due(connection, stands.study_instance_uid, now)
        mark_result(connection, stands, now)

    return change_job(engine, job_id, JOBS.is_owned(owner), values, now, also=also) is not None


def _take_over(connection: Connection, job_id: str, revision_id: str) -> None:
    """What the job took, and that the series was decided to become it."""
    columns: Sequence[str] = [one.name for one in t.job_input.c if one.name != "job_id"]
    inputs = connection.execute(select(t.job_input).where(t.job_input.c.job_id == job_id))
    for row in inputs.mappings().all():
        values = {name: row[name] for name in columns} | {"job_id": revision_id}
        connection.execute(insert(t.job_input).values(**values))
    decided = t.decision.c.job_id == job_id
    connection.execute(update(t.decision).where(decided).values(job_id=revision_id))


def _check_not_edited(connection: Connection, job: Job) -> None:
    c = t.job.c
    rows = connection.execute(
        select(t.job).where(
            c.study_instance_uid == job.study_instance_uid,
            c.series_instance_uid == job.series_instance_uid,
            c.pipeline == job.pipeline,
            c.created_at > job.created_at,
        )
    )
    others = [to_job(row) for row in rows.mappings()]
    if any(one.has_results and one.result.get("edited") for one in others):
        raise StateConflict(
            "The run gave other results than those that are stored, and a person has edited the"
            " masks of those since.",
            remedy="The edited results stay. Edit them once more, or delete the series of the edit"
            " and run the job again.",
        )
