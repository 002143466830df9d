"""A known peer subscribes with its own AE title, also after another did, where groups count."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect

from dicom_node.server.scp import start_scp
from storage.access_groups.entities import Member
from storage.audit.events import Code
from storage.peers.entities import KnownPeer
from tests.api.access.closed import ClosedNode, audited, closed_node, closed_settings
from tests.api.ups.worklist_client import PREFIX
from tests.dicom_node.conftest import Node
from tests.dicom_node.ups.workitems import (
    FILTERED,
    SUSPEND,
    UNSUBSCRIBE,
    WATCH,
    WORKLIST,
    Client,
    client,
    listener,
    named,
    step,
)

SUBSCRIBER = f"{PREFIX}/workitems/{WORKLIST}/subscribers/WATCHER"
REFUSED = 0x0124


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[ClosedNode]:
    """WATCHER is a workstation of South, INTRUDER one of North."""
    with closed_node(closed_settings(tmp_path)) as closed:
        storage = closed.storage
        for hospital, ae_title in (("North", "INTRUDER"), ("South", "WATCHER")):
            storage.access_groups.add(hospital, rule={"InstitutionName": hospital})
            storage.access_groups.add_member(hospital, Member("peer", ae_title.lower()))
        storage.peers.add(KnownPeer("intruder", ae_title="INTRUDER"))
        storage.access_groups.enforce(True)
        yield closed


@pytest.fixture
def node(closed: ClosedNode) -> Iterator[Node]:
    scp = start_scp(closed.storage)
    try:
        yield Node(closed.storage, scp)
    finally:
        scp.shutdown(grace_s=1.0)


def unsubscribed(one: Client) -> int:
    return one.act(UNSUBSCRIBE, WORKLIST, named(ReceivingAE="WATCHER"), WATCH)


def listened_to(node: Node) -> list[str]:
    return [one.workitem_uid for one in node.storage.subscriptions.of("WATCHER")]


def test_a_peer_takes_its_title_back_from_another_peer(node: Node) -> None:
    with listener(node, "WATCHER"), client(node, "INTRUDER") as intruder:
        assert intruder.subscribe(WORKLIST, "WATCHER") == 0x0000
        with client(node, "WATCHER") as watcher:
            assert watcher.subscribe(FILTERED, "WATCHER", PatientID="P-1") == 0x0000
            assert listened_to(node) == [FILTERED], "the other's ended"
            replaced = {"replaced_subscriber": "peer:intruder"}
            assert audited(node.storage, code=Code.PROCEDURE_RECORD, action="E", detail=replaced)
            assert intruder.subscribe(WORKLIST, "WATCHER") == REFUSED
            assert unsubscribed(intruder) == REFUSED
            assert listened_to(node) == [FILTERED]
            end = named(ReceivingAE="WATCHER")
            for action in (UNSUBSCRIBE, SUSPEND):
                watcher.act(UNSUBSCRIBE, FILTERED, end, WATCH)
                assert intruder.subscribe(WORKLIST, "WATCHER") == 0x0000
                assert watcher.act(action, WORKLIST, end, WATCH) == 0x0000
                assert listened_to(node) == []


def test_a_peer_takes_its_title_back_from_a_program(closed: ClosedNode, node: Node) -> None:
    secret = closed.key("integrator", "integrator")
    bearer = {"Authorization": f"Bearer {secret}"}
    socket_url = f"{closed.url.replace('http', 'ws', 1)}{PREFIX}/subscribers/WATCHER"
    with (
        listener(node, "WATCHER"),
        client(node, "WATCHER") as watcher,
        httpx.Client(base_url=closed.url, headers=bearer) as program,
        connect(socket_url, additional_headers=bearer, proxy=None) as socket,
    ):
        # Its own system may be known as a peer, too, and get its reports over the WebSocket.
        assert program.post(SUBSCRIBER).status_code == 201
        assert watcher.subscribe(WORKLIST, "WATCHER") == 0x0000
        for answer in (program.post(SUBSCRIBER), program.delete(SUBSCRIBER)):
            assert answer.status_code == 403, answer.text
        watcher.create(step())
        with pytest.raises(ConnectionClosedError):
            socket.recv(timeout=20)
        assert socket.close_code == 1008
        assert unsubscribed(watcher) == 0x0000
        # It has no subscription of its own any more.
        assert program.post(SUBSCRIBER).status_code == 201
