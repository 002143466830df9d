"""A deletion right after PostgreSQL crashed takes what the crash took out of the index, too."""

import time
from pathlib import Path

import psycopg
import pytest

from storage.container import open_storage
from storage.core.errors import NotFound, StorageUnavailable
from storage.settings import load_settings
from tests.faults.storage.test_database_crash import crash
from tests.migrated import upgrade
from tests.patience import PATIENCE_S
from tests.postgres import PostgresServer
from tests.storage.deletion.test_deleting import STUDY, uid
from tests.storage.instances import part10

pytestmark = [pytest.mark.fault, pytest.mark.timeout(200)]


@pytest.fixture
def server(stoppable_postgres: PostgresServer) -> PostgresServer:
    return stoppable_postgres


def test_a_study_that_was_deleted_after_a_crash_does_not_come_back(
    tmp_path: Path, server: PostgresServer
) -> None:
    url = server.migrated_database()
    settings = load_settings(data_dir=tmp_path / "data", database_url=url, free_disk_mark_bytes=0)
    upgrade(settings)
    with open_storage(settings) as storage:
        storage.recovery.run_at_start()
        storage.ingest.accept(part10(instance="0"), "stow")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CHECKPOINT")
        # Its row is not on disk yet, unlike its record.
        storage.ingest.accept(part10(instance="1"), "stow")
        crash(server)
        server.start()
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                storage.deletions.study(STUDY)
                break
            except StorageUnavailable:
                assert time.monotonic() < until
        storage.recovery.run()
    upgrade(settings)
    with open_storage(settings) as storage:
        for name in "01":
            with pytest.raises(NotFound):
                storage.index.instance(uid(name))
