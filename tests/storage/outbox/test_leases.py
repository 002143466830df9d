"""Leases: one owner at a time, for as long as it renews, in every table that has them."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, Table, insert, select

from storage.container import Storage
from storage.core.errors import StorageUnavailable
from storage.db.engine import make_engine, reading, writing
from storage.outbox.leases import Lease, LeasedTable, LeaseLost
from storage.outbox.tables import ALL
from storage.settings import Settings
from storage.tables.base import UtcDateTime

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


def values_of(table: Table) -> dict[str, Any]:
    """Something in every column that must have a value."""
    row: dict[str, Any] = {}
    for column in table.columns:
        if column.nullable or column.server_default is not None or column.autoincrement is True:
            continue
        is_time = isinstance(column.type, UtcDateTime)
        kind = datetime if is_time else column.type.python_type
        row[column.name] = {int: 0, float: 0.0, str: "1", datetime: NOW, bool: True}.get(kind, {})
    return row


def some_row(leased: LeasedTable) -> dict[str, Any]:
    """A row that waits."""
    row = values_of(leased.table)
    row |= {"state": leased.waiting} if leased.waiting else {}
    row[leased.until] = NOW
    return row


@pytest.fixture
def engine(storage: Storage, storage_settings: Settings) -> Iterator[Engine]:
    """Of a migrated database, on each kind of it."""
    engine = make_engine(storage_settings.resolved_database_url)
    yield engine
    engine.dispose()


@pytest.fixture(params=ALL, ids=lambda one: one.table.name)
def leased(request: pytest.FixtureRequest, engine: Engine) -> LeasedTable:
    found: LeasedTable = request.param
    with writing(engine) as connection:
        for key in found.table.foreign_keys:
            connection.execute(insert(key.column.table).values(**values_of(key.column.table)))
        connection.execute(insert(found.table).values(**some_row(found)))
    return found


def claim(engine: Engine, leased: LeasedTable, owner: str, now: datetime) -> bool:
    with writing(engine) as connection:
        result = connection.execute(
            leased.table.update().where(leased.is_due(now)).values(**leased.taken(owner, 30, now))
        )
        return bool(result.rowcount)


def renew(engine: Engine, leased: LeasedTable, owner: str, now: datetime) -> bool:
    with writing(engine) as connection:
        return leased.renew(connection, owner, 30, now)


def test_one_owner_at_a_time_until_its_lease_ends(engine: Engine, leased: LeasedTable) -> None:
    assert claim(engine, leased, "one", NOW)
    assert not claim(engine, leased, "two", NOW + timedelta(seconds=29))
    assert renew(engine, leased, "one", NOW + timedelta(seconds=29))
    assert not renew(engine, leased, "two", NOW + timedelta(seconds=29))
    assert not claim(engine, leased, "two", NOW + timedelta(seconds=58))
    # Nobody renewed any more: the next one takes it, and the first has lost it.
    assert claim(engine, leased, "two", NOW + timedelta(seconds=59))
    assert not renew(engine, leased, "one", NOW + timedelta(seconds=60))


def test_a_released_row_is_due_at_its_time(engine: Engine, leased: LeasedTable) -> None:
    assert claim(engine, leased, "one", NOW)
    later = NOW + timedelta(seconds=300)
    values = dict(leased.released(later)) | ({"state": leased.waiting} if leased.waiting else {})
    with writing(engine) as connection:
        connection.execute(leased.table.update().where(leased.is_owned("one")).values(**values))
    assert not claim(engine, leased, "two", later - timedelta(seconds=1))
    assert claim(engine, leased, "two", later)
    with reading(engine) as connection:
        assert connection.execute(select(leased.table.c.lease_owner)).scalar_one() == "two"


def test_a_lease_that_is_lost_says_so() -> None:
    lost = threading.Event()

    def renew_once() -> bool:
        lost.set()
        return False

    with Lease(renew_once, "test", lease_s=0.05) as lease:
        assert lost.wait(30)
        for _ in range(3000):
            try:
                lease.check()
            except LeaseLost:
                return
            threading.Event().wait(0.01)
        pytest.fail("a renewal that found the row gone was not noticed")


@pytest.mark.parametrize(
    "error",
    [StorageUnavailable("The database does not answer.", remedy="Wait."), OverflowError("odd")],
    ids=["the database is away", "nobody thought of it"],
)
def test_a_renewal_that_fails_for_a_moment_costs_no_lease(error: Exception) -> None:
    renewals: list[int] = []
    again = threading.Event()

    def renew_with_a_gap() -> bool:
        renewals.append(len(renewals))
        if len(renewals) == 1:
            raise error
        again.set()
        return True

    with Lease(renew_with_a_gap, "test", lease_s=0.05) as lease:
        assert again.wait(30)
        lease.check()
