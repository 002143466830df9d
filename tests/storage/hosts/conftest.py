"""Two hosts: each with a data folder of its own, on one PostgreSQL and one bucket."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.integrity import checker
from storage.maintenance.housekeeping import Housekeeper
from storage.settings import Settings, load_settings
from tests.migrated import upgrade
from tests.postgres import PostgresServer
from tests.servers import S3Server

KEYS = ("sealing.key", "uid.key", "upload-signing.key", "signing.key")


@dataclass(frozen=True)
class Host:
    settings: Settings
    storage: Storage

    def keep_in_order(self) -> None:
        """As its own thread does, to the end of what is due."""
        housekeeper = Housekeeper(self.storage)
        while housekeeper.round(utcnow(), folder_alone=True):
            pass

    def keep_all_in_order(self) -> None:
        """As the control worker does on one host."""
        housekeeper = Housekeeper(self.storage)
        while housekeeper.round(utcnow()):
            pass


@pytest.fixture
def settings_of(
    postgres_server: PostgresServer, s3_server: S3Server, tmp_path: Path
) -> Iterator[Any]:
    """Settings of a host by its name: all of one database and bucket."""
    shared: dict[str, Any] = {
        "database_url": postgres_server.migrated_database(),
        "object_store": "s3",
        "s3_endpoint_url": s3_server.endpoint_url,
        "s3_bucket": s3_server.new_bucket(),
        "s3_access_key_id": s3_server.access_key_id,
        "s3_secret_access_key": s3_server.secret_access_key,
        "broker_url": "redis://127.0.0.1:1/0",
        "own_disks": True,
        "audit_key": "ab" * 32,
    }

    def of(name: str, **overrides: Any) -> Settings:
        return load_settings(data_dir=tmp_path / name, **{**shared, **overrides})

    yield of
    postgres_server.drop(shared["database_url"])


@pytest.fixture(autouse=True)
def wait_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    """For what another host is about to copy."""
    monkeypatch.setattr(checker, "_COPIED_WITHIN_S", 0.2)


def copy_keys(of: Settings, to: Settings) -> None:
    to.data_dir.mkdir(parents=True, exist_ok=True)
    for name in KEYS:
        shutil.copy2(of.data_dir / name, to.data_dir / name)


@pytest.fixture
def two_hosts(settings_of: Any) -> Iterator[tuple[Host, Host]]:
    north, south = settings_of("north"), settings_of("south")
    upgrade(north)
    with open_storage(north) as of_north:
        copy_keys(north, south)
        with open_storage(south) as of_south:
            yield Host(north, of_north), Host(south, of_south)
