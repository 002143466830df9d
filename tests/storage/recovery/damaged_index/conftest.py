"""A node with instances and accounts, and ways to harm its index."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from storage.container import open_storage
from storage.settings import Settings, load_settings
from tests.migrated import upgrade
from tests.storage.deletion.test_deleting import uid
from tests.storage.instances import part10
from tests.storage.recovery.damaged_index.harms import ACCOUNTS, index, prefer


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


@pytest.fixture
def log(filled: Settings) -> Iterator[Path]:
    """A log of several changes, as a killed node leaves it."""
    path = index(filled)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint=0").fetchall()
        for number in range(5):
            prefer(connection, 100 + number, "en")
        yield path.with_name(path.name + "-wal")
