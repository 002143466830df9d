"""What waits for the disk, and what may come back from the volumes instead."""

from sqlalchemy import text

from storage.container import Storage
from storage.db.engine import reading, writing
from storage.index.write_connection import WriteConnection


def test_every_transaction_waits_for_the_disk_but_those_of_instance_rows(storage: Storage) -> None:
    is_sqlite = storage.engine.dialect.name == "sqlite"
    question = "PRAGMA synchronous" if is_sqlite else "SHOW synchronous_commit"
    # https://sqlite.org/pragma.html#pragma_synchronous: 2 is FULL, 1 is NORMAL.
    waits, does_not = (2, 1) if is_sqlite else ("on", "off")
    for begin in (reading, writing):
        with begin(storage.engine) as connection:
            assert connection.execute(text(question)).scalar() == waits
    lane = WriteConnection(storage.engine)
    with lane.writing() as execute:
        assert execute(question, ()).fetchone()[0] == does_not
    lane.close()
    with writing(storage.engine) as connection:
        assert connection.execute(text(question)).scalar() == waits, "it leaves nothing behind"
