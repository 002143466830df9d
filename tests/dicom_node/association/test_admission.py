"""Who may associate, and what each may then ask for; DCMTK and pynetdicom ask."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pynetdicom import AE
from pynetdicom.sop_class import Verification

from dicom_node.association.authorization import _ACTION_OF
from dicom_node.network.throttle import Throttle
from dicom_node.server.scp import start_scp
from storage.container import open_storage
from storage.peers.entities import ACTIONS, KnownPeer
from storage.settings import Destination
from tests.dicom_node.builders import ct_instance, dcmtk, write
from tests.dicom_node.conftest import Node, node_settings
from tests.faults.raw_peer import RawPeer, Rejected
from tests.migrated import upgrade
from tests.patience import PATIENCE_S


@contextmanager
def strict_node(folder: Path, **changes: Any) -> Iterator[Node]:
    settings = node_settings(folder, **changes)
    upgrade(settings)
    with open_storage(settings) as storage:
        scp = start_scp(storage)
        try:
            yield Node(storage, scp)
        finally:
            scp.shutdown(grace_s=1.0)


def echo_as(node: Node, calling: str, called: str = "MEDIVIEW") -> str:
    """Empty where the echo is answered, else what echoscu says."""
    done = dcmtk("echoscu", "-aet", calling, "-aec", called, "127.0.0.1", str(node.port))
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_unknown_peers_are_accepted_or_rejected_by_setting(tmp_path: Path) -> None:
    with strict_node(tmp_path / "open") as node:
        assert echo_as(node, "STRANGER") == ""
    pacs = Destination("pacs", "PACS", "127.0.0.1", 104)
    with strict_node(tmp_path / "closed", unknown_peers="reject", destinations=(pacs,)) as node:
        assert "Calling AE Title Not Recognized" in echo_as(node, "STRANGER")
        assert echo_as(node, "PACS") == ""
        node.storage.peers.add(KnownPeer("modality", ae_title="MODALITY"))
        assert echo_as(node, "MODALITY") == ""
        node.storage.peers.remove("modality")
        assert "Calling AE Title Not Recognized" in echo_as(node, "MODALITY")


@pytest.mark.parametrize("around", [b"%s\t", b"\t%s", b"%s\r\n", b"\n%s", b"%s\x0b", b"%s\x1f"])
def test_blanks_alone_are_left_out_of_a_title(tmp_path: Path, around: bytes) -> None:
    """With a tab or a line end it is no title, and nobody's."""
    with strict_node(tmp_path, unknown_peers="reject") as node:
        node.storage.peers.add(KnownPeer("ws1", ae_title="WS1"))
        for title in (b"WS1", b"  WS1  "):
            with RawPeer(node.port) as peer:
                assert peer.associate(calling=title) == {1: 0}
        for _ in range(2):
            with RawPeer(node.port) as peer, pytest.raises(Rejected) as rejected:
                peer.associate(calling=around % b"WS1")
            assert rejected.value.why == (1, 1, 3)


def test_the_called_title_is_checked_by_setting(tmp_path: Path) -> None:
    with strict_node(tmp_path / "lax") as node:
        assert echo_as(node, "ANY", "ELSE") == ""
    with strict_node(tmp_path / "strict", check_called_ae_title=True) as node:
        assert "Called AE Title Not Recognized" in echo_as(node, "ANY", "ELSE")
        assert echo_as(node, "ANY") == ""


def test_a_known_title_from_another_address_is_rejected(tmp_path: Path) -> None:
    with strict_node(tmp_path) as node:
        node.storage.peers.add(KnownPeer("a", ae_title="HERE", sources=("127.0.0.0/8",)))
        node.storage.peers.add(KnownPeer("b", ae_title="THERE", sources=("192.0.2.0/24",)))
        assert echo_as(node, "HERE") == ""
        assert "Calling AE Title Not Recognized" in echo_as(node, "THERE")


def test_a_peer_holds_no_more_associations_than_it_may(tmp_path: Path) -> None:
    with strict_node(tmp_path, max_associations_per_peer=2) as node:
        node.storage.peers.add(KnownPeer("one", ae_title="ONE", max_associations=1))

        def associate(title: str) -> Any:
            ae = AE(title)
            ae.add_requested_context(Verification)
            return ae.associate("127.0.0.1", node.port)

        held = [associate("ONE"), associate("TWO"), associate("TWO")]
        assert all(association.is_established for association in held)
        for title in ("ONE", "TWO"):
            stated = echo_as(node, title)
            assert "Rejected Transient" in stated
            assert "Local Limit Exceeded" in stated
        other = associate("THREE")
        assert other.is_established
        for association in [*held, other]:
            association.release()
        deadline = time.monotonic() + PATIENCE_S
        while node.scp.association_count and time.monotonic() < deadline:
            time.sleep(0.02)
        assert echo_as(node, "ONE") == ""


@pytest.mark.parametrize("size", [16, 3000])
def test_a_peer_that_may_not_store_is_answered_not_authorised(tmp_path: Path, size: int) -> None:
    ds = ct_instance(size=size)
    file = write(ds, tmp_path / "a.dcm")
    with strict_node(tmp_path) as node:
        node.storage.peers.add(KnownPeer("ask", ae_title="ASK", may=frozenset({"query"})))
        sent = dcmtk("storescu", "-v", "-aet", "ASK", "127.0.0.1", str(node.port), file)
        assert "0x124" in sent.stderr
        assert node.instance(ds.SOPInstanceUID) is None
        assert echo_as(node, "ASK") == ""
        asked = find_as(node, "ASK")
        assert "Success" in asked
        node.storage.peers.add(KnownPeer("give", ae_title="GIVE", may=frozenset({"store"})))
        assert dcmtk("storescu", "-aet", "GIVE", "127.0.0.1", str(node.port), file).returncode == 0
        assert node.instance(ds.SOPInstanceUID) is not None
        assert "0x0124" in find_as(node, "GIVE") or "0x124" in find_as(node, "GIVE")


def find_as(node: Node, title: str) -> str:
    keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID"]
    done = dcmtk("findscu", "-d", "-S", "-aet", title, *keys, "127.0.0.1", str(node.port))
    return done.stdout + done.stderr


def test_a_peer_that_may_not_retrieve_gets_nothing(tmp_path: Path) -> None:
    ds = ct_instance()
    file = write(ds, tmp_path / "a.dcm")
    with strict_node(tmp_path) as node:
        assert dcmtk("storescu", "127.0.0.1", str(node.port), file).returncode == 0
        node.storage.peers.add(KnownPeer("ask", ae_title="ASK", may=frozenset({"query"})))
        for title, count in (("ASK", 0), ("OTHER", 1)):
            got = tmp_path / title
            got.mkdir()
            keys = [
                "-k",
                "QueryRetrieveLevel=STUDY",
                "-k",
                f"StudyInstanceUID={ds.StudyInstanceUID}",
            ]
            dcmtk("getscu", "-S", "-aet", title, "-od", got, *keys, "127.0.0.1", str(node.port))
            assert len(list(got.iterdir())) == count


def test_every_action_can_be_refused() -> None:
    assert set(_ACTION_OF.values()) == ACTIONS - {"reject"}


def test_a_throttle_keeps_its_rate_after_a_burst_of_a_second() -> None:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    throttle = Throttle(1000.0, clock=lambda: now[0], sleep=sleep)
    for _ in range(100):
        throttle.wait_for(100)
    assert now[0] == pytest.approx(9.9)
    now[0] += 60.0
    for _ in range(20):
        throttle.wait_for(100)
    assert now[0] == pytest.approx(69.9 + 0.9)
