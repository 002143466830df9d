"""The statements of the receiving path, compiled once for the engine's dialect."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Engine

from storage import tables as t
from storage.cataloguing import NewInstance, instance_values
from storage.lane import Execute

_KEPT_STATEMENTS = 64


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
        self._names = [column.name for column in t.instance.columns if column.name != "id"]
        names = ", ".join(map(dialect.identifier_preparer.quote, self._names))
        self._insert = f"INSERT INTO instance ({names}) VALUES "
        self._row = "(" + ", ".join([self._mark] * len(self._names)) + ")"
        self._bind_time = _sqlite_time if dialect.name == "sqlite" else _utc
        # By the number of rows: those of small batches come again and again.
        self._inserts: dict[int, str] = {}
        mark = self._mark
        self._select = (
            f"SELECT id FROM instance WHERE sop_instance_uid = {mark}"
            f" AND volume = {mark} AND volume_offset = {mark}"
        )
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
    ) -> set[int]:
        """Insert the rows; which of the batch were new."""
        parameters: list[Any] = []
        for new, series_id in zip(batch, series_ids, strict=True):
            values = instance_values(new, series_id)
            values["received_at"] = self._bind_time(values["received_at"])
            parameters += map(values.__getitem__, self._names)
        inserted = execute(self._statement(len(batch)), tuple(parameters)).rowcount
        if inserted == len(batch):
            return set(range(inserted))
        return {n for n, new in enumerate(batch) if self._is_written(execute, new)}

    def _statement(self, rows: int) -> str:
        statement = self._inserts.get(rows)
        if statement is None:
            values = ", ".join([self._row] * rows)
            statement = f"{self._insert}{values} ON CONFLICT DO NOTHING"
            if len(self._inserts) < _KEPT_STATEMENTS:
                self._inserts[rows] = statement
        return statement

    def _is_written(self, execute: Execute, new: NewInstance) -> bool:
        """Whether the row of that UID is of this very record."""
        location = new.location
        parameters = (new.header.sop_instance_uid, location.volume, location.offset)
        return execute(self._select, parameters).fetchone() is not None

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


def _sqlite_time(value: datetime) -> str:
    """As `tables.UtcDateTime` has it there; going through SQLAlchemy's types costs ten times."""
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    return value.isoformat(" ", "microseconds").removesuffix("+00:00")


def _utc(value: datetime) -> datetime:
    return value.astimezone(UTC)
