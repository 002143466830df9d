"""The services of the full mode, as real processes on random loopback ports.

Nothing here touches a service of the system: each server gets a folder of its
own under the system's temporary directory, and ends with its context.
"""

import os
import pwd
import random
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest
import redis
from psycopg import sql

from storage.database import make_engine
from storage.migrate import upgrade_schema
from storage.settings import Settings, load_settings
from tests.migrated import upgrade
from tests.services import free_port

ROOT = Path(__file__).parents[1]
START_LIMIT_S = 60.0


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


def wait_until(done: Callable[[], bool], what: str, process: subprocess.Popen[Any]) -> None:
    """Poll a starting server; fail at once when its process has ended."""
    deadline = time.monotonic() + START_LIMIT_S
    while not done():
        if process.poll() is not None:
            raise RuntimeError(f"{what} ended with {process.returncode} while it started.")
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} did not answer within {START_LIMIT_S:.0f} s.")
        time.sleep(0.05)


@contextmanager
def own_folder(name: str, user: str | None = None) -> Iterator[Path]:
    """A folder that another user may be given; pytest's own are closed to all but root."""
    folder = Path(tempfile.mkdtemp(prefix=f"mediview-{name}-"))
    try:
        if user:
            shutil.chown(folder, user)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class PostgresServer:
    port: int
    password: str
    launch: Callable[[], subprocess.Popen[Any]]
    process: subprocess.Popen[Any] | None = None
    _template: list[str] = field(default_factory=list)

    def start(self) -> None:
        self.process = self.launch()
        wait_until(self.answers, "PostgreSQL", self.process)

    def stop(self) -> None:
        # SIGINT is PostgreSQL's fast shutdown: sessions end, nothing is left behind.
        if self.process is not None:
            end(self.process, signal.SIGINT)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Out of reach for a while; afterwards it is there again with the same data."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def url(self, database: str) -> str:
        return f"postgresql://mediview:{self.password}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """Create an empty database and return its URL."""
        name = f"test_{secrets.token_hex(6)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url(name)

    def migrated_database(self) -> str:
        """Create one at this version's schema, as a copy of what the migrations made once."""
        if not self._template:
            url = self.new_database()
            engine = make_engine(url)
            upgrade_schema(engine)
            engine.dispose()
            self._template.append(url.rpartition("/")[2])
        name = f"test_{secrets.token_hex(6)}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(self._template[0])
        )
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)
        return self.url(name)


def postgres_programs() -> Path:
    """The folder of the newest PostgreSQL server that Debian has put on this machine."""
    versions = [
        (tuple(int(part) for part in re.findall(r"\d+", folder.parent.name)), folder)
        for folder in Path("/usr/lib/postgresql").glob("*/bin")
        if (folder / "initdb").exists()
    ]
    if not versions:
        raise RuntimeError("No PostgreSQL server is installed. Run scripts/debian-packages.sh.")
    return max(versions)[1]


@contextmanager
def postgres(*, is_durable: bool = False) -> Iterator[PostgresServer]:
    """A server of its own; one that is durable syncs as PostgreSQL is shipped, for measuring."""
    programs, port, password = postgres_programs(), free_port(), secrets.token_urlsafe(18)
    # PostgreSQL refuses to run as root; Debian's package brings the user.
    user = "postgres" if os.geteuid() == 0 else None
    as_user: dict[str, Any] = {}
    if user:
        entry = pwd.getpwnam(user)
        as_user = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    with own_folder("postgres", user) as folder:
        password_file, data, log = folder / "password", folder / "data", folder / "log"
        password_file.write_text(password)
        if user:
            shutil.chown(password_file, user)
        initdb = [programs / "initdb", "-D", data, "-U", "mediview", f"--pwfile={password_file}"]
        subprocess.run(
            [*initdb, "--auth=scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync"],
            check=True,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            timeout=START_LIMIT_S,
            **as_user,
        )
        command = [programs / "postgres", "-D", data, "-p", str(port), "-k", folder]
        command += ["-c", "listen_addresses=127.0.0.1"]
        if not is_durable:
            command += ["-c", "fsync=off"]

        def launch() -> subprocess.Popen[Any]:
            with log.open("ab") as output:
                return subprocess.Popen(
                    command, cwd=folder, stdout=output, stderr=subprocess.STDOUT, **as_user
                )

        server = PostgresServer(port, password, launch)
        try:
            server.start()
            yield server
        finally:
            server.stop()


@contextmanager
def redis_server() -> Iterator[str]:
    """A Redis without persistence; yields its URL."""
    port = free_port()
    with own_folder("redis") as folder:
        command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1"]
        process = subprocess.Popen(
            [*command, "--save", "", "--dir", folder], stdout=subprocess.DEVNULL
        )
        client = redis.Redis(port=port)

        def answers() -> bool:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False

        try:
            wait_until(answers, "Redis", process)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            client.close()
            end(process)


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


def end(process: subprocess.Popen[Any], signal_number: int = 15) -> None:
    if process.poll() is None:
        process.send_signal(signal_number)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    with postgres() as server:
        yield server


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with redis_server() as url:
        yield url


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    with ceph_s3() as server:
        yield server


@pytest.fixture(params=["sqlite+filesystem", "postgresql+s3"])
def storage_settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of an empty, migrated house; a test that asks for it runs on both kinds."""
    overrides: dict[str, Any] = {"data_dir": tmp_path / "data"}
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
    return settings
