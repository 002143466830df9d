"""Connections are accepted while the database does not answer."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from dicom_node.peers import Peer
from dicom_node.scu import echo
from dicom_node.server.scp import start_scp
from storage.container import open_storage
from tests.dicom_node.conftest import Node, node_settings
from tests.faults.raw_peer import RawPeer
from tests.patience import PATIENCE_S
from tests.postgres import PostgresServer


@pytest.fixture
def database(postgres_server: PostgresServer) -> Iterator[str]:
    url = postgres_server.migrated_database()
    yield url
    postgres_server.drop(url)


def test_nobody_waits_for_a_list_of_peers_that_cannot_be_read(
    tmp_path: Path, database: str
) -> None:
    """Who reads it waits behind a lock here, as for a server that went away."""
    with open_storage(node_settings(tmp_path, database_url=database)) as storage:
        scp = start_scp(storage)
        try:
            node = Node(storage, scp)
            with contextlib.ExitStack() as stack:
                _wait_until(lambda: storage.peers.is_fresh)
                _wait_until(lambda: not storage.peers.is_fresh)
                other = stack.enter_context(psycopg.connect(database))
                other.execute("LOCK TABLE peer IN ACCESS EXCLUSIVE MODE")
                for _ in range(3):
                    stack.enter_context(RawPeer(node.port))
                _wait_until(lambda: scp.association_count == 3)
                waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
                _wait_until(lambda: other.execute(waiting).fetchone() == (1,))
                assert scp.association_count == 3
        finally:
            scp.shutdown(grace_s=1.0)


def test_silent_connections_keep_nobody_waiting_where_descriptors_run_out(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dicom_node.server.accepting.is_among_the_last", lambda _: True)
    peer = Peer("MEDIVIEW", "127.0.0.1", node.port)
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(RawPeer(node.port)) for _ in range(20)]
        began_s = time.monotonic()
        assert "rejected the association" in echo(peer, "OTHER").error
        assert time.monotonic() - began_s < 4.0, "half a second for each of the others"
        for one in silent:
            assert not one.ends(), "no A-ABORT"
    monkeypatch.undo()
    assert echo(peer, "OTHER").ok


def _wait_until(done: Callable[[], bool], limit_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + limit_s
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)
