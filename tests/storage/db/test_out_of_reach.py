"""A database that cannot be written: the error names what stands in the way."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import text

from storage.backup.taking import alone
from storage.core.errors import StorageUnavailable
from storage.db import engine as engines
from storage.db.engine import make_engine, writing
from storage.db.locks.advisory_lock import housekeeping_lock
from storage.db.sqlite_files.failing_disk import failure_mark
from storage.settings import load_settings


def test_an_index_that_another_program_locks_is_called_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "BUSY_TIMEOUT_S", 0.1)
    path = tmp_path / "index.sqlite3"
    engine = make_engine(f"sqlite:///{path}")
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE one (number INTEGER)"))
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with (
            pytest.raises(StorageUnavailable, match="locked by another program") as refusal,
            writing(engine) as connection,
        ):
            connection.execute(text("INSERT INTO one VALUES (1)"))
    assert "fuser" in refusal.value.remedy
    assert "MEDIVIEW_DATABASE_URL" not in refusal.value.remedy
    with writing(engine) as connection:
        connection.execute(text("INSERT INTO one VALUES (1)"))
    engine.dispose()


NODE = 65534
only_as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")


@pytest.fixture
def folder_of_the_node() -> Iterator[Path]:
    """Of another user than who runs the tests, with an index."""
    # Not `tmp_path`, into which nobody else comes.
    with TemporaryDirectory() as name:
        engine = make_engine(f"sqlite:///{name}/index.sqlite3")
        with writing(engine) as connection:
            connection.execute(text("CREATE TABLE one (number INTEGER)"))
        engine.dispose()
        for path in (Path(name), *Path(name).iterdir()):
            os.chown(path, NODE, NODE)
        yield Path(name)


def fail_to_write(index: Path) -> None:
    engine = make_engine(f"sqlite:///{index}")
    with closing(sqlite3.connect(index)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StorageUnavailable), writing(engine):
            pass
    engine.dispose()


@only_as_root
def test_what_an_administrators_command_makes_belongs_to_the_node(
    folder_of_the_node: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "BUSY_TIMEOUT_S", 0.1)
    index = folder_of_the_node / "index.sqlite3"
    fail_to_write(index)
    settings = load_settings(data_dir=folder_of_the_node)
    with alone(settings), housekeeping_lock(make_engine(f"sqlite:///{index}"), settings.data_dir):
        pass
    made = {path.name: path.stat().st_uid for path in folder_of_the_node.iterdir()}
    assert made.pop("index.sqlite3-failed") == NODE
    assert set(made.values()) == {NODE}, made


@only_as_root
def test_a_failure_is_noted_though_the_mark_is_somebody_elses(
    folder_of_the_node: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "BUSY_TIMEOUT_S", 0.1)
    index = folder_of_the_node / "index.sqlite3"
    mark = failure_mark(index)
    mark.touch(0o600)
    os.utime(mark, (1, 1))
    os.seteuid(NODE)
    try:
        fail_to_write(index)
    finally:
        os.seteuid(0)
    assert mark.stat().st_mtime > 1
