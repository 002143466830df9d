"""Rows of one batch: several series and studies at once, and other processes beside it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from threading import Barrier

import pytest
from sqlalchemy import Connection, Engine, delete, select, text

from storage import tables as t
from storage.container import Storage
from storage.core.entities import Location, Series
from storage.core.uids import derive_uid
from storage.db.engine import writing
from storage.dicom.part10 import read_header
from storage.index.indexer import Indexer
from storage.index.insert_instance import NewInstance, insert_instances
from tests.patience import PATIENCE_S
from tests.storage.deadlock import deadlocked, deadlocks, wait_for_waiting
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


def series_of(storage: Storage, study: str) -> dict[str, Series]:
    found = storage.index.series_of(derive_uid("test", study))
    return {one.series_instance_uid: one for one in found}


def one_series(storage: Storage, study: str, series: str) -> Series:
    return series_of(storage, study)[derive_uid("test", study, series)]


@pytest.fixture
def indexer(storage: Storage) -> Iterator[Indexer]:
    """One receiving process; it knows series 1 and 2 of study a, and one of b and of c."""
    indexer = Indexer(storage.engine)
    known = [new("b", "1", "0"), new("c", "1", "0"), new("a", "1", "0"), new("a", "2", "0")]
    assert indexer.write(known) == ["stored"] * 4
    for study in ("a", "b", "c"):
        for series in series_of(storage, study).values():
            assert storage.index.mark_complete(series, _BEGAN)
    yield indexer
    indexer.close()


def test_a_batch_opens_all_its_series_again_and_leaves_the_others(
    storage: Storage, indexer: Indexer
) -> None:
    batch = [
        new("b", "1", "1", 7),
        new("a", "2", "1", 9),
        new("a", "1", "1", 8),
        new("a", "1", "2", 6),
    ]
    assert indexer.write(batch) == ["stored"] * 4
    latest = _BEGAN + timedelta(seconds=9)
    for study, series, instances in (("a", "1", 3), ("a", "2", 2), ("b", "1", 2)):
        opened = one_series(storage, study, series)
        assert (opened.state, opened.instance_count) == ("RECEIVING", instances)
        assert opened.last_instance_at == latest
    other = one_series(storage, "c", "1")
    assert (other.state, other.last_instance_at) == ("COMPLETE", _BEGAN)
    updated = {one.study_instance_uid: one.updated_at for one in storage.index.studies(10, 0)[0]}
    assert updated == {
        derive_uid("test", "a"): latest,
        derive_uid("test", "b"): latest,
        derive_uid("test", "c"): _BEGAN,
    }


def test_what_was_there_already_opens_no_series(storage: Storage, indexer: Indexer) -> None:
    batch = [
        new("a", "1", "0", 5),
        new("a", "2", "0", 5, PatientComments="other bytes"),
        new("b", "1", "1", 5),
        new("c", "1", "1", 5),
        new("c", "1", "1", 5),
    ]
    assert indexer.write(batch) == ["duplicate", "conflict", "stored", "stored", "duplicate"]
    assert {one.state for one in series_of(storage, "a").values()} == {"COMPLETE"}
    assert one_series(storage, "b", "1").state == "RECEIVING"
    assert one_series(storage, "c", "1").instance_count == 2


def test_a_record_whose_row_is_written_twice_is_stored(indexer: Indexer) -> None:
    """As when the connection breaks between a commit and its answer."""
    batch = [new("a", "1", "1"), new("b", "1", "1")]
    assert indexer.write(batch) == ["stored"] * 2
    assert indexer.write([*batch, new("c", "1", "1")]) == ["stored"] * 3


def test_one_of_several_series_was_deleted_meanwhile(storage: Storage, indexer: Indexer) -> None:
    storage.deletions.series(derive_uid("test", "a"), derive_uid("test", "a", "2"))
    batch = [new("a", "1", "1"), new("a", "2", "1"), new("b", "1", "1")]
    assert indexer.write(batch) == ["stored"] * 3
    assert one_series(storage, "a", "1").instance_count == 2
    assert one_series(storage, "a", "2").instance_count == 1, "it begins again"
    assert one_series(storage, "b", "1").instance_count == 2


def test_a_series_that_got_the_id_of_a_deleted_one_gets_none_of_its_instances(
    storage: Storage, indexer: Indexer
) -> None:
    storage.deletions.series(derive_uid("test", "a"), derive_uid("test", "a", "2"))
    add_in_another_process(storage, new("a", "3", "0"))
    # Of the deleted one this process knows nothing.
    assert indexer.write([new("a", "1", "1"), new("a", "2", "1")]) == ["stored"] * 2
    for series, instances in (("1", 2), ("2", 1), ("3", 1)):
        assert one_series(storage, "a", series).instance_count == instances


def test_a_study_that_got_the_ids_of_a_deleted_one_gets_none_of_its_instances(
    storage: Storage, indexer: Indexer
) -> None:
    storage.deletions.study(derive_uid("test", "a"))
    add_in_another_process(storage, new("d", "1", "0"))
    assert indexer.write([new("b", "1", "1"), new("a", "1", "1")]) == ["stored"] * 2
    for study, instances in (("b", 2), ("a", 1), ("d", 1)):
        assert one_series(storage, study, "1").instance_count == instances


def add_in_another_process(storage: Storage, instance: NewInstance) -> None:
    with writing(storage.engine) as connection:
        give_ids_again(connection)
    insert_instances(storage.engine, [instance])


def give_ids_again(connection: Connection) -> None:
    """As SQLite does by itself, and a PostgreSQL that lost its last transactions in a crash."""
    if connection.dialect.name != "postgresql":
        return
    for table in ("study", "series"):
        highest = f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"
        connection.execute(text(highest))


@pytest.mark.parametrize("instances", ["the same", "of their own"])
def test_two_processes_that_get_four_series_in_opposite_order_refuse_nothing(
    storage: Storage, indexer: Indexer, instances: str
) -> None:
    another = Indexer(storage.engine)
    places = [("a", "1"), ("a", "2"), ("b", "1"), ("c", "1")]
    assert another.write([new(*place, "1") for place in places]) == ["stored"] * 4
    at_once = Barrier(2)

    def send(process: Indexer, order: list[tuple[str, str]], prefix: str) -> list[object]:
        names = [[f"{prefix}-{batch}-{n}" for n in range(5)] for batch in range(20)]
        batches = [[new(*place, name) for place in order for name in five] for five in names]
        outcomes: list[object] = []
        for batch in batches:
            at_once.wait(PATIENCE_S)
            outcomes += process.write(batch)
        return outcomes

    shared = instances == "the same"
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(send, indexer, places, "x")
        second = pool.submit(send, another, places[::-1], "x" if shared else "y")
        outcomes = [*first.result(PATIENCE_S), *second.result(PATIENCE_S)]
    another.close()
    assert outcomes.count("stored") == (400 if shared else 800)
    assert outcomes.count("duplicate") == (400 if shared else 0)
    for place in places:
        assert one_series(storage, *place).instance_count == (102 if shared else 202)
    if storage.engine.dialect.name == "postgresql":
        assert deadlocks(storage.engine) == 0


def test_two_processes_that_queue_for_a_series_hold_nothing_that_the_other_wants(
    postgres_engine: Engine,
) -> None:
    places = [("a", str(number)) for number in range(12)]
    processes = [Indexer(postgres_engine), Indexer(postgres_engine)]
    for n, process in enumerate(processes):
        assert process.write([new(*place, f"known-{n}") for place in places]) == ["stored"] * 12
    for n in range(4):
        batches = [[new(*place, f"{n}-{k}") for place in places] for k in range(2)]
        batches[1].reverse()
        with ThreadPoolExecutor(2) as pool:
            with writing(postgres_engine) as connection:
                first = select(t.series.c.id).order_by(t.series.c.id).limit(1)
                connection.execute(first.with_for_update())
                written = [
                    pool.submit(process.write, batch)
                    for process, batch in zip(processes, batches, strict=True)
                ]
                wait_for_waiting(connection, 2)
            assert [one.result(PATIENCE_S) for one in written] == [["stored"] * 12] * 2
    for process in processes:
        process.close()
    assert deadlocks(postgres_engine) == 0


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
    # On a busy machine the second attempt may meet another.
    assert deadlocks(postgres_engine) >= 1
