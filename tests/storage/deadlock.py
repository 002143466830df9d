"""A session that gets in the way of another on PostgreSQL."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection, Engine, select, text

from storage import tables as t
from storage.db.engine import reading, writing
from tests.patience import PATIENCE_S

T = TypeVar("T")


def deadlocked(engine: Engine, work: Callable[[], T]) -> T:
    """Let work wait for a study of which it holds a series, and ask for the series then."""
    with ThreadPoolExecutor(1) as pool:
        with writing(engine) as connection:
            # Who first waits this long finds the deadlock and is broken off: not this session.
            connection.execute(text("SET LOCAL deadlock_timeout = '60s'"))
            connection.execute(select(t.study.c.id).with_for_update())
            done = pool.submit(work)
            wait_for_waiting(connection, 1)
            connection.execute(select(t.series.c.id).with_for_update())
        return done.result(PATIENCE_S)


def deadlocks(engine: Engine) -> int:
    """How many this database had, all other sessions having ended."""
    # A session tells its numbers when it ends.
    engine.dispose()
    with reading(engine) as connection:
        query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        return int(connection.execute(text(query)).scalar_one())


def wait_for_waiting(connection: Connection, sessions: int) -> None:
    """Until so many sessions wait for a lock."""
    waiting = text("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")
    deadline = time.monotonic() + PATIENCE_S
    while connection.execute(waiting).scalar_one() < sessions:
        assert time.monotonic() < deadline, "too few sessions wait"
        time.sleep(0.01)
