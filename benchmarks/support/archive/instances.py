"""Rows of an archive's instances, made by the database itself, and the volumes that they name."""

import json
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, insert, select, text

from api.planning.load import MODALITIES
from benchmarks.support.archive.plan import END, PlannedStudy
from benchmarks.support.archive.results import RESULT_KINDS
from benchmarks.support.archive.rows import count_on
from storage import tables as t

VOLUME_BYTES = 256 << 20
_SERIES_AT_ONCE = 500
_PROGRESS_S = 20.0
_VOLUME_NAME = "20161101T000000-b8e4d54f-{:024x}.mvv"
_RESULT_BYTES = 60_000

_COLUMNS = (
    "series_fk, sop_instance_uid, sop_class_uid, transfer_syntax_uid, instance_number, rows,"
    " columns, bits_allocated, size_bytes, digest, source, called_ae_title, peer_address,"
    " received_at, volume, volume_offset"
)
_VALUES = (
    "s.id, s.series_instance_uid || '.' || n.n, '1.2.840.10008.5.1.4.1.1.2',"
    " '1.2.840.10008.1.2.1', n.n, 512, 512, 16, z.bytes, {digest}, 'dimse:' || s.station_name,"
    " 'MEDIVIEW', '10.1.2.3', s.first_instance_at,"
    " '20161101T000000-b8e4d54f-' || {volume} || '.mvv',"
    f" (z.start + (n.n - 1) * z.bytes) % {VOLUME_BYTES}"
)
_VOLUME = f"(z.start + (n.n - 1) * z.bytes) / {VOLUME_BYTES}"
_POSTGRESQL = (
    f"INSERT INTO instance ({_COLUMNS}) SELECT "
    + _VALUES.format(
        digest="md5(s.id || '/' || n.n) || md5(n.n || '-' || s.id)",
        volume=f"lpad(to_hex({_VOLUME}), 24, '0')",
    )
    + " FROM unnest(CAST(:sizes AS bigint[]), CAST(:bytes AS bigint[]), CAST(:starts AS bigint[]))"
    " WITH ORDINALITY AS z(size, bytes, start, place) JOIN series s ON s.id = :first + z.place - 1"
    " CROSS JOIN generate_series(1, z.size) AS n(n) ORDER BY s.id, n.n"
)
_SQLITE = (
    "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < :most),"
    " z AS (SELECT key AS place, value AS size, json_extract(:bytes, '$[' || key || ']') AS bytes,"
    " json_extract(:starts, '$[' || key || ']') AS start FROM json_each(:sizes))"
    f" INSERT INTO instance ({_COLUMNS}) SELECT "
    + _VALUES.format(digest="lower(hex(randomblob(32)))", volume=f"printf('%024x', {_VOLUME})")
    + " FROM z JOIN series s ON s.id = :first + z.place JOIN n ON n.n <= z.size"
)


class _Sized(NamedTuple):
    size: int
    bytes: int
    start: int
    """Bytes of all series before it."""


def write_instances(
    engine: Engine,
    studies: Sequence[PlannedStudy],
    note: Callable[[str], None],
    until_s: float = math.inf,
) -> int:
    """Go on where an earlier run stopped; how many instances there are.

    The newest come first, so that what there is until a time of `time.monotonic` is an archive that
    began later.
    """
    series = list(_sized(studies))
    portions = list(range(0, len(series), _SERIES_AT_ONCE))
    with engine.connect() as connection:
        last = select(t.instance.c.series_fk).order_by(t.instance.c.id.desc()).limit(1)
        newest = connection.execute(last).scalar()
    is_postgresql = engine.dialect.name == "postgresql"
    if newest is not None:
        portions = portions[: (newest - 1) // _SERIES_AT_ONCE]
    elif is_postgresql:
        _without_indexes(engine)
    left = sum(one.size for one in series[: portions[-1] + _SERIES_AT_ONCE]) if portions else 0
    total, said_s = sum(one.size for one in series), time.monotonic()
    while portions and time.monotonic() < until_s:
        first = portions.pop()
        part = series[first : first + _SERIES_AT_ONCE]
        with engine.begin() as connection:
            _insert(connection, first + 1, part, is_postgresql=is_postgresql)
        left -= sum(one.size for one in part)
        if time.monotonic() - said_s > _PROGRESS_S:
            said_s = time.monotonic()
            note(f"{total - left:,} of {total:,} instances")
    count_on(engine, t.instance)
    return total - left


def volume_names(studies: Sequence[PlannedStudy]) -> Iterator[str]:
    *_, last = _sized(studies)
    count = (last.start + last.size * last.bytes) // VOLUME_BYTES + 1
    return (_VOLUME_NAME.format(number) for number in range(count))


def write_volumes(engine: Engine, folder: Path, studies: Sequence[PlannedStudy]) -> int:
    """Files of the volumes' size that take no room on the disk, and their rows; how many."""
    folder.mkdir(parents=True, exist_ok=True)
    names = list(volume_names(studies))
    for name in names:
        (folder / name).touch(mode=0o600)
        os.truncate(folder / name, VOLUME_BYTES)
    with engine.begin() as connection:
        if connection.execute(select(t.volume.c.name).limit(1)).first() is None:
            common = {"size_bytes": VOLUME_BYTES, "reconciled_at": END}
            connection.execute(insert(t.volume), [{"name": name, **common} for name in names])
    return len(names)


def _sized(studies: Sequence[PlannedStudy]) -> Iterator[_Sized]:
    """Of each series, by its id: those that were received, and then those that were made."""
    start = 0
    sizes = [
        (series.size, MODALITIES[series.modality].bytes_per_instance)
        for study in studies
        for series in study.series
    ]
    made = [(1, _RESULT_BYTES) for study in studies if study.pipeline for _ in RESULT_KINDS]
    for size, size_bytes in sizes + made:
        yield _Sized(size, size_bytes, start)
        start += size * size_bytes


def _insert(
    connection: Connection, first: int, part: Sequence[_Sized], *, is_postgresql: bool
) -> None:
    columns: dict[str, Any] = {
        "sizes": [one.size for one in part],
        "bytes": [one.bytes for one in part],
        "starts": [one.start for one in part],
    }
    if is_postgresql:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("SET LOCAL work_mem = '128MB'"))
        connection.execute(text(_POSTGRESQL), {**columns, "first": first})
        return
    values = {name: json.dumps(value) for name, value in columns.items()}
    most = max(one.size for one in part)
    connection.execute(text(_SQLITE), {**values, "first": first, "most": most})


# Of all indexes of the table that a load does not append to, until they are made again.
_LEFT_OUT = "bench_left_out"


def _without_indexes(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                f"CREATE TABLE {_LEFT_OUT} AS"
                " SELECT 'ALTER TABLE instance ADD CONSTRAINT ' || conname || ' '"
                "   || pg_get_constraintdef(oid) AS made,"
                "  'ALTER TABLE instance DROP CONSTRAINT ' || conname AS dropped"
                " FROM pg_constraint WHERE conrelid = 'instance'::regclass AND contype = 'u'"
                " UNION ALL SELECT pg_get_indexdef(indexrelid),"
                "  'DROP INDEX ' || indexrelid::regclass"
                " FROM pg_index WHERE indrelid = 'instance'::regclass AND NOT indisunique"
            )
        )
        for (statement,) in connection.execute(text(f"SELECT dropped FROM {_LEFT_OUT}")).all():
            connection.execute(text(statement))


def make_indexes(engine: Engine, note: Callable[[str], None]) -> None:
    """Those that `write_instances` left out, one after the other; each is made once."""
    if engine.dialect.name != "postgresql":
        return
    with engine.begin() as connection:
        if connection.execute(text(f"SELECT to_regclass('{_LEFT_OUT}')")).scalar() is None:
            return
        left_out = connection.execute(text(f"SELECT made FROM {_LEFT_OUT}")).scalars().all()
    for statement in left_out:
        with engine.begin() as connection:
            connection.execute(text("SET LOCAL maintenance_work_mem = '1GB'"))
            connection.execute(text("SET LOCAL max_parallel_maintenance_workers = 0"))
            connection.execute(text(statement))
            connection.execute(
                text(f"DELETE FROM {_LEFT_OUT} WHERE made = :made"), {"made": statement}
            )
        note(statement.partition("(")[0].strip())
    with engine.begin() as connection:
        connection.execute(text(f"DROP TABLE {_LEFT_OUT}"))
