"""Which study a stage was last measured at, so that a slow bucket leads to its trace."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, and_, select

from storage import tables as t
from storage.db.engine import reading
from storage.stage_times.repository import StageKey

_RECENT = timedelta(hours=1)
_JOBS_AT_MOST = 500
_STUDIES_AT_MOST = 50


@dataclass(frozen=True)
class StageExample:
    study_instance_uid: str
    seconds: float
    at: datetime


def newest_examples(engine: Engine, now: datetime) -> dict[StageKey, StageExample]:
    """Of studies with jobs of the last hour: all stages but `model_load`, which no row has.

    Raises StorageUnavailable.
    """
    found: dict[StageKey, StageExample] = {}
    with reading(engine) as connection:
        of_jobs = list(_of_jobs(connection, now))
        # There may be millions of deliveries, which have an index by study and none by time.
        studies = list(dict.fromkeys(uid for _, uid, _, _ in of_jobs))[:_STUDIES_AT_MOST]
        for key, uid, begun_at, ended_at in (*of_jobs, *_of_deliveries(connection, studies)):
            seconds = max((ended_at - begun_at).total_seconds(), 0.0)
            found.setdefault(key, StageExample(uid, seconds, ended_at))
    return found


_Measured = tuple[StageKey, str, datetime, datetime]


def _of_jobs(connection: Connection, now: datetime) -> Iterator[_Measured]:
    """The newest first."""
    job, series = t.job.c, t.series.c
    of_series = t.job.outerjoin(t.study, t.study.c.study_instance_uid == job.study_instance_uid)
    of_series = of_series.outerjoin(
        t.series,
        and_(
            series.study_fk == t.study.c.id,
            series.series_instance_uid == job.series_instance_uid,
        ),
    )
    query = (
        select(
            job.pipeline,
            job.state,
            job.ending,
            job.study_instance_uid,
            job.attempts,
            job.created_at,
            job.started_at,
            job.finished_at,
            series.last_instance_at,
        )
        .select_from(of_series)
        .where(
            job.created_at > now - _RECENT,
            job.started_at.is_not(None),
            job.study_instance_uid != "",
        )
        .order_by(job.created_at.desc())
        .limit(_JOBS_AT_MOST)
    )
    for row in connection.execute(query):
        uid, ended_at = row.study_instance_uid, row.finished_at
        if row.attempts == 1:
            yield StageKey("wait", row.pipeline, ""), uid, row.created_at, row.started_at
        outcome = "completed" if row.state == "COMPLETED" else row.ending
        if ended_at is None or outcome not in ("completed", "failed"):
            continue
        yield StageKey("job", row.pipeline, outcome), uid, row.started_at, ended_at
        if outcome == "completed" and row.last_instance_at is not None:
            yield StageKey("result", row.pipeline, ""), uid, row.last_instance_at, ended_at


def _of_deliveries(connection: Connection, study_uids: list[str]) -> Iterator[_Measured]:
    delivery = t.delivery.c
    query = (
        select(
            delivery.destination,
            delivery.study_instance_uid,
            delivery.created_at,
            delivery.updated_at,
        )
        .where(
            delivery.study_instance_uid.in_(study_uids),
            delivery.cause == "RESULT",
            delivery.state == "CONFIRMED",
        )
        .order_by(delivery.created_at.desc())
    )
    for row in connection.execute(query):
        key = StageKey("delivery", row.destination, "")
        yield key, row.study_instance_uid, row.created_at, row.updated_at
