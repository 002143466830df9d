"""The counter of deletions survives damage of its own file."""

from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from storage import tables as t
from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.db.engine import reading, writing
from storage.maintenance.reindexing.reindex import reindex
from storage.maintenance.verify import verify_storage
from storage.reconciliation.crash_recovery import CrashRecovery
from storage.recovery.diagnosis import diagnose
from storage.recovery.repair import repair
from storage.settings import Settings
from storage.volumes.deletion_counter import Generation, counter_damage
from storage.volumes.records import Note
from tests.storage.deletion.test_deleting import STUDY, close, uid
from tests.storage.instances import part10
from tests.storage.maintenance.reindexing.test_verify_reindex import emptied

pytestmark = pytest.mark.slow_on_postgresql


def test_a_file_of_an_earlier_version_is_read_and_written_anew(tmp_path: Path) -> None:
    (tmp_path / "deletions").write_bytes((7).to_bytes(8, "little"))
    assert counter_damage(tmp_path) == ""
    assert Generation(tmp_path).current() == 7
    assert Generation(tmp_path).advance() == 8
    assert len((tmp_path / "deletions").read_bytes()) == 32


def test_any_flipped_bit_is_put_right_by_who_reads_next(tmp_path: Path) -> None:
    path = tmp_path / "deletions"
    running = Generation(tmp_path)
    assert [running.advance() for _ in range(5)] == [1, 2, 3, 4, 5]
    whole = path.read_bytes()
    for bit in range(len(whole) * 8):
        flipped = (int.from_bytes(whole, "little") ^ (1 << bit)).to_bytes(len(whole), "little")
        path.write_bytes(flipped)
        assert counter_damage(tmp_path)
        assert Generation(tmp_path).current() == 5
        assert path.read_bytes() == whole
        path.write_bytes(flipped)
        assert running.current() == 5
        assert running.advance() == 6
        path.write_bytes(whole)


@pytest.mark.parametrize("bit", [0, 63])
def test_a_flipped_bit_of_an_earlier_version_stops_nothing(storage: Storage, bit: int) -> None:
    storage.ingest.accept(part10(), "stow")
    storage.deletions.study(STUDY)
    close(storage)
    path = storage.volumes.folder / "deletions"
    path.write_bytes((1 ^ (1 << bit)).to_bytes(8, "little"))
    CrashRecovery(storage.engine, storage.volumes.folder).run()
    assert 1 <= Generation(storage.volumes.folder).current() < 1 << 41
    again(storage)


def again(storage: Storage) -> None:
    """What was deleted comes again, and stays; what is deleted goes."""
    assert storage.ingest.accept(part10(), "stow").outcome == "stored"
    storage.ingest.accept(part10(study="other"), "stow")
    storage.deletions.instance(uid("instance", study="other"))
    close(storage)


@pytest.mark.parametrize(
    "content",
    [None, bytes(8), b"\xff" * 8, bytes(32)],
    ids=["lost", "zeros of an earlier version", "ones of an earlier version", "zeros"],
)
def test_a_counter_that_is_lost_counts_on_above_all_that_is_known(
    storage: Storage, content: bytes | None, request: pytest.FixtureRequest
) -> None:
    storage.ingest.accept(part10(), "stow")
    storage.deletions.study(STUDY)
    close(storage)
    path = storage.volumes.folder / "deletions"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    problems = list(verify_storage(storage.engine, storage.index, storage.objects, storage.volumes))
    # Zeros are what an earlier version begins with.
    assert [one.kind for one in problems] == ["counter_damaged"] * (content != bytes(8))
    CrashRecovery(storage.engine, storage.volumes.folder).run()
    assert Generation(storage.volumes.folder).current() > 0
    again(storage)
    settings = emptied(storage.settings, request)
    reindex(settings, "volumes")
    with open_storage(settings) as rebuilt:
        found = rebuilt.index.stored_instances_of(STUDY)
        assert [one.sop_instance_uid for one in found] == [uid("instance")]
        assert rebuilt.index.stored_instances_of(uid("instance", study="other")) == []


@pytest.mark.parametrize(
    "content", [b"", b"\xff" * 8, bytes(32), b"\xff" * 32, b"\x05" * 11, b"\x05" * 40, b"\0" * 33]
)
def test_whatever_stands_in_the_file_it_counts_on(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "1.mvv").touch()
    (tmp_path / "deletions").write_bytes(content)
    assert counter_damage(tmp_path)
    assert 0 < Generation(tmp_path).current() < Generation(tmp_path).advance()
    assert counter_damage(tmp_path) == ""


def test_repair_names_it_and_writes_it_again(storage_settings: Settings) -> None:
    with open_storage(storage_settings) as storage:
        storage.ingest.accept(part10(), "stow")
        path = storage.volumes.folder / "deletions"
        close(storage)
    path.write_bytes(b"\xff" * 32)
    diagnosis = diagnose(storage_settings)
    assert "counter of deletions" in " ".join(one.what for one in diagnosis.findings)
    repair(storage_settings, diagnosis, None)
    assert diagnose(storage_settings).findings == ()


def test_a_counter_behind_the_index_is_raised_at_the_start(storage: Storage) -> None:
    storage.volumes.generation.current()
    with writing(storage.engine) as connection:
        values = {"sop_instance_uid": "1.2", "study_instance_uid": "1", "generation": 900}
        connection.execute(insert(t.tombstone).values(deleted_at=utcnow(), **values))
        connection.execute(update(t.tombstone).values(object_key=""))
    CrashRecovery(storage.engine, storage.volumes.folder).run()
    assert storage.volumes.generation.current() >= 900


@pytest.mark.parametrize(
    ("noted", "believed"),
    [(5, 5), (5 | 1 << 63, 5), (5 | 1 << 40, 5), ((1 << 64) - 1, 0), (1 << 62 | 1 << 50, 0)],
)
def test_what_a_damaged_counter_left_in_records_is_not_believed(noted: int, believed: int) -> None:
    note = Note("stow", "received", utcnow(), noted)
    assert Note.decode(note.encode()).generation == believed


def test_deletions_with_numbers_that_nobody_believes_cover_nothing_for_ever(
    storage: Storage,
) -> None:
    """As earlier versions wrote them with a damaged counter; one of them was indexed twice."""
    storage.ingest.accept(part10(), "stow")
    storage.deletions.study(STUDY)
    folder = storage.volumes.folder
    with writing(storage.engine) as connection:
        (row,) = connection.execute(select(t.tombstone)).mappings()
        number = row["generation"]
        twin = {**row, "id": row["id"] + 1, "generation": (1 << 50) + number, "object_key": "x"}
        connection.execute(update(t.tombstone).values(object_key=""))
        connection.execute(insert(t.tombstone).values(**twin))
        content = {"sop_instance_uid": uid("instance"), "digest": "0", "discarded_at": utcnow()}
        wrong = (1 << 62) + number
        connection.execute(insert(t.discarded_content).values(**content, generation=wrong))
    CrashRecovery(storage.engine, folder).run()
    with reading(storage.engine) as connection:
        rows = connection.execute(select(t.tombstone.c.generation, t.tombstone.c.object_key)).all()
        assert [tuple(row) for row in rows] == [(number, "x")]
        assert connection.execute(select(t.discarded_content.c.generation)).scalars().all() == [
            number
        ]
    assert counter_damage(folder) == ""
    storage.ingest.accept(part10(), "stow")
    close(storage)
    assert [
        one
        for one in verify_storage(storage.engine, storage.index, storage.objects, storage.volumes)
        if one.kind == "record_covered"
    ] == []


def test_a_number_that_nobody_believes_does_not_damage_the_counter(tmp_path: Path) -> None:
    counter = Generation(tmp_path)
    counter.ensure((1 << 50) + 7)
    assert 7 <= counter.current() < 1 << 40
    counter.ensure((1 << 40) - 5)
    assert counter_damage(tmp_path) == ""
    assert Generation(tmp_path).current() == (1 << 40) - 1
