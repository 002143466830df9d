"""An index or database that takes no changes is named by health and doctor, with its remedy."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from api.server.checks import index as index_checks
from api.server.health import HealthChecks
from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.core.errors import StorageUnavailable
from storage.settings import Settings, load_settings
from tests.faults.named_faults import doctor, health, living_storage, unanswered_settings
from tests.injection import injected
from tests.postgres import PostgresServer

pytestmark = [pytest.mark.fault, pytest.mark.timeout(200)]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return unanswered_settings(tmp_path)


@pytest.fixture
def storage(settings: Settings) -> Iterator[Storage]:
    with living_storage(settings) as storage:
        yield storage


def test_doctor_names_a_garbled_index(settings: Settings) -> None:
    (settings.data_dir / "index.sqlite3").write_bytes(os.urandom(8192))
    assert "mediview storage repair" in doctor(settings, "database")


def test_an_index_whose_file_fails_is_named_once_a_change_was_refused(storage: Storage) -> None:
    """Volumes and the probe of the disk write by other system calls, and are well."""
    checks = HealthChecks(storage)
    assert checks.run().parts["database"].ok
    with injected([os.getpid()], "pwrite64:error=EIO"):
        with pytest.raises(StorageUnavailable):
            storage.disk_samples.note(utcnow(), 0)
        found = HealthChecks(storage).run().parts
        sentence = doctor(storage.settings, "database")
    assert found["disk"].ok
    assert "cannot be read or written: disk I/O error" in found["database"].detail
    assert "smartctl" in found["database"].detail
    assert "cannot be read or written: disk I/O error" in sentence
    assert HealthChecks(storage).run().parts["database"].ok


def test_an_index_that_another_program_locks_is_named(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_checks, "LOCKED_S", 0.4)
    monkeypatch.setattr(index_checks, "_ANSWER_WITHIN_S", 0.5)
    path = storage.settings.data_dir / "index.sqlite3"
    checks = HealthChecks(storage)
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        sentence = checks.run().parts["database"].detail
        asked = doctor(storage.settings, "database")
    assert "has been locked for" in sentence
    assert "fuser -v index.sqlite3" in sentence
    assert "has been locked for" in asked


def test_a_postgresql_that_takes_no_changes_is_named(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """A standby, or one whose administrator made it read-only."""
    settings = load_settings(
        data_dir=tmp_path / "data", database_url=postgres_server.migrated_database()
    )
    with open_storage(settings) as storage:
        assert HealthChecks(storage).run().parts["database"].ok
        name = storage.engine.url.database
        with storage.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as own:
            own.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'))
        storage.engine.dispose()
        sentence = health(storage, "database")
        with pytest.raises(StorageUnavailable, match="takes no changes"):
            storage.disk_samples.note(utcnow(), 0)
    assert "name the primary" in sentence
