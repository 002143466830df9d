"""An upload in parts through the API of two hosts with disks of their own."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from storage.settings import load_settings
from tests.api.client import ApiNode, api_node
from tests.api.uploads.test_upload_parts import archive, begin, part_url, send_part
from tests.migrated import upgrade
from tests.postgres import PostgresServer
from tests.servers import S3Server
from tests.services import free_port
from tests.storage.hosts.conftest import KEYS


@pytest.fixture
def hosts(
    postgres_server: PostgresServer, s3_server: S3Server, tmp_path: Path
) -> Iterator[tuple[ApiNode, ApiNode]]:
    database = postgres_server.migrated_database()
    shared: dict[str, Any] = {
        "database_url": database,
        "object_store": "s3",
        "s3_endpoint_url": s3_server.endpoint_url,
        "s3_bucket": s3_server.new_bucket(),
        "s3_access_key_id": s3_server.access_key_id,
        "s3_secret_access_key": s3_server.secret_access_key,
        "broker_url": "redis://127.0.0.1:1/0",
        "own_disks": True,
        "audit_key": "ab" * 32,
    }
    north, south = (
        load_settings(data_dir=tmp_path / name, http_port=free_port(), **shared)
        for name in ("north", "south")
    )
    upgrade(north)
    with api_node(north) as first:
        south.data_dir.mkdir()
        for name in KEYS:
            shutil.copy2(north.data_dir / name, south.data_dir / name)
        with api_node(south) as second:
            yield first, second
    postgres_server.drop(database)


def test_any_host_takes_the_next_step_of_an_upload_in_parts(
    hosts: tuple[ApiNode, ApiNode],
) -> None:
    north, south = (one.client for one in hosts)
    data = archive(12)
    upload = begin(north, len(data), part_size_bytes=5 * 1024 * 1024)

    count = upload["part_count"]
    for number in range(1, count + 1):
        asked = (south, north)[number % 2]
        assert part_url(asked, upload, number)["url"].startswith(
            hosts[0].storage.settings.s3_endpoint_url
        )
        assert send_part(asked, upload, number, data).is_success
    path = f"/api/uploads/{upload['upload_id']}"
    arrived = south.get(path).json()
    completed = south.post(f"{path}/complete")

    assert [one["part_number"] for one in arrived["parts"]] == list(range(1, count + 1))
    assert completed.status_code == 200, completed.text
    assert north.get(path).json()["state"] == "received"
    assert hosts[0].storage.objects.size(f"uploads/{upload['upload_id']}") == len(data)
