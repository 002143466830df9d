"""Nodes to be backed up and empty ones to restore into, of both kinds."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from storage.settings import Settings, load_settings
from tests.postgres import PostgresServer
from tests.servers import S3Server
from tests.storage.backup.nodes import Make, filled


@pytest.fixture
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Settings of a node of a kind, by name; with nothing in it yet."""
    databases: list[str] = []

    def settings_of(kind: str, name: str) -> Settings:
        values: dict[str, Any] = {"data_dir": tmp_path / name, "free_disk_mark_bytes": 0}
        if "postgresql" in kind:
            server: PostgresServer = request.getfixturevalue("postgres_server")
            databases.append(server.new_database())
            values["database_url"] = databases[-1]
        if "s3" in kind:
            bucket: S3Server = request.getfixturevalue("s3_server")
            values |= {
                "object_store": "s3",
                "s3_endpoint_url": bucket.endpoint_url,
                "s3_bucket": bucket.new_bucket(),
                "s3_access_key_id": bucket.access_key_id,
                "s3_secret_access_key": bucket.secret_access_key,
            }
        return load_settings(**values)

    yield settings_of
    for url in databases:
        request.getfixturevalue("postgres_server").drop(url)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "backups"


@pytest.fixture
def node(make: Make) -> Settings:
    settings = make("sqlite", "node")
    filled(settings)
    return settings
