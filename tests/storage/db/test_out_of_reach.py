"""A database that cannot be written: the error names what stands in the way."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from storage.core.errors import StorageUnavailable
from storage.db import engine as engines
from storage.db.engine import make_engine, writing


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
