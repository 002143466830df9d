"""One way to reach SQLite and PostgreSQL, and the errors of both translated."""

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any, Protocol
from weakref import ref

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    ExceptionContext,
    Text,
    any_,
    create_engine,
    event,
    literal,
    make_url,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.schema import Table

from storage.core.callers.visibility import current_visibility
from storage.db.driver_errors import (
    BUSY_TIMEOUT_S,
    damaged_index,
    is_damaged,
    raise_translated,
)
from storage.db.joined_writes import waiting_write
from storage.db.json_text import from_json, to_json
from storage.db.sqlite_files.failing_disk import look_after_disk, note_opened
from storage.db.sqlite_files.log_recovery import look_after_log
from storage.db.visibility_engine import engine_of_viewers

_POSTGRESQL_OPTIONS = (
    # Whatever the server's own default is; see `make_engine`.
    "-c synchronous_commit=on"
    # Index rows are small and in memory: without this a few dozen look-ups seem dearer to
    # the planner than reading all patients.
    " -c random_page_cost=1.1"
    # Compiling a statement takes longer than any of ours runs.
    " -c jit=off"
    # A host whose network is cut in a transaction holds its locks, for which all others wait, until
    # the server notices: by itself after two hours.
    " -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=3 -c tcp_keepalives_count=3"
    " -c tcp_user_timeout=15000"
)
_POSTGRESQL_CONNECTION: dict[str, str | int] = {
    "connect_timeout": 5,
    "options": _POSTGRESQL_OPTIONS,
    # The same of this end, where an answer or a request is lost. Nothing over a Unix socket.
    "keepalives_idle": 5,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}


def make_engine(database_url: str) -> Engine:
    """An engine that takes part in several processes and threads at once.

    What is committed is on disk: SQLite runs in WAL mode with synchronous=FULL,
    PostgreSQL with synchronous_commit=on. Instance rows alone are excepted, on a
    connection of their own (`storage.index.driver.write_connection`): their records are durable in
    the volumes, and `storage.reconciliation.crash_recovery` restores rows that a crash took.
    `docs/durability.md` has the whole list.
    """
    if database_url.startswith("sqlite"):
        file = make_url(database_url).database
        if file and file != ":memory:":
            look_after_log(Path(file))
        engine = create_engine(
            database_url,
            json_serializer=to_json,
            json_deserializer=from_json,
            connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False},
            pool_size=16,
            max_overflow=64,
        )
        event.listen(engine, "connect", _prepare_sqlite)
        # pysqlite would begin lazily and deferred, so that two writers meet in
        # SQLITE_BUSY on upgrade; `writing` begins IMMEDIATE instead.
        event.listen(engine, "begin", _begin_sqlite)
        look_after_disk(engine)
        return engine
    engine = create_engine(
        database_url,
        json_serializer=to_json,
        json_deserializer=from_json,
        pool_size=8,
        max_overflow=32,
        pool_pre_ping=True,
        connect_args=_POSTGRESQL_CONNECTION,
    )
    _close_what_comes_late(engine)
    event.listen(engine, "handle_error", _give_up_what_does_not_answer)
    return engine


def _close_what_comes_late(engine: Engine) -> None:
    """Close what a thread gives back to an engine that was disposed of meanwhile.

    The pool of before would keep it for nobody, and the server's session would last until the
    garbage collector comes by.
    """
    ended = Event()
    event.listen(engine, "engine_disposed", lambda _engine: ended.set())

    def given_back(_connection: object, record: ConnectionPoolEntry) -> None:
        if ended.is_set():
            record.invalidate()

    event.listen(engine, "checkin", given_back)


def _give_up_what_does_not_answer(context: ExceptionContext) -> None:
    """A connection that fails when it is tried before its use is lost, and another one is made.

    Where the answer never came psycopg takes it for busy still, and SQLAlchemy, which puts it in
    order after the try, raises a ProgrammingError that says nothing of a lost connection.
    """
    if context.is_pre_ping:
        context.is_disconnect = True


def _prepare_sqlite(connection: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
    note_opened(record)
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "temp_store=MEMORY",
        "mmap_size=268435456",
        "case_sensitive_like=ON",
    ):
        connection.execute(f"PRAGMA {pragma}").close()
    # SQLite's own lower() knows ASCII alone; names have umlauts and Cyrillic.
    connection.create_function("lower", 1, _lower, deterministic=True)


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()


def _begin_sqlite(connection: Connection) -> None:
    if connection.get_execution_options().get("writes", False):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        return
    # A reader waits for nobody here, so nothing has to be translated; this way is the shorter.
    driver = connection.connection.dbapi_connection
    if not isinstance(driver, sqlite3.Connection):
        raise TypeError("SQLite is spoken to by another driver than the standard library's")
    driver.execute("BEGIN").close()


class Closable(Protocol):
    def close(self) -> None: ...


def close_with(engine: Engine, keeper: Closable) -> None:
    """Call `close` of who keeps a connection of its own when the engine's are closed."""
    reference = ref(keeper)

    def close(_engine: Engine) -> None:
        kept = reference()
        if kept is not None:
            kept.close()

    event.listen(engine, "engine_disposed", close)


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that is on disk when it ends, with all that was committed before.

    It takes along what waits for it (`storage.db.joined_writes`).
    Raises StorageUnavailable or StorageFull.
    """
    joined = None
    is_written = False
    with (
        translated(engine),
        _for_viewer(engine).connect().execution_options(writes=True) as connection,
        connection.begin(),
    ):
        yield connection
        joined = waiting_write()
        is_written = joined is not None and joined.write(connection)
    if joined is not None and is_written:
        joined.is_committed = True


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads. Raises StorageUnavailable."""
    with translated(engine), _for_viewer(engine).connect() as connection, connection.begin():
        yield connection


@contextmanager
def reading_one_state(engine: Engine) -> Iterator[Connection]:
    """A transaction that sees the database as it is now, however much is written meanwhile.

    For work that compares what it reads with what it read before; on PostgreSQL what is removed
    stays on disk until it ends. Raises StorageUnavailable.
    """
    options = {} if engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
    with (
        translated(engine),
        _for_viewer(engine).connect().execution_options(**options) as connection,
        connection.begin(),
    ):
        # The first statement is what takes the snapshot, on both engines.
        table = " FROM sqlite_master LIMIT 1" if engine.dialect.name == "sqlite" else ""
        connection.exec_driver_sql(f"SELECT 1{table}").first()
        yield connection


def _for_viewer(engine: Engine) -> Engine:
    """The engine itself, or one that shows nothing but what the groups of the caller may see."""
    if current_visibility() is None:
        return engine
    # `render_as_string` for the password, which `str` leaves out.
    url = engine.url.render_as_string(hide_password=False)
    return engine_of_viewers(engine, lambda: make_engine(url))


@contextmanager
def translated(engine: Engine | None = None) -> Iterator[None]:
    """Turn what the database driver raises when it is down, full or damaged into our causes."""
    try:
        yield
    except (DBAPIError, sqlite3.DatabaseError) as error:
        if not is_damaged(error):
            raise_translated(error)
        raise damaged_index(engine) from error


def among(
    connection: Connection, column: ColumnElement[int], ids: Collection[int]
) -> ColumnElement[bool]:
    """Whether a row is one of these: one array for PostgreSQL, whose statement then stays the
    same however many there are, and is prepared once."""
    if connection.dialect.name == "postgresql":
        return column == any_(literal(list(ids), ARRAY(BigInteger)))
    return column.in_(ids)


def among_texts(
    connection: Connection, column: ColumnElement[str], texts: Collection[str]
) -> ColumnElement[bool]:
    """The same for texts."""
    if connection.dialect.name == "postgresql":
        return column == any_(literal(list(texts), ARRAY(Text)))
    return column.in_(texts)


def insert_into(bind: Connection | Engine, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that may say what a clash does, as both databases have it."""
    return (postgresql.insert if bind.dialect.name == "postgresql" else sqlite.insert)(table)


def insert_or_ignore(connection: Connection, table: Table, values: dict[str, Any]) -> bool:
    """INSERT … ON CONFLICT DO NOTHING; whether a row was written."""
    insert = insert_into(connection, table)
    # Not rowcount: psycopg leaves it unknown here.
    written = insert.values(**values).on_conflict_do_nothing().returning(literal(1))
    return connection.execute(written).first() is not None


def insert_or_update(
    connection: Connection, table: Table, rows: Sequence[dict[str, Any]], key: Collection[str]
) -> None:
    """INSERT … ON CONFLICT (key) DO UPDATE, all rows with the same columns.

    Also behind a DELETE in the same transaction: on PostgreSQL another process that did the same
    meanwhile may have written the row again before this one inserts it.
    """
    if rows:
        insert = insert_into(connection, table)
        values = {name: insert.excluded[name] for name in rows[0] if name not in key}
        connection.execute(
            insert.on_conflict_do_update(index_elements=list(key), set_=values), list(rows)
        )
