"""Take what can still be read out of a damaged SQLite file into a new one, table by table.

Rows are read from both ends of a table, so that a damaged page costs what lies on it alone. What
the volumes hold is not taken: it is indexed from them.
"""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from storage import tables as t
from storage.recovery.schema_page import give_schema, has_schema

FROM_VOLUMES = frozenset(
    {
        "patient",
        "study",
        "series",
        "instance",
        "conflict",
        "conflict_copy",
        "volume",
        "tombstone",
        "discarded_content",
        "uncopied_deletion",
        "unwritten_tombstone",
    }
)
_OF_THE_MOMENT = frozenset(
    {
        "damaged_instance",
        "scrub",
        "heartbeat",
        "component",
        "clock_step",
        "gpu_memory",
        "series_try",
    }
)

# A migration put rows into them that stand for nothing yet; rebuilding notes how studies arrived
# and knows nothing of what was changed since.
_BEGUN = frozenset({"access_group", "access_state", "received_patient"})


@dataclass(frozen=True)
class Salvaged:
    table: str
    rows: int
    is_whole: bool
    """Whether the table could be read from its beginning to its end."""


def salvage(damaged: Path, new: Path) -> list[Salvaged]:
    """Copy rows from `damaged`, of which a copy is opened, to `new`, which has the schema."""
    with _both(damaged, new) as (old, target):
        target.execute("PRAGMA foreign_keys=OFF")
        done = [
            _copy_table(old, target, table.name)
            for table in t.metadata.sorted_tables
            if table.name not in FROM_VOLUMES | _OF_THE_MOMENT
        ]
        _keep_enforced(target, done)
        _remove_orphans(target)
        target.commit()
    return done


def salvage_unwritten_tombstones(damaged: Path, new: Path) -> None:
    """As `salvage`, what has to stand in a volume before the index is rebuilt from there."""
    with _both(damaged, new) as (old, target):
        _copy_table(old, target, t.unwritten_tombstone.name)
        target.commit()


@contextmanager
def _both(damaged: Path, new: Path) -> Iterator[tuple[sqlite3.Connection, sqlite3.Connection]]:
    """A copy of the one, and the other."""
    with tempfile.TemporaryDirectory(dir=new.parent, prefix=".salvage-") as folder:
        copy = Path(folder) / "index.sqlite3"
        for suffix in ("", "-wal"):
            source = damaged.with_name(damaged.name + suffix)
            if source.exists():
                shutil.copyfile(source, copy.with_name(copy.name + suffix))
        if not has_schema(copy):
            give_schema(copy)
        with closing(sqlite3.connect(copy)) as old, closing(sqlite3.connect(new)) as target:
            yield old, target


def _copy_table(old: sqlite3.Connection, target: sqlite3.Connection, table: str) -> Salvaged:
    try:
        columns = [row[1] for row in old.execute(f"PRAGMA table_info({table})")]
    except sqlite3.DatabaseError:
        columns = []
    known = {row[1] for row in target.execute(f"PRAGMA table_info({table})")}
    shared = [name for name in columns if name in known]
    if not shared:
        return Salvaged(table, 0, is_whole=False)
    names = ", ".join(f'"{name}"' for name in shared)
    marks = ", ".join("?" * len(shared))
    otherwise = "REPLACE" if table in _BEGUN else "IGNORE"
    insert = f"INSERT OR {otherwise} INTO {table} ({names}) VALUES ({marks})"
    seen: set[int] = set()
    is_whole = False
    for direction in ("ASC", "DESC"):
        select = f"SELECT rowid, {names} FROM {table} ORDER BY rowid {direction}"
        try:
            for row_id, *values in _rows(old, select):
                if row_id in seen:
                    break  # both ends have met
                seen.add(row_id)
                with suppress(sqlite3.IntegrityError):
                    target.execute(insert, values)
            else:
                is_whole = direction == "ASC"
        except sqlite3.DatabaseError:
            continue
        break
    (count,) = target.execute(f"SELECT count(*) FROM {table}").fetchone()
    return Salvaged(table, count, is_whole)


def _rows(connection: sqlite3.Connection, select: str) -> Iterator[tuple[int, ...]]:
    # Text that is no UTF-8 any more would else end the table.
    connection.text_factory = lambda data: data.decode("utf-8", "replace")
    yield from connection.execute(select)


def _keep_enforced(target: sqlite3.Connection, done: list[Salvaged]) -> None:
    """Where it is lost whether access groups were enforced, they are: nobody sees too much."""
    if not all(one.is_whole for one in done if one.table == "access_state"):
        target.execute(
            "UPDATE access_state SET is_enforced = 1"
            " WHERE EXISTS (SELECT 1 FROM access_group WHERE group_id > 2)"
        )


def _remove_orphans(target: sqlite3.Connection) -> None:
    """Rows that refer to such as were lost."""
    for table, row_id, *_ in target.execute("PRAGMA foreign_key_check").fetchall():
        if table not in FROM_VOLUMES:
            target.execute(f"DELETE FROM {table} WHERE rowid = ?", (row_id,))
