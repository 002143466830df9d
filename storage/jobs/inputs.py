"""Which series a job takes, and whether they are still what they were."""

from collections.abc import Sequence

from sqlalchemy import Engine, select

from storage import tables as t
from storage.core.entities import Job, JobInput
from storage.core.errors import NotFound
from storage.db.engine import reading
from storage.jobs.upstream import is_current_result


def inputs_of_job(engine: Engine, job_id: str) -> list[JobInput]:
    """Of a job that takes several series; empty of all others."""
    query = select(t.job_input).where(t.job_input.c.job_id == job_id)
    with reading(engine) as connection:
        rows = connection.execute(query.order_by(t.job_input.c.role)).mappings()
        return [
            JobInput(
                row["role"],
                row["series_instance_uid"],
                row["fingerprint"],
                row["study_instance_uid"],
                row["upstream_job_id"],
            )
            for row in rows
        ]


def are_inputs_current(engine: Engine, job: Job, inputs: Sequence[JobInput] = ()) -> bool:
    """Whether every series that the job takes is complete, and every result what it was.

    `inputs`: of a job that is in no ledger. Raises NotFound where one of its own study is not
    there any more.
    """
    taken = (
        inputs
        or inputs_of_job(engine, job.job_id)
        or [JobInput("", job.series_instance_uid, job.input_fingerprint, job.study_instance_uid)]
    )
    with reading(engine) as connection:
        for one in taken:
            if one.upstream_job_id:
                if not is_current_result(connection, one):
                    return False
                continue
            found = connection.execute(
                select(t.series.c.state, t.series.c.fingerprint)
                .join(t.study, t.series.c.study_fk == t.study.c.id)
                .where(
                    t.study.c.study_instance_uid == one.study_instance_uid,
                    t.series.c.series_instance_uid == one.series_instance_uid,
                )
            ).one_or_none()
            if found is None:
                if one.study_instance_uid != job.study_instance_uid:
                    return False  # a prior that went: without it, or with another one
                raise NotFound(
                    "A series that the job takes is not here any more.",
                    remedy="Send it again.",
                )
            if found.state != "COMPLETE" or found.fingerprint != one.fingerprint:
                return False
    return True
