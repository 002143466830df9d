"""A PostgreSQL that crashes takes nothing with it that somebody was told.

The volumes restore the rows of instances; everything else was on disk when it was answered.
"""

import os
import random
import signal
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from storage.container import open_storage
from storage.core.clock import utcnow
from storage.maintenance.housekeeping import Housekeeper
from storage.settings import load_settings
from tests.api.client import api_node
from tests.faults.pushing import Batch, Push, Sent
from tests.faults.raw_peer import RawPeer
from tests.faults.scp_process import ScpProcess, running_scp
from tests.migrated import upgrade
from tests.patience import PATIENCE_S
from tests.postgres import PostgresServer
from tests.services import free_port

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300)]

ASSOCIATIONS, EACH = 4, 15


@pytest.fixture
def server(stoppable_postgres: PostgresServer) -> PostgresServer:
    return stoppable_postgres


def crash(server: PostgresServer) -> None:
    """PostgreSQL's immediate shutdown: nothing is written any more, as when the machine dies."""
    assert server.process is not None
    server.process.send_signal(signal.SIGQUIT)
    server.process.wait(PATIENCE_S)


def push_all(node: ScpProcess, shares: Sequence[list[Sent]], *, retried: bool = False) -> None:
    """Until all is stored; `retried` where a server that still recovers may refuse some first."""
    push = Push(node.port, [list(share) for share in shares])
    push.start()
    push.join(PATIENCE_S)
    assert retried or push.refused == []


def push_one(node: ScpProcess, one: Sent) -> None:
    with RawPeer(node.port) as peer:
        peer.associate()
        assert peer.store(one.sop_instance_uid, one.data_set) == 0x0000
        peer.release()


def indexed(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        return {uid for (uid,) in connection.execute("SELECT sop_instance_uid FROM instance")}


def kill_a_backend(url: str) -> None:
    """As the kernel does when memory is short: the same server recovers from its log."""
    with psycopg.connect(url, autocommit=True) as connection:
        rows = connection.execute(
            "SELECT pid FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()
        os.kill(rows[0][0], signal.SIGKILL)
        # The others are ended by the server, this one among them.
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT pg_sleep(%s)", [PATIENCE_S])


@pytest.mark.parametrize("crashed", ["the server", "one backend"])
@pytest.mark.slow
def test_what_was_stored_before_a_crash_is_found_after_the_next_instance(
    tmp_path: Path, server: PostgresServer, crashed: str
) -> None:
    url = server.migrated_database()
    batch = Batch(random.randrange(1 << 32))
    stored: set[str] = set()
    with running_scp(tmp_path, {"database_url": url, "dicom_processes": 2}) as node:
        for _ in range(3):
            shares = [[batch.make(n) for _ in range(EACH)] for n in range(ASSOCIATIONS)]
            push_all(node, shares)
            if crashed == "the server":
                crash(server)
                server.start()
            else:
                kill_a_backend(url)
            # Of a series that no process knows, so that it takes another connection.
            other = Batch(random.randrange(1 << 32)).make()
            push_all(node, [[other]], retried=True)
            stored |= {one.sop_instance_uid for share in shares for one in share}
            stored.add(other.sop_instance_uid)
            assert stored - indexed(url) == set()


def test_a_crash_while_instances_arrive_loses_none_that_was_acknowledged(
    tmp_path: Path, server: PostgresServer
) -> None:
    url = server.migrated_database()
    batch = Batch(random.randrange(1 << 32))
    with running_scp(tmp_path, {"database_url": url, "dicom_processes": 2}) as node:
        shares = [[batch.make(n) for _ in range(400)] for n in range(ASSOCIATIONS)]
        push = Push(node.port, shares)
        push.start()
        for count in (200, 700):
            node.wait_for(lambda count=count: len(push.acknowledged) > count)
            crash(server)
            before = set(push.acknowledged)
            server.start()
            node.wait_for(lambda before=before: len(push.acknowledged) > len(before) + 8)
            assert before - indexed(url) == set()
        push.join(PATIENCE_S)
        assert {one.sop_instance_uid for share in shares for one in share} <= indexed(url)


def test_rows_come_back_although_nothing_more_arrives(
    tmp_path: Path, server: PostgresServer
) -> None:
    url = server.migrated_database()
    settings = load_settings(data_dir=tmp_path / "node" / "data", database_url=url)
    batch = Batch(random.randrange(1 << 32))
    share = [batch.make() for _ in range(40)]
    with (
        running_scp(tmp_path / "node", {"database_url": url}) as node,
        open_storage(settings) as storage,
    ):
        keeper = Housekeeper(storage)
        keeper.round(utcnow())
        push_all(node, [share])
        crash(server)
        server.start()
        keeper.round(utcnow())
        assert {one.sop_instance_uid for one in share} - indexed(url) == set()


def test_a_receiver_that_starts_indexes_what_a_power_cut_took(tmp_path: Path) -> None:
    """SQLite's last transactions may go with the power; nobody has to run a command for that."""
    batch = Batch(random.randrange(1 << 32))
    share = [batch.make() for _ in range(20)]
    with running_scp(tmp_path) as node:
        push_all(node, [share])
        node.kill()
        path = str(node.settings.data_dir / "index.sqlite3")
        with closing(sqlite3.connect(path)) as database:
            database.execute("DELETE FROM instance")
            database.commit()
        node.start()
        with closing(sqlite3.connect(path)) as database:
            found = {uid for (uid,) in database.execute("SELECT sop_instance_uid FROM instance")}
        assert found == {one.sop_instance_uid for one in share}


def test_what_people_were_told_survives_a_crash_in_the_same_moment(
    tmp_path: Path, server: PostgresServer
) -> None:
    settings = load_settings(
        data_dir=tmp_path / "data",
        database_url=server.migrated_database(),
        http_port=free_port(),
        dicom_port=free_port(),
    )
    upgrade(settings)
    names = [f"ct{number}" for number in range(5)]
    with api_node(settings) as node:
        for name in names:
            peer = {"name": name, "ae_title": name.upper(), "sources": ["10.0.0.7"]}
            assert node.client.post("/api/peers", json=peer).status_code == 201
        crash(server)
        server.start()
        listed = node.client.get("/api/peers").json()["items"]
        assert {one["name"] for one in listed} >= set(names)


def test_a_receiver_waits_for_a_database_that_is_away_when_it_starts(
    tmp_path: Path, server: PostgresServer
) -> None:
    url = server.migrated_database()
    node = ScpProcess(tmp_path, {"database_url": url, "dicom_processes": 2})
    node.migrate()
    crash(server)
    node.launch()
    try:
        node.wait_for(lambda: "database_awaited" in node.log_text())
        server.start()
        node.wait_for(lambda: "scp_listening" in node.log_text())
        push_one(node, Batch(1).make())
        assert node.stop() == 0
    finally:
        node.kill()


def test_a_receiver_that_waits_for_its_database_ends_when_it_is_asked_to(tmp_path: Path) -> None:
    url = f"postgresql://mediview:none@127.0.0.1:{free_port()}/none"
    node = ScpProcess(tmp_path, {"database_url": url})
    node.launch()
    try:
        node.wait_for(lambda: "database_awaited" in node.log_text())
        assert node.stop() == 0
    finally:
        node.kill()
