"""The services of the full mode, as real processes on random loopback ports.

Nothing here touches a service of the system: each server gets a folder of its
own under the system's temporary directory, and ends with its context.
"""

import os
import random
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
import redis

from storage.settings import Settings, load_settings
from tests.migrated import upgrade
from tests.patience import PATIENCE_S
from tests.postgres import PostgresServer
from tests.processes import end, own_folder, wait_until
from tests.services import free_port

ROOT = Path(__file__).parents[1]


def unused_port_range(count: int) -> int:
    """First of `count` neighbouring ports that are all free just now."""
    for _ in range(200):
        first = random.randrange(20_000, 32_000 - count)
        probes: list[socket.socket] = []
        try:
            for port in range(first, first + count):
                probes.append(socket.socket())
                probes[-1].bind(("127.0.0.1", port))
        except OSError:
            continue
        else:
            return first
        finally:
            for probe in probes:
                probe.close()
    raise RuntimeError(f"No {count} neighbouring ports are free between 20000 and 32000.")


class RedisServer:
    """A Redis without persistence, in a folder of its own; it may be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1"]
        self._process = subprocess.Popen(
            [*command, "--save", "", "--dir", self._folder], stdout=subprocess.DEVNULL
        )
        wait_until(self._answers, "Redis", self._process)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        if self._process is not None:
            end(self._process)

    def _answers(self) -> bool:
        client = redis.Redis(port=self.port)
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False
        finally:
            client.close()


@contextmanager
def redis_server() -> Iterator[str]:
    """Yields the URL of a Redis without persistence."""
    with own_folder("redis") as folder:
        server = RedisServer(folder)
        try:
            server.start()
            yield server.url
        finally:
            server.stop()


@dataclass(frozen=True)
class S3Server:
    endpoint_url: str
    access_key_id: str = "testkey"
    secret_access_key: str = "testsecret"

    def client(self) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint_url,
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            region_name="us-east-1",
        )

    def new_bucket(self) -> str:
        name = f"test-{secrets.token_hex(6)}"
        client = self.client()
        client.create_bucket(Bucket=name)
        client.close()
        return name


@contextmanager
def ceph_s3() -> Iterator[S3Server]:
    """Ceph's S3 gateway over storage in memory: it enforces signatures, expiry and policies."""
    for package in ("radosgw", "ceph-mon", "ceph-osd"):
        if shutil.which(package) is None:
            raise RuntimeError(f"{package} is not installed. Run scripts/debian-packages.sh.")
    port = unused_port_range(41)
    with own_folder("ceph") as folder:
        log = folder / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [ROOT / "scripts" / "ceph-s3.sh", folder / "cluster", str(port)],
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until(lambda: b"ready\n" in log.read_bytes(), "Ceph's S3 gateway", process)
            yield S3Server(f"http://127.0.0.1:{port}")
        finally:
            end(process)


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with redis_server() as url:
        yield url


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """That of the whole run where there is one (`scripts/test.sh`); it may be starting yet."""
    if url := os.environ.get("SUITE_S3_URL"):
        log = ROOT / ".test-output" / "s3.log"
        deadline = time.monotonic() + PATIENCE_S
        while b"ready" not in log.read_bytes():
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.5)
        yield S3Server(url)
        return
    with ceph_s3() as server:
        yield server


_KINDS = ("sqlite+filesystem", "postgresql+s3")


@contextmanager
def _settings_of_kind(request: pytest.FixtureRequest, data_dir: Path) -> Iterator[Settings]:
    overrides: dict[str, Any] = {"data_dir": data_dir}
    if request.param == "postgresql+s3":
        s3: S3Server = request.getfixturevalue("s3_server")
        database: PostgresServer = request.getfixturevalue("postgres_server")
        overrides |= {
            "database_url": database.migrated_database(),
            "object_store": "s3",
            "s3_endpoint_url": s3.endpoint_url,
            "s3_bucket": s3.new_bucket(),
            "s3_access_key_id": s3.access_key_id,
            "s3_secret_access_key": s3.secret_access_key,
        }
    settings = load_settings(**overrides)
    upgrade(settings)
    yield settings
    if request.param == "postgresql+s3":
        database.drop(settings.database_url)


@pytest.fixture(params=_KINDS)
def storage_settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """Settings of an empty, migrated house; a test that asks for it runs on both kinds."""
    with _settings_of_kind(request, tmp_path / "data") as settings:
        yield settings


@pytest.fixture(params=_KINDS, scope="module")
def reading_settings(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """The same, one of each kind for those tests of a module that change nothing."""
    with _settings_of_kind(request, tmp_path_factory.mktemp("reading") / "data") as settings:
        yield settings
