"""What a repair takes over from an index that can still be read in part."""

import os
import sqlite3
import struct
import tracemalloc
from contextlib import closing
from pathlib import Path

import pytest

from storage.container import open_storage
from storage.core.errors import StorageUnavailable
from storage.recovery.diagnosis import diagnose
from storage.recovery.repair import repair
from storage.recovery.salvage import salvage
from storage.settings import Settings, load_settings
from tests.migrated import upgrade
from tests.storage.deletion.test_deleting import uid
from tests.storage.deletion.test_deletion_cut_off import volumes_that_sync_nothing
from tests.storage.instances import part10
from tests.storage.recovery.damaged_index.harms import ACCOUNTS, PAGE, first_page, index, leaves


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
