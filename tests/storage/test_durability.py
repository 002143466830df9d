"""What waits for the disk, and what may come back from the volumes instead."""

import pytest
from sqlalchemy import event, select, text

from api.server.checks.index import database_check
from api.server.health import HealthChecks
from storage import tables as t
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.entities import Location
from storage.db.engine import _POSTGRESQL_CONNECTION, reading, writing
from storage.dicom.part10 import read_header
from storage.index.driver.insert_statements import Placed, statements_for
from storage.index.driver.write_connection import WriteConnection
from storage.index.insert_instance import NewInstance
from tests.storage.instances import part10

on_postgresql = pytest.mark.parametrize("storage_settings", ["postgresql+s3"], indirect=True)


def placed(storage: Storage) -> Placed:
    """A new instance of a known series."""
    storage.ingest.accept(part10(instance="0"), "stow")
    header = read_header(part10(instance="1"))
    new = NewInstance(header, Location("v", 0, 1, ""), "0" * 64, "stow", "received", utcnow())
    with reading(storage.engine) as connection:
        series = connection.execute(select(t.series.c.id, t.series.c.study_fk)).one()
    return Placed(new, series.id, series.study_fk)


def test_every_transaction_waits_for_the_disk_but_those_of_instance_rows(storage: Storage) -> None:
    is_sqlite = storage.engine.dialect.name == "sqlite"
    question = "PRAGMA synchronous" if is_sqlite else "SHOW synchronous_commit"
    # https://sqlite.org/pragma.html#pragma_synchronous: 2 is FULL, 1 is NORMAL.
    waits, does_not = (2, 1) if is_sqlite else ("on", "off")
    for begin in (reading, writing):
        with begin(storage.engine) as connection:
            assert connection.execute(text(question)).scalar() == waits
    lane = WriteConnection(storage.engine)
    one = placed(storage)
    with lane.writing() as execute:
        if not is_sqlite:
            execute("BEGIN", ())
        assert statements_for(storage.engine).write(execute, [one]) == [True]
        assert execute(question, ()).fetchone()[0] == does_not
        if not is_sqlite:
            execute("COMMIT", ())
            assert execute(question, ()).fetchone()[0] == waits, "a pooler gives the session on"
    lane.close()
    with writing(storage.engine) as connection:
        assert connection.execute(text(question)).scalar() == waits, "it leaves nothing behind"


@on_postgresql
def test_a_pooler_that_takes_durability_away_is_named(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It passes on no options, and gives sessions on that others have set."""
    health = HealthChecks(storage)
    assert health.database_and_history().ok
    # The tests' own server does without.
    assert "PostgreSQL has fsync = off: what was" in database_check(storage.settings).detail
    monkeypatch.setitem(_POSTGRESQL_CONNECTION, "options", "-c synchronous_commit=off")
    check = database_check(storage.settings)
    assert check.state == "fail"
    assert "PostgreSQL has synchronous_commit = off and fsync = off" in check.detail
    assert "pooler" in check.detail

    storage.engine.dispose()
    event.listen(
        storage.engine,
        "connect",
        lambda driver, _: driver.execute("SET synchronous_commit = off") and driver.commit(),
    )
    part = health.database_and_history()
    assert not part.ok
    assert "synchronous_commit = off" in part.detail
    assert health.takes_in(), "it goes on receiving"
