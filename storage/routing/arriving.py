"""What arrived of series that are not complete, as far as it was not looked at."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, select

from storage import tables as t
from storage.core.entities import Instance, Series
from storage.db.engine import reading
from storage.index.row_mapping import to_instance, to_series
from storage.index.select_statements import select_instances, select_series


@dataclass(frozen=True)
class LookedAt:
    """How far a series was looked at."""

    row_id: int = 0
    """Of the last instance that was seen, in the order of the index."""
    last_instance_at: datetime | None = None
    """Of the series when nothing of it was left; None where something may be."""


@dataclass(frozen=True)
class ArrivedOfSeries:
    series: Series
    instances: tuple[Instance, ...]
    looked_at: LookedAt
    """Once these were looked at."""


class ArrivingSeries:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def receiving(self) -> dict[int, datetime]:
        """The ids of received series that are not complete, with the time of the last instance;
        the longest without one first."""
        c = t.series.c
        query = (
            select(c.id, c.last_instance_at)
            .where(c.state == "RECEIVING", c.origin == "received", ~c.is_rejected)
            .order_by(c.last_instance_at)
        )
        with reading(self._engine) as connection:
            return {row.id: row.last_instance_at for row in connection.execute(query)}

    def arrived(
        self, receiving: Mapping[int, datetime], looked_at: LookedAt, series_id: int, limit: int
    ) -> ArrivedOfSeries | None:
        """What came of one of them since; None where it is gone.

        A row that was committed after one with a higher id may be missed.
        """
        newer = select_instances(
            t.instance.c.series_fk == series_id, t.instance.c.id > looked_at.row_id
        )
        with reading(self._engine) as connection:
            series = (
                connection.execute(select_series(t.series.c.id == series_id)).mappings().first()
            )
            if series is None:
                return None
            rows = connection.execute(newer.order_by(t.instance.c.id).limit(limit))
            found = rows.mappings().all()
        return ArrivedOfSeries(
            to_series(series),
            tuple(map(to_instance, found)),
            LookedAt(
                found[-1]["id"] if found else looked_at.row_id,
                receiving[series_id] if len(found) < limit else None,
            ),
        )
