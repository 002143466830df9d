"""Durations by stage, noted in the transaction that ends the stage.

So each is counted once, whichever process ends it and on whatever machine.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, Engine, Row, select

from storage import tables as t
from storage.db.engine import insert_into, reading
from storage.tables.work.stage_times import STAGE_BOUNDS_S

__all__ = ["STAGE_BOUNDS_S", "StageKey", "StageTimes", "note", "note_confirmed", "read_stage_times"]

Stage = Literal["wait", "job", "result", "delivery", "model_load"]
_SUBJECT_MAX_LENGTH = 80
_WITHIN = tuple(f"within_{number}" for number in range(1, len(STAGE_BOUNDS_S) + 1))


class StageKey(NamedTuple):
    stage: str
    subject: str
    """A pipeline, a destination or a model."""
    outcome: str


@dataclass(frozen=True)
class StageTimes:
    count: int
    seconds: float
    within: tuple[int, ...]
    """How many took at most as long as each of STAGE_BOUNDS_S."""


def note(
    connection: Connection,
    stage: Stage,
    subject: str,
    length: timedelta,
    outcome: str = "",
    count: int = 1,
) -> None:
    """Count `count` times that length; less than nothing, by a clock that was set, is nothing."""
    seconds = max(length.total_seconds(), 0.0)
    added = insert_into(connection, t.stage_time).values(
        stage=stage,
        subject=subject[:_SUBJECT_MAX_LENGTH],
        outcome=outcome,
        count=count,
        seconds=seconds * count,
        **{
            name: count if seconds <= bound else 0
            for name, bound in zip(_WITHIN, STAGE_BOUNDS_S, strict=True)
        },
    )
    sums = {
        name: t.stage_time.c[name] + added.excluded[name] for name in ("count", "seconds", *_WITHIN)
    }
    connection.execute(added.on_conflict_do_update(index_elements=StageKey._fields, set_=sums))


def note_confirmed(connection: Connection, deliveries: Iterable[Row[Any]], now: datetime) -> None:
    """How long results were on their way, by rows of `delivery`; one count for each instance."""
    waits = Counter(
        (one.destination, one.created_at) for one in deliveries if one.cause == "RESULT"
    )
    for (destination, since), count in sorted(waits.items()):
        note(connection, "delivery", destination, now - since, count=count)


def read_stage_times(engine: Engine) -> dict[StageKey, StageTimes]:
    """All that was ever counted. Raises StorageUnavailable."""
    with reading(engine) as connection:
        rows = connection.execute(select(t.stage_time)).mappings().all()
    return {
        StageKey(row["stage"], row["subject"], row["outcome"]): StageTimes(
            row["count"], row["seconds"], tuple(row[name] for name in _WITHIN)
        )
        for row in rows
    }
