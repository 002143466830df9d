"""What is taken away from a peer is gone in the associations that it has open."""

import time
from collections.abc import Callable, Iterator

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.sop_class import CTImageStorage, StudyRootQueryRetrieveInformationModelFind

from dicom_node.server.scp import start_scp
from storage.container import Storage, open_storage
from storage.peers.entities import KnownPeer
from tests.dicom_node.builders import ct_instance
from tests.dicom_node.conftest import Node, node_settings
from tests.migrated import upgrade
from tests.patience import PATIENCE_S

NOT_AUTHORIZED = 0x0124
STATION = KnownPeer("station", ae_title="STATION")


@pytest.fixture(scope="module", params=["accept", "reject"])
def node(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Node]:
    """Strangers may echo alone, or nothing."""
    settings = node_settings(
        tmp_path_factory.mktemp("node"), unknown_peers=request.param, unknown_peers_may=()
    )
    upgrade(settings)
    with open_storage(settings) as storage:
        scp = start_scp(storage)
        try:
            yield Node(storage, scp)
        finally:
            scp.shutdown(grace_s=1.0)


@pytest.fixture
def administration(node: Node) -> Iterator[Storage]:
    """Another process of the node: that of the API, or a command."""
    with open_storage(node.storage.settings) as storage:
        storage.peers.add(STATION)
        yield storage
        if storage.peers.find(STATION.name):
            storage.peers.remove(STATION.name)


@pytest.fixture
def association(node: Node, administration: Storage) -> Iterator[Association]:
    ae = AE("STATION")
    ae.add_requested_context(CTImageStorage, "1.2.840.10008.1.2.1")
    ae.add_requested_context(StudyRootQueryRetrieveInformationModelFind)
    deadline = time.monotonic() + PATIENCE_S
    while True:  # a peer that was added a moment ago
        opened = ae.associate("127.0.0.1", node.port)
        if opened.is_established or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    assert opened.is_established
    yield opened
    opened.release()


def query(association: Association) -> int:
    asked = Dataset()
    asked.QueryRetrieveLevel, asked.StudyInstanceUID = "STUDY", ""
    *_, (last, _) = association.send_c_find(asked, StudyRootQueryRetrieveInformationModelFind)
    return int(last.Status)


def store(association: Association) -> int:
    # Some 80 KB: more than the node reads of an instance that it refuses.
    return int(association.send_c_store(ct_instance(size=200)).Status)


def until(wanted: int, answer: Callable[[], int]) -> int:
    """The answer, once it is the wanted one: another process hears of a change in a second."""
    deadline = time.monotonic() + PATIENCE_S
    while (status := answer()) != wanted and time.monotonic() < deadline:
        time.sleep(0.1)
    return status


def test_a_peer_that_may_do_less_is_refused_from_the_next_request_on(
    administration: Storage, association: Association
) -> None:
    assert until(0, lambda: query(association)) == 0
    assert store(association) == 0
    administration.peers.replace(KnownPeer("station", ae_title="STATION", may=frozenset({"query"})))
    assert until(NOT_AUTHORIZED, lambda: store(association)) == NOT_AUTHORIZED
    assert query(association) == 0
    administration.peers.replace(KnownPeer("station", ae_title="STATION", may=frozenset({"store"})))
    assert until(0, lambda: store(association)) == 0
    assert query(association) == NOT_AUTHORIZED


@pytest.mark.parametrize(
    "elsewhere", [None, KnownPeer("station", ae_title="STATION", sources=("192.0.2.0/24",))]
)
def test_a_peer_that_is_removed_or_moved_may_nothing_any_more(
    administration: Storage, association: Association, elsewhere: KnownPeer | None
) -> None:
    assert until(0, lambda: query(association)) == 0
    assert store(association) == 0
    if elsewhere is None:
        administration.peers.remove(STATION.name)
    else:
        administration.peers.replace(elsewhere)
    assert until(NOT_AUTHORIZED, lambda: query(association)) == NOT_AUTHORIZED
    assert store(association) == NOT_AUTHORIZED
    assert association.is_established
