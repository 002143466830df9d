"""An index that is garbled, cut, lost or out of step: one sentence, one command, nothing lost."""

import contextlib
import json
import os
import sqlite3
import struct
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from storage.container import Storage, open_storage
from storage.core.errors import IndexDamaged, InvalidRequest, StorageUnavailable
from storage.db.write_ahead_log import commits_lost
from storage.maintenance import upgrade as upgrading
from storage.maintenance.verify import verify_storage
from storage.recovery.diagnosis import diagnose
from storage.recovery.repair import repair
from storage.recovery.salvage import salvage
from storage.settings import Settings, load_settings
from tests.migrated import upgrade
from tests.patience import PATIENCE_S
from tests.storage.deletion.test_deleting import STUDY, uid
from tests.storage.deletion.test_deletion_cut_off import volumes_that_sync_nothing
from tests.storage.instances import part10

PAGE = 4096
ACCOUNTS = 40


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = load_settings(data_dir=tmp_path / "data", free_disk_mark_bytes=0)
    upgrade(settings)
    return settings


@pytest.fixture
def filled(settings: Settings) -> Settings:
    """Five instances, one of them deleted, and what no volume holds."""
    with open_storage(settings) as storage:
        for number in range(5):
            storage.ingest.accept(part10(instance=str(number)), "stow")
        storage.deletions.instance(uid("4"))
    with closing(sqlite3.connect(index(settings))) as connection:
        for number in range(ACCOUNTS):
            prefer(connection, number, "de" * 200)
    return settings


def prefer(connection: sqlite3.Connection, number: int, chosen: str) -> None:
    """What somebody chose, in a change of its own."""
    connection.execute(
        "INSERT INTO preference VALUES ('account', ?, ?, '2026-01-01 00:00:00.000000')",
        (f"{number}", json.dumps({"language": chosen})),
    )
    connection.commit()


def index(settings: Settings) -> Path:
    return settings.data_dir / "index.sqlite3"


def first_page(settings: Settings) -> None:
    content = index(settings).read_bytes()
    index(settings).write_bytes(os.urandom(PAGE) + content[PAGE:])


def cut(settings: Settings) -> None:
    os.truncate(index(settings), index(settings).stat().st_size // 3)


def emptied(settings: Settings) -> None:
    os.truncate(index(settings), 0)


def removed(settings: Settings) -> None:
    index(settings).unlink()


def of_text(settings: Settings) -> None:
    index(settings).write_text("not a database at all\n" * 1000)


HARMS = [first_page, cut, emptied, removed, of_text]


def mediview(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "api.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
        cwd=Path(__file__).parents[3],
        env={
            **os.environ,
            "MEDIVIEW_DATA_DIR": str(settings.data_dir),
            # Another node may have the usual ones.
            "MEDIVIEW_DICOM_PORT": "0",
            "MEDIVIEW_HTTP_PORT": "0",
            "COLUMNS": "300",
        },
    )


def uids(storage: Storage) -> set[str]:
    return {one.sop_instance_uid for one in storage.index.instances_of(STUDY)}


@pytest.mark.parametrize("harm", HARMS)
def test_repair_gives_back_every_instance_and_keeps_the_old_file(
    filled: Settings, harm: Callable[[Settings], None]
) -> None:
    harm(filled)
    with pytest.raises(IndexDamaged, match=str(index(filled))), open_storage(filled) as storage:
        storage.index.study(STUDY)
    before = index(filled).read_bytes() if index(filled).exists() else b""
    found = diagnose(filled)
    assert found.must_rebuild
    done = repair(filled, found, None)
    kept = [path.read_bytes() for path in done.kept if not path.name.endswith(("-wal", "-shm"))]
    assert not before or before in kept
    with open_storage(filled) as storage:
        assert uids(storage) == {uid(name) for name in "0123"}, "what was deleted stays so"
        assert storage.instances.read(storage.index.instance(uid("1"))) == part10(instance="1")
        assert (
            list(verify_storage(storage.engine, storage.index, storage.objects, storage.volumes))
            == []
        )
    assert diagnose(filled).findings == ()


def test_what_can_still_be_read_of_the_old_index_is_taken(filled: Settings) -> None:
    pages = leaves(filled)
    content = bytearray(index(filled).read_bytes())
    middle = pages[len(pages) // 2]
    content[(middle - 1) * PAGE : middle * PAGE] = os.urandom(PAGE)
    index(filled).write_bytes(content)
    found = diagnose(filled)
    assert found.index == "damaged"
    done = repair(filled, found, None)
    taken = {one.table: one for one in done.salvaged}
    assert ACCOUNTS // 2 < taken["preference"].rows < ACCOUNTS
    assert not taken["preference"].is_whole
    assert taken["audit_event"].is_whole
    with closing(sqlite3.connect(index(filled))) as connection:
        kept = {subject for (subject,) in connection.execute("SELECT subject FROM preference")}
    assert {"0", str(ACCOUNTS - 1)} <= kept, "from both ends"


def test_all_is_taken_where_the_page_of_the_schema_is_garbled(filled: Settings) -> None:
    first_page(filled)
    done = repair(filled, diagnose(filled), None)
    taken = {one.table: one for one in done.salvaged}
    assert taken["preference"].rows == ACCOUNTS
    assert [one.table for one in done.salvaged if not one.is_whole] == []


def test_changes_in_the_log_are_taken_where_the_page_of_the_schema_is_garbled(log: Path) -> None:
    path, new = log.with_name("index.sqlite3"), log.with_name("new.sqlite3")
    upgrade(load_settings(database_url=f"sqlite:///{new}"))
    content = path.read_bytes()
    path.write_bytes(os.urandom(PAGE) + content[PAGE:])
    taken = {one.table: one for one in salvage(path, new)}
    assert taken["preference"].rows == ACCOUNTS + 5


def test_tables_are_taken_that_other_pages_of_the_schema_name(filled: Settings) -> None:
    """The page that names some tables is garbled; those are lost, and no others."""
    with closing(sqlite3.connect(index(filled))) as connection:
        wanted = "SELECT pageno FROM dbstat WHERE name = 'sqlite_schema' AND pagetype = 'leaf'"
        try:
            page = connection.execute(wanted).fetchall()[-1][0]
        except sqlite3.OperationalError:
            pytest.skip("This SQLite was built without dbstat (SQLITE_ENABLE_DBSTAT_VTAB).")
    content = bytearray(index(filled).read_bytes())
    content[(page - 1) * PAGE : page * PAGE] = os.urandom(PAGE)
    index(filled).write_bytes(content)
    done = repair(filled, diagnose(filled), None)
    lost = {one.table for one in done.salvaged if not one.is_whole}
    assert 0 < len(lost) < 10
    assert {one.table: one for one in done.salvaged}["preference"].rows == ACCOUNTS


def test_a_row_that_goes_on_in_a_circle_of_pages_takes_no_memory(filled: Settings) -> None:
    first_page(filled)
    path, new = index(filled), index(filled).with_name("new.sqlite3")
    upgrade(load_settings(database_url=f"sqlite:///{new}"))
    own_number = path.stat().st_size // PAGE + 1
    # A leaf with one cell of 200 MB (1.6), of which a page that names itself has all but 489 bytes.
    length = 489 + 50_000 * (PAGE - 4)
    cell = bytes(0x80 | length >> shift & 0x7F for shift in (21, 14, 7)) + bytes([length & 0x7F, 1])
    leaf = struct.pack(">BHHHBH", 0x0D, 0, 1, 100, 0, 100).ljust(100, b"\0") + cell
    leaf += bytes(489) + struct.pack(">I", own_number + 1)
    circle = struct.pack(">I", own_number + 1)
    with path.open("ab") as file:
        file.write(leaf.ljust(PAGE, b"\0") + circle.ljust(PAGE, b"\0"))
    tracemalloc.start()
    try:
        taken = {one.table: one for one in salvage(path, new)}
        most_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert taken["preference"].rows == ACCOUNTS
    assert most_bytes < 50_000_000


def leaves(settings: Settings) -> list[int]:
    """Pages with what people chose (sqlite.org/fileformat2.html, 1.6: 13 is a leaf of a table)."""
    content = index(settings).read_bytes()
    return [
        start // PAGE + 1
        for start in range(0, len(content), PAGE)
        if content[start] == 0x0D and b"dede" * 50 in content[start : start + PAGE]
    ]


@pytest.mark.parametrize("last", range(4))
def test_a_repair_that_is_cut_off_is_finished_and_loses_nobodys_work(
    filled: Settings, monkeypatch: pytest.MonkeyPatch, last: int
) -> None:
    """Killed after each of the renames by which the new index takes the old one's place."""
    pages = leaves(filled)
    content = bytearray(index(filled).read_bytes())
    middle = pages[len(pages) // 2]
    content[(middle - 1) * PAGE : middle * PAGE] = os.urandom(PAGE)
    index(filled).write_bytes(content)
    log = index(filled).with_name(f"{index(filled).name}-wal")
    renames = []
    rename = Path.rename

    def cut_off(path: Path, target: Path) -> Path:
        if len(renames) == last:
            raise KeyboardInterrupt
        renames.append(path)
        return rename(path, target)

    found = diagnose(filled)
    # Changes of the old file's, which are none of the new one's.
    log.write_bytes(b"\0" * 32)
    with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
        patch.setattr(Path, "rename", cut_off)
        repair(filled, found, None)
    if index(filled).exists():
        repair(filled, diagnose(filled), None)
    else:
        # As at the next start; not by a copy, as other tests begin.
        upgrading.upgrade(filled)
    with open_storage(filled) as storage:
        assert uids(storage) == {uid(name) for name in "0123"}
        with storage.engine.connect() as connection:
            (left,) = connection.execute(text("SELECT count(*) FROM preference")).one()
    assert ACCOUNTS // 2 < left < ACCOUNTS
    assert diagnose(filled).findings == ()


@pytest.mark.slow
def test_every_command_answers_with_one_sentence(filled: Settings) -> None:
    first_page(filled)
    for command in (["storage", "verify"], ["storage", "reindex"], ["migrate"], ["up"]):
        answer = mediview(filled, *command)
        output = answer.stdout + answer.stderr
        assert answer.returncode == 1, output
        assert f"The index {index(filled)} is damaged" in output
        assert "mediview storage repair" in output
        assert "Traceback" not in output
    doctor = mediview(filled, "doctor")
    assert "Traceback" not in doctor.stdout + doctor.stderr
    assert "mediview storage repair" in doctor.stdout


def test_the_command_asks_tells_and_repairs(filled: Settings) -> None:
    of_text(filled)
    refused = mediview(filled, "storage", "repair")
    assert refused.returncode != 0
    assert "is damaged" in refused.stdout
    assert "accounts" in refused.stdout
    answer = mediview(filled, "storage", "repair", "--yes")
    assert "Traceback" not in answer.stderr
    assert "4 instances indexed" in answer.stdout
    assert "Lost in whole or in part: accounts" in answer.stdout
    assert "index.sqlite3.damaged-" in answer.stdout
    assert answer.returncode == 1, "what is lost is lost"
    again = mediview(filled, "storage", "repair")
    assert (again.returncode, "Nothing is wrong" in again.stdout) == (0, True)


def test_a_running_node_is_not_repaired(filled: Settings) -> None:
    with open_storage(filled) as storage:
        storage.ingest.accept(part10(instance="9"), "stow")
        with pytest.raises(InvalidRequest, match="running"):
            diagnose(filled)


def test_lost_volumes_and_records_without_rows_are_told_apart(filled: Settings) -> None:
    with open_storage(filled) as storage:
        lost = storage.index.instance(uid("1")).location.volume
        storage.ingest.accept(part10(instance="9"), "stow")
    with closing(sqlite3.connect(index(filled))) as connection:
        connection.execute("DELETE FROM instance WHERE sop_instance_uid = ?", (uid("9"),))
        connection.execute("DELETE FROM volume")
        connection.commit()
    (filled.data_dir / "volumes" / lost).unlink()
    found = diagnose(filled)
    assert found.index == "whole"
    sentences = [one.what for one in found.findings]
    assert any(lost in one and "is missing; 4 instances" in one for one in sentences)
    assert any("1 records of volumes have no row" in one for one in sentences)
    assert repair(filled, found, None).restored == 1
    (left,) = diagnose(filled).findings
    assert lost in left.what


@pytest.fixture
def log(filled: Settings) -> Iterator[Path]:
    """A log of several changes, as a killed node leaves it."""
    path = index(filled)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint=0").fetchall()
        for number in range(5):
            prefer(connection, 100 + number, "en")
        yield path.with_name(path.name + "-wal")


@pytest.mark.slow
def test_a_first_page_that_the_log_alone_has_is_named_and_written_again(
    filled: Settings,
) -> None:
    path = index(filled)
    log = path.with_name(path.name + "-wal")
    with closing(sqlite3.connect(path)) as connection:
        # A change of the schema, which writes the first page into the log.
        connection.execute("PRAGMA user_version=7").fetchall()
        first_page(filled)
        kept = [path.read_bytes(), log.read_bytes()]
        doctor = mediview(filled, "doctor").stdout
    assert "first page of the file is garbled" in doctor
    assert "mediview storage repair" in doctor
    # As after a kill: nobody has closed it.
    path.write_bytes(kept[0])
    log.write_bytes(kept[1])
    found = diagnose(filled)
    assert [one.what for one in found.findings if "first page" in one.what]
    repair(filled, found, None)
    assert diagnose(filled).findings == ()
    with open_storage(filled) as storage:
        assert uids(storage) == {uid(name) for name in "0123"}


def test_damage_in_the_write_ahead_log_is_found(log: Path) -> None:
    content = log.read_bytes()
    assert commits_lost(log) == 0
    frame = 24 + PAGE
    found = []
    for position in (10, 32 + 30, 32 + 4 * frame + 100):
        log.write_bytes(content[:position] + b"\x5a" + content[position + 1 :])
        found.append(commits_lost(log))
    assert found[:2] == [-1, 5], "nothing is read; all changes are passed over"
    assert 1 <= found[2] < 5
    log.write_bytes(content[:-100])
    assert commits_lost(log) == 0, "a torn end was never committed"
    log.write_bytes(content)


def test_what_the_old_index_alone_knows_to_be_deleted_stays_deleted(settings: Settings) -> None:
    """The disk took no tombstone, and another content came under the UID since."""
    with open_storage(settings) as storage:
        storage.ingest.accept(part10(instance="0"), "stow")
        with volumes_that_sync_nothing(), pytest.raises(StorageUnavailable):
            storage.deletions.instance(uid("0"))
        again = part10(instance="0", PatientID="P2")
        assert storage.ingest.accept(again, "stow").outcome == "stored"
    first_page(settings)
    repair(settings, diagnose(settings), None)
    with open_storage(settings) as storage:
        assert storage.instances.read(storage.index.instance(uid("0"))) == again
        assert storage.conflicts.waiting() == []
