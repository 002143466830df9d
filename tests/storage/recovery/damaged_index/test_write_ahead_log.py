"""Damage of an index whose changes lie in its write-ahead log."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from storage.container import open_storage
from storage.db.sqlite_files.write_ahead_log import commits_lost
from storage.recovery.diagnosis import diagnose
from storage.recovery.repair import repair
from storage.settings import Settings
from tests.storage.deletion.test_deleting import uid
from tests.storage.recovery.damaged_index.harms import PAGE, first_page, index, mediview, uids


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
