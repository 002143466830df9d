"""Studies whose result went with its prior, and that nobody has decided on again."""

from collections.abc import Set as AbstractSet

from sqlalchemy import Engine, and_, select

from storage import tables as t
from storage.core.entities import Job
from storage.db.engine import reading
from storage.db.row_mapping import to_job


def superseded_without_decision(
    engine: Engine, limit: int, but: AbstractSet[str] = frozenset()
) -> list[Job]:
    """Superseded jobs that took a prior and that a decision still names, the oldest first.

    A decision that is made again names another job, or none, so that what a process leaves undone
    is found here by the next. A series that is being received is left out: it is decided on when
    it is complete, and so is what it is a prior of. `but` leaves some out.
    """
    prior, taken = t.job_input.alias("prior"), t.job_input.alias("taken")
    takes_prior = (
        select(prior.c.job_id).where(prior.c.job_id == t.job.c.job_id, prior.c.is_prior).exists()
    )
    is_receiving = (
        select(taken.c.job_id)
        .join(t.study, t.study.c.study_instance_uid == taken.c.study_instance_uid)
        .join(
            t.series,
            and_(
                t.series.c.study_fk == t.study.c.id,
                t.series.c.series_instance_uid == taken.c.series_instance_uid,
            ),
        )
        .where(taken.c.job_id == t.job.c.job_id, t.series.c.state == "RECEIVING")
        .correlate(t.job)
        .exists()
    )
    is_named = (
        select(t.decision.c.id)
        .join(t.study, t.study.c.study_instance_uid == t.decision.c.study_instance_uid)
        .join(
            t.series,
            and_(
                t.series.c.study_fk == t.study.c.id,
                t.series.c.series_instance_uid == t.decision.c.series_instance_uid,
            ),
        )
        .where(
            t.decision.c.study_instance_uid == t.job.c.study_instance_uid,
            t.decision.c.job_id == t.job.c.job_id,
            t.decision.c.input_fingerprint == t.series.c.fingerprint,
            t.series.c.state == "COMPLETE",
        )
        .correlate(t.job)
        .exists()
    )
    query = (
        select(t.job)
        .where(
            t.job.c.ending == "superseded",
            t.job.c.job_id.not_in(but),
            takes_prior,
            is_named,
            ~is_receiving,
        )
        .order_by(t.job.c.updated_at, t.job.c.job_id)
        .limit(limit)
    )
    with reading(engine) as connection:
        return [to_job(row) for row in connection.execute(query).mappings()]
