"""The statements of the receiving path, in a form for each database.

PostgreSQL takes a batch in one statement, since each is a round trip. SQLite
has no trips to save, and no INSERT within another statement.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Engine

from storage import tables as t
from storage.index.driver.write_connection import Execute
from storage.index.insert_instance import NewInstance, instance_values

_KEPT_STATEMENTS = 64

_NOT_GIVEN = "id", "series_fk", "former_volume"
_NAMES = [column.name for column in t.instance.columns if column.name not in _NOT_GIVEN]
_INSERT = 'INSERT INTO instance (series_fk, "' + '", "'.join(_NAMES) + '") VALUES '


class Placed(NamedTuple):
    """A new instance, and the ids under which its series and study are cached."""

    new: NewInstance
    series_id: int
    study_id: int


class SeriesGone(Exception):
    """A cached series was deleted by another process."""


class IndexStatements(Protocol):
    """Writes a batch in the caller's transaction."""

    def write(self, execute: Execute, batch: Sequence[Placed]) -> list[bool]:
        """Insert what is new and touch its series and studies; what of the batch was new.

        A late instance opens a complete series again, and so leads to a revised
        result; one that was there already touches nothing. All that is touched
        gets the latest time of the batch.

        Raises SeriesGone or the driver's IntegrityError where the ids mean
        something else by now: SQLite gives those of deleted rows out again, and
        so does a PostgreSQL that lost its last transactions in a crash.
        """
        ...


def statements_for(engine: Engine, *, waits: bool = False) -> IndexStatements:
    """Those of the engine's dialect. `waits`: PostgreSQL is to wait for its disk with them, too."""
    return _Sqlite() if engine.dialect.name == "sqlite" else _Postgresql(waits=waits)


class _Sqlite:
    """One INSERT, one UPDATE for the series, one for the studies."""

    def write(self, execute: Execute, batch: Sequence[Placed]) -> list[bool]:
        parameters: list[Any] = []
        for new, series_id, _ in batch:
            parameters.append(series_id)
            parameters += _values(new, series_id, _sqlite_time(new.received_at))
        inserted = execute(_sqlite_insert(len(batch)), tuple(parameters)).rowcount
        if inserted == len(batch):
            touched = batch
            are_new = [True] * len(batch)
        else:
            are_new = [_is_written(execute, new, "?") for new, *_ in batch]
            touched = [placed for placed, is_new in zip(batch, are_new, strict=True) if is_new]
        if touched:
            _touch(execute, touched, _sqlite_time(_latest(batch)))
        return are_new


def _touch(execute: Execute, touched: Iterable[Placed], at: str) -> None:
    series, studies = set(), set()
    for new, series_id, study_id in touched:
        series.add((series_id, study_id, new.header.series_instance_uid))
        studies.add((study_id, new.header.study_instance_uid))
    for statement, keys in (
        (_sqlite_touch_series(len(series)), series),
        (_sqlite_touch_studies(len(studies)), studies),
    ):
        if execute(statement, (at, *chain.from_iterable(keys))).rowcount != len(keys):
            raise SeriesGone


@lru_cache(_KEPT_STATEMENTS)
def _sqlite_insert(rows: int) -> str:
    row = f"(?{', ?' * len(_NAMES)})"
    return f"{_INSERT}{', '.join([row] * rows)} ON CONFLICT DO NOTHING"


# A plus keeps SQLite from any other index than the primary key, which is the shortest way.
@lru_cache(_KEPT_STATEMENTS)
def _sqlite_touch_series(rows: int) -> str:
    key = "id = ? AND +study_fk = ? AND +series_instance_uid = ?"
    return (
        "UPDATE series SET state = 'RECEIVING', last_instance_at = ?"
        f" WHERE {' OR '.join([key] * rows)}"
    )


@lru_cache(_KEPT_STATEMENTS)
def _sqlite_touch_studies(rows: int) -> str:
    key = "id = ? AND +study_instance_uid = ?"
    return f"UPDATE study SET updated_at = ? WHERE {' OR '.join([key] * rows)}"


class _Postgresql:
    """One statement, so that it can be a transaction of its own.

    What two processes both write is locked in one order: series by their ids,
    instances by their UIDs, studies by their ids. So neither waits for the other
    while the other waits for it.
    """

    def __init__(self, *, waits: bool) -> None:
        self._commit = "on" if waits else "off"

    def write(self, execute: Execute, batch: Sequence[Placed]) -> list[bool]:
        series = set()
        instances: list[Any] = []
        for new, series_id, study_id in sorted(batch, key=_sop_instance_uid):
            header = new.header
            uids = (header.series_instance_uid, header.study_instance_uid)
            series.add((series_id, study_id, *uids))
            instances.append(series_id)
            instances += _values(new, series_id, new.received_at.astimezone(UTC))
        at = _latest(batch).astimezone(UTC)
        parameters = (*chain.from_iterable(series), *instances, at, at)
        rows = execute(
            _postgresql_write(self._commit, len(series), len(batch)), parameters
        ).fetchall()
        if len(rows) == len(batch):
            return [True] * len(batch)
        written = {(volume, offset) for volume, offset in rows}
        return [
            (new.location.volume, new.location.offset) in written or _is_written(execute, new, "%s")
            for new, *_ in batch
        ]


@lru_cache(_KEPT_STATEMENTS)
def _postgresql_write(commit: str, series: int, instances: int) -> str:
    # An UPDATE locks its rows in any order, a SELECT in that of its ORDER BY. Where an id means
    # something else by now nothing is held, and the database refuses an instance of no series.
    # The plus keeps PostgreSQL, too, from another index: a study may have many series.
    # The commit does not wait for the disk (`storage.index.driver.write_connection`), where that is
    # 'off'. Stated within the statement it holds for its transaction alone: a pooler gives the
    # session on to others.
    key = "(%s, %s, %s, %s)"
    row = f"((SELECT id FROM held WHERE id = %s){', %s' * len(_NAMES)})"
    return (
        "WITH held AS (SELECT series.id"
        " FROM series JOIN study ON study.id = +series.study_fk"
        f" WHERE (SELECT set_config('synchronous_commit', '{commit}', true)) = '{commit}'"
        " AND (series.id, study.id, series.series_instance_uid, study.study_instance_uid)"
        f" IN (VALUES {', '.join([key] * series)}) ORDER BY series.id"
        " FOR NO KEY UPDATE OF series),"
        f" written AS ({_INSERT}{', '.join([row] * instances)}"
        " ON CONFLICT DO NOTHING RETURNING series_fk, volume, volume_offset),"
        " touched AS (UPDATE series SET state = 'RECEIVING', last_instance_at = %s FROM held"
        " WHERE series.id = held.id AND held.id IN (SELECT series_fk FROM written)"
        " RETURNING study_fk),"
        " held_studies AS (SELECT id FROM study"
        " WHERE id IN (SELECT study_fk FROM touched) ORDER BY id FOR NO KEY UPDATE),"
        " touched_studies AS (UPDATE study SET updated_at = %s"
        " FROM held_studies WHERE study.id = held_studies.id)"
        " SELECT volume, volume_offset FROM written"
    )


def _values(new: NewInstance, series_id: int, received_at: Any) -> Iterable[Any]:
    """The instance's row after the series' id."""
    values = instance_values(new, series_id)
    # Going through SQLAlchemy's types costs ten times.
    values["received_at"] = received_at
    return map(values.__getitem__, _NAMES)


def _is_written(execute: Execute, new: NewInstance, mark: str) -> bool:
    """Whether the row of that UID is of this very record."""
    location = new.location
    statement = (
        f"SELECT id FROM instance WHERE sop_instance_uid = {mark}"
        f" AND volume = {mark} AND volume_offset = {mark}"
    )
    parameters = (new.header.sop_instance_uid, location.volume, location.offset)
    return execute(statement, parameters).fetchone() is not None


def _sop_instance_uid(placed: Placed) -> str:
    return placed.new.header.sop_instance_uid


def _latest(batch: Sequence[Placed]) -> datetime:
    return max([new.received_at for new, *_ in batch])


def _sqlite_time(value: datetime) -> str:
    """As `tables.UtcDateTime` has it there."""
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    return value.isoformat(" ", "microseconds").removesuffix("+00:00")
