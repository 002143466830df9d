"""PostgreSQL and Redis beside the pods of a group."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from commands import run
from kube_pods import NETWORK, until

_POSTGRES = """set -e
folder=$(echo /etc/postgresql/*/main)
echo "host all all all scram-sha-256" >>$folder/pg_hba.conf
echo "listen_addresses = '*'" >>$folder/postgresql.conf
pg_ctlcluster $(basename $(dirname $folder)) main start
{
    echo "CREATE ROLE mediview LOGIN PASSWORD '$(cat /secrets/postgres_password)';"
    cat /secrets/postgres_accounts.sql
    echo "CREATE DATABASE mediview OWNER mediview;"
} | su postgres -c "psql --quiet --set ON_ERROR_STOP=1"
exec sleep infinity
"""


@contextlib.contextmanager
def servers(folder: Path, *, keep: bool) -> Iterator[None]:
    """PostgreSQL and Redis by the names that the secrets have: postgres and redis."""
    base = os.environ.get("KUBE_BASE", "docker.io/library/debian:trixie-slim")
    containerfile = (
        f"FROM {base}\nRUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install"
        " -y -qq --no-install-recommends postgresql redis-server && rm -rf /var/lib/apt/lists/*\n"
    )
    options = os.environ.get("KUBE_BUILD", "").split()
    run("podman", "build", *options, "--tag", "mediview-servers", "-", input=containerfile)
    commands = {
        "redis": "exec redis-server --save '' --appendonly no --bind '* -::*'"
        " --aclfile /secrets/redis_users.acl",
        "postgres": _POSTGRES,
    }
    with contextlib.ExitStack() as stack:
        for name, command in commands.items():
            run("podman", "rm", "--force", "--ignore", name)
            options = ["--detach", "--init", "--pull=never", "--network", NETWORK, "--name", name]
            options += ["--volume", f"{folder}:/secrets:ro"]
            run("podman", "run", *options, "mediview-servers", "bash", "-c", command)
            if not keep:
                stack.callback(run, "podman", "rm", "--force", "--volumes", name)
        until(has_accounts, "PostgreSQL")
        yield


def has_accounts() -> bool:
    answer = subprocess.run(
        ["podman", "exec", "postgres", "su", "postgres", "-c", "psql -qtAc '\\l mediview'"],
        check=False,
        capture_output=True,
        text=True,
    )
    return "mediview" in answer.stdout
