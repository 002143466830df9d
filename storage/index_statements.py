"""The statements of the receiving path, compiled once for the engine's dialect."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Engine

from storage import tables as t
from storage.cataloguing import NewInstance, instance_values
from storage.lane import Execute


class Touched(NamedTuple):
    """A series that got instances, by the ids that are cached and the UIDs they stand for."""

    series_id: int
    study_id: int
    study_instance_uid: str
    series_instance_uid: str


class SeriesGone(Exception):
    """A cached series was deleted by another process."""


class IndexStatements:
    """The statements of the hot path, compiled once for the engine's dialect."""

    def __init__(self, engine: Engine) -> None:
        dialect = engine.dialect
        self._mark = "?" if dialect.paramstyle == "qmark" else "%s"
        self._columns = [column for column in t.instance.columns if column.name != "id"]
        names = ", ".join(dialect.identifier_preparer.quote(c.name) for c in self._columns)
        self._insert = f"INSERT INTO instance ({names}) VALUES "
        self._row = "(" + ", ".join([self._mark] * len(self._columns)) + ")"
        time_type = t.series.c.last_instance_at.type.dialect_impl(dialect)
        self._bind_time = time_type.bind_processor(dialect) or _as_is
        mark = self._mark
        self._touch_series = (
            f"UPDATE series SET state = 'RECEIVING', last_instance_at = {mark}"
            f" WHERE id = {mark} AND study_fk = {mark} AND series_instance_uid = {mark}"
        )
        self._touch_study = (
            f"UPDATE study SET updated_at = {mark}"
            f" WHERE id = {mark} AND study_instance_uid = {mark}"
        )

    def insert(
        self,
        execute: Execute,
        batch: Sequence[NewInstance],
        series_ids: Sequence[int],
    ) -> set[str]:
        """Insert the rows; the UIDs of those that were new."""
        parameters: list[Any] = []
        for new, series_id in zip(batch, series_ids, strict=True):
            values = instance_values(new, series_id)
            values["received_at"] = self._bind_time(values["received_at"])
            parameters += [values[column.name] for column in self._columns]
        statement = (
            self._insert
            + ", ".join([self._row] * len(batch))
            + " ON CONFLICT DO NOTHING RETURNING sop_instance_uid"
        )
        return {uid for (uid,) in execute(statement, tuple(parameters))}

    def touch(self, execute: Execute, touched: Touched, now: datetime) -> None:
        """A late instance opens a complete series again, and so leads to a revised result.

        Raises SeriesGone where the ids mean something else by now: SQLite gives
        those of deleted rows out again.
        """
        at = self._bind_time(now)
        for statement, parameters in (
            (
                self._touch_series,
                (at, touched.series_id, touched.study_id, touched.series_instance_uid),
            ),
            (self._touch_study, (at, touched.study_id, touched.study_instance_uid)),
        ):
            if execute(statement, parameters).rowcount != 1:
                raise SeriesGone


def _as_is(value: Any) -> Any:
    return value
