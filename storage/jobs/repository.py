"""The ledger of jobs. A broker may lose what it likes; a job exists here or not at all.

A job is claimed by one conditional UPDATE with a lease. A worker that dies
stops renewing, its lease passes, and the job is due again.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, and_, case, or_, select

from storage import tables as t
from storage.core.clock import utcnow
from storage.core.entities import OPEN_STATES, Job, JobInput, JobState, JobStatus
from storage.core.errors import NotFound
from storage.core.job_result import BegunRevision, JobResult
from storage.core.text.outside_text import stored_reason
from storage.db.engine import insert_or_ignore, reading, writing
from storage.db.row_mapping import to_job
from storage.jobs.earlier_run import NO_EARLIER_RUN, ended
from storage.jobs.inputs import are_inputs_current, inputs_of_job
from storage.jobs.insert import add_job, announce
from storage.jobs.listing import list_jobs
from storage.jobs.outcome import JobRows
from storage.jobs.revisions import begin_revision, check_not_edited, complete_revision
from storage.jobs.stage_times import note_completed, note_failed, note_wait
from storage.jobs.transition import change_job
from storage.jobs.upstream import downstream_of
from storage.jobs.upstream_queue import mark_result
from storage.outbox.tables import JOBS

PRIORITIES = {"LOW": -50, "ROUTINE": 0, "HIGH": 50, "STAT": 100}
"""Names that people use for the numbers by which jobs are taken, the highest first."""


class Jobs:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def schedule(
        self,
        pipeline: str,
        pipeline_version: str,
        study_instance_uid: str,
        series_instance_uid: str,
        input_fingerprint: str,
        priority: int = 0,
        input_object_key: str = "",
        input_digest: str = "",
        inputs: Sequence[JobInput] = (),
    ) -> tuple[Job, bool]:
        """The job for this input, and whether it is new.

        `inputs`: of a job that takes several series; `series_instance_uid` is then the one on
        whose grid its results lie, and `input_fingerprint` that of all of them.
        `input_digest`: SHA-256 of the object of `input_object_key`, which is read by that alone.

        The same pipeline, version and input never make a second job. It bears the id
        of the request at hand, or of the one that last brought something of the series.
        """
        with writing(self._engine) as connection:
            job, created = add_job(
                connection,
                {
                    "pipeline": pipeline,
                    "pipeline_version": pipeline_version,
                    "study_instance_uid": study_instance_uid,
                    "series_instance_uid": series_instance_uid,
                    "input_fingerprint": input_fingerprint,
                    "input_object_key": input_object_key,
                    "input_digest": input_digest,
                    "priority": priority,
                },
                utcnow(),
            )
            for one in inputs:
                is_prior = one.study_instance_uid != study_instance_uid
                values = {"job_id": job.job_id, **asdict(one), "is_prior": is_prior}
                insert_or_ignore(connection, t.job_input, values)
        return job, created

    def inputs_of(self, job_id: str) -> list[JobInput]:
        """Of a job that takes several series; empty of all others."""
        return inputs_of_job(self._engine, job_id)

    def is_current(self, job: Job, inputs: Sequence[JobInput] = ()) -> bool:
        """Whether every series that the job takes is complete, and what it was.

        `inputs`: of a job that is in no ledger. Raises NotFound where one of its own study is not
        there any more.
        """
        return are_inputs_current(self._engine, job, inputs)

    def record(self, job: Job, rows: JobRows) -> bool:
        """Keep a job that has ended already, and what it found; False where one on this input is
        there."""
        with writing(self._engine) as connection:
            values = {
                column: getattr(job, column)
                for column in Job.__dataclass_fields__
                if column in t.job.c
            }
            added = insert_or_ignore(connection, t.job, values)
            if added:
                announce(connection, job, job.updated_at)
                rows.write(connection, job.job_id)
                mark_result(connection, job, job.updated_at)
        return bool(added)

    def claim(self, job_id: str, owner: str, lease_s: float, now: datetime) -> Job | None:
        """Take the job for `lease_s`; None when another holds it or it has ended."""
        values = {
            **JOBS.taken(owner, lease_s, now),
            "started_at": now,
            "stage": "",
            "progress": 0.0,
            "reason": "",
        }
        return change_job(self._engine, job_id, JOBS.is_due(now), values, now, also=note_wait)

    def renew(self, job_id: str, owner: str, lease_s: float, now: datetime) -> bool:
        """Hold the job for another `lease_s`; False when it is no longer the owner's."""
        with writing(self._engine) as connection:
            return JOBS.renew(connection, owner, lease_s, now, t.job.c.job_id == job_id)

    def progress(self, job_id: str, owner: str, stage: str, fraction: float, now: datetime) -> bool:
        """Say how far the job is; False when it is no longer the owner's."""
        values = {"stage": stage, "progress": min(max(fraction, 0.0), 1.0)}
        return change_job(self._engine, job_id, JOBS.is_owned(owner), values, now) is not None

    def complete(
        self,
        job_id: str,
        owner: str,
        result: JobResult,
        now: datetime,
        model_load: timedelta = timedelta(),
        rows: JobRows = JobRows(),
    ) -> bool:
        """End the job with its result and what it found; False, and nothing is written, when it is
        no longer the owner's.

        `model_load`: how much of its time went into loading models.
        """
        values = {
            "state": "COMPLETED",
            "stage": "",
            "progress": 1.0,
            "reason": "",
            **JOBS.released(),
            "finished_at": now,
            "result": dict(result),
            **NO_EARLIER_RUN,
        }

        def also(connection: Connection, job: Job) -> None:
            note_completed(connection, job, model_load)
            rows.write(connection, job_id)

        return (
            change_job(self._engine, job_id, JOBS.is_owned(owner), values, now, also=also)
            is not None
        )

    def check_not_edited(self, job: Job) -> None:
        """Raises StateConflict where a person's edit rests on the job's stored masks."""
        check_not_edited(self._engine, job)

    def begin_revision(
        self, job: Job, owner: str, begun: BegunRevision, now: datetime
    ) -> Job | None:
        """Note it in the job before anything of it is stored; None when the job is no longer the
        owner's. See `storage.jobs.revisions`."""
        return begin_revision(self._engine, job, owner, begun, now)

    def complete_revision(
        self,
        job_id: str,
        owner: str,
        revision: Job,
        now: datetime,
        model_load: timedelta = timedelta(),
        rows: JobRows = JobRows(),
    ) -> bool:
        """End the job by another one that stands for its new results; False, and nothing is
        written, when it is no longer the owner's. Raises StateConflict where a person has edited
        the masks before."""
        return complete_revision(self._engine, job_id, owner, revision, now, model_load, rows)

    def fail(
        self,
        job_id: str,
        owner: str,
        reason: str,
        now: datetime,
        *,
        retry: bool,
        not_before: datetime | None = None,
        counts: bool = True,
    ) -> Job | None:
        """Give the job back for another attempt, or end it as CANCELED with its reason; one that
        ran again although it was done is COMPLETED again, with the results that it had.

        The next attempt comes `not_before` that time. An attempt that ended for a reason
        outside the job, such as a full disk, does not count.
        """
        values: dict[str, Any] = {
            "reason": stored_reason(reason),
            **JOBS.released(not_before if retry else None),
            "attempts": t.job.c.attempts - (0 if counts else 1),
            "stage": "",
            "progress": 0.0,
            "state": "SCHEDULED",
        }
        if not retry:
            values |= ended("failed", reason, now, progress=0.0)
        also = None if retry else note_failed
        return change_job(self._engine, job_id, JOBS.is_owned(owner), values, now, also=also)

    def cancel(self, job_id: str, reason: str, now: datetime) -> Job | None:
        """End a job that has not ended yet, because a person wants it; None where it has.

        One that was to run again although it was done is COMPLETED again, with the results that
        it had.
        """
        ending = ended("cancelled", reason, now, progress=t.job.c.progress)
        values = {**JOBS.released(), **ending}
        running = t.job.c.state.in_(OPEN_STATES)
        return change_job(self._engine, job_id, running, values, now)

    def retry(self, job_id: str, now: datetime, *, force: bool = False) -> Job | None:
        """Let a job that was canceled run once more, with all its attempts; None: it was not.

        `force`: also one that is COMPLETED, and whose results count. They go on to, until the
        further run completes.
        """
        was_completed = t.job.c.state == "COMPLETED"
        values = {
            "earlier_started_at": case((was_completed, t.job.c.started_at)),
            "earlier_finished_at": case((was_completed, t.job.c.finished_at)),
            "state": "SCHEDULED",
            "stage": "",
            "progress": 0.0,
            "reason": "",
            "attempts": 0,
            **JOBS.released(),
            "started_at": None,
            "finished_at": None,
            "ending": "",
        }
        may = t.job.c.state == "CANCELED"
        if force:
            may = or_(may, and_(was_completed, t.job.c.ending == ""))
        return change_job(self._engine, job_id, may, values, now)

    def set_priority(self, job_id: str, priority: int, now: datetime) -> bool:
        """Have a job that has not ended taken before those of lower priority."""
        running = t.job.c.state.in_(OPEN_STATES)
        return change_job(self._engine, job_id, running, {"priority": priority}, now) is not None

    def due(self, now: datetime, limit: int, queue: str = "jobs") -> list[Job]:
        """Jobs that a worker of the queue should take now, the most urgent first."""
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(t.job)
                .where(JOBS.is_due(now), t.job.c.queue == queue)
                .order_by(t.job.c.priority.desc(), t.job.c.created_at)
                .limit(limit)
            )
            return [to_job(row) for row in rows.mappings()]

    def jobs_that_took(self, job_id: str) -> list[str]:
        """Jobs that took the results of this one, and those that took theirs in turn."""
        with reading(self._engine) as connection:
            return downstream_of(connection, [job_id])

    def get(self, job_id: str) -> Job:
        """Raises NotFound."""
        with reading(self._engine) as connection:
            row = (
                connection.execute(select(t.job).where(t.job.c.job_id == job_id)).mappings().first()
            )
        if row is None:
            raise NotFound(
                "There is no job under that identifier.", remedy="GET /api/jobs lists them."
            )
        return to_job(row)

    def of_studies(self, study_instance_uids: list[str]) -> dict[str, list[Job]]:
        """The jobs of several studies at once, newest first."""
        jobs: dict[str, list[Job]] = {uid: [] for uid in study_instance_uids}
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(t.job)
                .where(t.job.c.study_instance_uid.in_(study_instance_uids))
                .order_by(t.job.c.created_at.desc(), t.job.c.job_id)
            )
            for row in rows.mappings():
                jobs[row["study_instance_uid"]].append(to_job(row))
        return jobs

    def list(
        self,
        study_instance_uid: str | None = None,
        state: JobState | None = None,
        limit: int = 100,
        offset: int = 0,
        *,
        series_instance_uid: str | None = None,
        pipeline: str | None = None,
        status: JobStatus | None = None,
        updated_since: datetime | None = None,
        beyond: ColumnElement[bool] | None = None,
    ) -> tuple[list[Job], int]:
        """The newest first, and how many there are in all: see `list_jobs`."""
        return list_jobs(
            self._engine,
            study_instance_uid,
            state,
            limit,
            offset,
            series_instance_uid=series_instance_uid,
            pipeline=pipeline,
            status=status,
            updated_since=updated_since,
            beyond=beyond,
        )
