"""Which job a stage was last measured at, so that a slow bucket leads to a study's trace."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, select

from storage import tables as t
from storage.db.engine import reading
from storage.stage_times.repository import StageKey

_RECENT = timedelta(hours=1)
_AT_MOST = 500


@dataclass(frozen=True)
class StageExample:
    study_instance_uid: str
    seconds: float
    at: datetime


def newest_examples(engine: Engine, now: datetime) -> dict[StageKey, StageExample]:
    """Of the last hour's jobs, by stages `wait` and `job`. Raises StorageUnavailable."""
    job = t.job.c
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
        )
        .where(
            job.created_at > now - _RECENT,
            job.started_at.is_not(None),
            job.study_instance_uid != "",
        )
        .order_by(job.created_at.desc())
        .limit(_AT_MOST)
    )
    found: dict[StageKey, StageExample] = {}
    with reading(engine) as connection:
        for row in connection.execute(query):
            for key, begun_at, ended_at in _measured(row):
                seconds = max((ended_at - begun_at).total_seconds(), 0.0)
                found.setdefault(key, StageExample(row.study_instance_uid, seconds, ended_at))
    return found


def _measured(row: Any) -> Iterator[tuple[StageKey, datetime, datetime]]:
    if row.attempts == 1:
        yield StageKey("wait", row.pipeline, ""), row.created_at, row.started_at
    outcome = "completed" if row.state == "COMPLETED" else row.ending
    if row.finished_at is not None and outcome in ("completed", "failed"):
        yield StageKey("job", row.pipeline, outcome), row.started_at, row.finished_at
