"""Two servers of PostgreSQL; one takes over when the other dies, under the same address."""

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

from tests.patience import PATIENCE_S
from tests.postgres import PostgresServer, postgres, postgres_programs
from tests.processes import own_folder
from tests.services import free_port

_TABLE = f"mediviewpg{os.getpid() % 10_000}"
_POLL_S = 0.1
# Three hosts keep up to 8 for each of their 14 processes; PostgreSQL's own 100 were used up.
_CONNECTIONS = 300


class Pair:
    """The hosts know the address of the first; a rule of the filter leads to who is active.

    The standby is synchronous: a commit waits until it is durable there, too.
    """

    def __init__(
        self, first: PostgresServer, second: PostgresServer, folders: Sequence[Path]
    ) -> None:
        self._servers = (first, second)
        self._data = tuple(folders)
        self._active = 0

    @property
    def active(self) -> PostgresServer:
        return self._servers[self._active]

    def take_over(self) -> None:
        """The active one dies at once, and the other goes on with all that was committed."""
        process = self.active.process
        assert process is not None
        process.send_signal(signal.SIGQUIT)
        process.wait(PATIENCE_S)
        self._active = 1 - self._active
        self._say("SELECT pg_promote()")
        self._want_standby(wanted=False)
        self._lead()

    def rebuild(self) -> None:
        """Make the one that is down a standby of the active one, and wait until it is in step."""
        data, down = self._data[1 - self._active], self._servers[1 - self._active]
        shutil.rmtree(data, ignore_errors=True)
        backup: list[str | Path] = [postgres_programs() / "pg_basebackup", "-D", data, "-R"]
        backup += ["-h", "127.0.0.1", "-p", str(self.active.port), "-U", "mediview", "-c", "fast"]
        subprocess.run(
            backup,
            check=True,
            cwd="/",
            env={"PGPASSWORD": self.active.password, "PATH": os.environ["PATH"]},
            capture_output=True,
            timeout=PATIENCE_S,
            **_as_postgres(),
        )
        down.start()
        self._want_standby(wanted=True)

    def _want_standby(self, *, wanted: bool) -> None:
        deadline = time.monotonic() + PATIENCE_S
        streaming = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
        while wanted and not self._say(streaming):
            assert time.monotonic() < deadline, "the standby does not follow"
            time.sleep(_POLL_S)
        self._say(f"ALTER SYSTEM SET synchronous_standby_names = '{'*' if wanted else ''}'")
        self._say("SELECT pg_reload_conf()")

    def _say(self, statement: str) -> Any:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                with psycopg.connect(self.active.url("postgres"), autocommit=True) as connection:
                    # Before the other is there nothing could be committed.
                    connection.execute("SET synchronous_commit = local")
                    found = connection.execute(statement)
                    row = found.fetchone() if found.description else None
                return row[0] if row else None
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, statement
                time.sleep(_POLL_S)

    def _lead(self) -> None:
        """New connections to the first one's port, from the hosts, to the active one."""
        close_way()
        if self._active:
            first, second = (one.port for one in self._servers)
            rules = "\n".join(
                (
                    f"add table ip {_TABLE}",
                    f"add chain ip {_TABLE} pre {{ type nat hook prerouting priority -100 ; }}",
                    f"add rule ip {_TABLE} pre ip saddr 10.0.0.0/8 tcp dport {first}"
                    f" redirect to :{second}",
                    "",
                )
            )
            subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)


def close_way() -> None:
    with suppress(subprocess.CalledProcessError):
        subprocess.run(
            ["nft", "delete", "table", "ip", _TABLE], check=True, stderr=subprocess.DEVNULL
        )


@contextmanager
def pair(addresses: Sequence[str]) -> Iterator[Pair]:
    """Both run, on loopback and those addresses. Needs root."""
    with (
        postgres(is_durable=True, addresses=addresses, max_connections=_CONNECTIONS) as first,
        own_folder("standby", "postgres") as folder,
    ):
        data, port = folder / "data", free_port()
        command: list[str | Path] = [postgres_programs() / "postgres", "-D", data, "-p", str(port)]
        command += ["-c", f"max_connections={_CONNECTIONS}"]
        command += ["-k", folder, "-c", f"listen_addresses={','.join(['127.0.0.1', *addresses])}"]

        def launch() -> subprocess.Popen[Any]:
            with (folder / "log").open("ab") as output:
                return subprocess.Popen(
                    command, cwd=folder, stdout=output, stderr=subprocess.STDOUT, **_as_postgres()
                )

        with psycopg.connect(first.url("postgres")) as connection:
            row = connection.execute("SHOW data_directory").fetchone()
        assert row is not None
        second = PostgresServer(port, first.password, launch)
        both = Pair(first, second, (Path(row[0]), data))
        try:
            both.rebuild()
            yield both
        finally:
            close_way()
            second.stop()


def _as_postgres() -> dict[str, Any]:
    entry = pwd.getpwnam("postgres")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
