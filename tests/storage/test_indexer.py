"""Rows of one batch, and other processes beside it."""

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from sqlalchemy import Engine, delete

from storage import tables as t
from storage.cataloguing import NewInstance
from storage.database import writing
from storage.entities import Location
from storage.indexer import Indexer
from storage.part10 import read_header
from tests.storage.deadlock import deadlocked, deadlocks
from tests.storage.instances import part10

_OFFSETS = count(0, 4096)
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def new(
    study: str, series: str, instance: str, after_s: float = 0, **attributes: object
) -> NewInstance:
    """A record that became durable so long after the first."""
    return NewInstance(
        read_header(part10(study, series, instance, **attributes)),
        Location("volume", next(_OFFSETS), 1000),
        (instance + str(attributes)).encode().hex().ljust(64, "0")[:64],
        "dimse:A",
        "received",
        _BEGAN + timedelta(seconds=after_s),
    )


@pytest.mark.parametrize("case", ["known series", "unknown series", "deleted series"])
def test_after_a_deadlock_it_tries_again(postgres_engine: Engine, case: str) -> None:
    receiving, another = Indexer(postgres_engine), Indexer(postgres_engine)
    assert another.write([new("a", "1", "0")]) == ["stored"]
    if case != "unknown series":
        assert receiving.write([new("a", "1", "1")]) == ["stored"]
    if case == "deleted series":
        with writing(postgres_engine) as connection:
            connection.execute(delete(t.instance))
            connection.execute(delete(t.series))
        assert another.write([new("a", "1", "2")]) == ["stored"]
    late = new("a", "1", "late")
    assert deadlocked(postgres_engine, lambda: receiving.write([late])) == ["stored"]
    receiving.close()
    another.close()
    assert deadlocks(postgres_engine) == 1
