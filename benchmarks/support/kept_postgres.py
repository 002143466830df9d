"""A PostgreSQL cluster whose folder stays, so that an index is filled once and measured often."""

import os
import pwd
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests.patience import PATIENCE_S
from tests.postgres import PostgresServer, postgres_programs


@contextmanager
def kept_postgres(
    folder: Path, port: int, settings: Mapping[str, str] | None = None
) -> Iterator[PostgresServer]:
    """Started on the cluster below `folder`, which is made where there is none."""
    programs = postgres_programs()
    folder.mkdir(parents=True, exist_ok=True)
    as_user: dict[str, Any] = {}
    if os.geteuid() == 0:
        # PostgreSQL refuses to run as root; Debian's package brings the user.
        entry = pwd.getpwnam("postgres")
        as_user = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        shutil.chown(folder, entry.pw_uid)
    password_file, data, log = folder / "password", folder / "data", folder / "log"
    if not (data / "PG_VERSION").exists():
        password_file.write_text(secrets.token_urlsafe(18))
        if as_user:
            shutil.chown(password_file, as_user["user"])
        initdb: list[str | Path] = [
            programs / "initdb",
            "-D",
            data,
            "-U",
            "mediview",
            f"--pwfile={password_file}",
        ]
        subprocess.run(
            [*initdb, "--auth=scram-sha-256", "-E", "UTF8", "--locale=C"],
            check=True,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            **as_user,
        )
    command: list[str | Path] = [programs / "postgres", "-D", data, "-p", str(port), "-k", folder]
    for name, value in {"listen_addresses": "127.0.0.1", **(settings or {})}.items():
        command += ["-c", f"{name}={value}"]

    def launch() -> subprocess.Popen[Any]:
        with log.open("ab") as output:
            return subprocess.Popen(
                command, cwd=folder, stdout=output, stderr=subprocess.STDOUT, **as_user
            )

    server = PostgresServer(port, password_file.read_text(), launch)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        if server.process is not None:
            server.process.wait(PATIENCE_S)


def database(server: PostgresServer, name: str) -> str:
    """Its URL; it is made where there is none."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        known = connection.execute(
            "SELECT 1 FROM pg_database WHERE datname = %s", (name,)
        ).fetchone()
        if known is None:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
    return server.url(name)
