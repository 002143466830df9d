"""What the metrics say of associations: by operation, known peer and outcome."""

import threading
import time
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind as FIND

from dicom_node.association import traffic
from dicom_node.association.traffic import TrafficCounter
from dicom_node.peers import Peer
from dicom_node.scu import echo, send
from dicom_node.server.scp import start_scp
from storage.container import open_storage
from storage.dimse.traffic import TrafficKey, read_traffic
from storage.settings import Destination
from tests.dicom_node.builders import ct_instance, encoded, item_of
from tests.dicom_node.conftest import node_settings
from tests.migrated import upgrade
from tests.patience import PATIENCE_S


def test_requests_are_counted_by_operation_peer_and_outcome(tmp_path: Path) -> None:
    settings = node_settings(
        tmp_path, destinations=(Destination("scanner", "SCANNER", "127.0.0.1", 104),)
    )
    upgrade(settings)
    instances = [ct_instance(size=8), ct_instance(size=8)]
    with open_storage(settings) as storage:
        for _ in "12":  # counts go on where the process before left them
            scp = start_scp(storage)
            peer = Peer("MEDIVIEW", "127.0.0.1", scp.port)
            send([item_of(encoded(ds)) for ds in instances], peer=peer, calling_ae_title="SCANNER")
            echo(peer, "SECRET^NAME")
            _find_nonsense(scp.port)
            scp.shutdown()
        counted = read_traffic(storage.engine)
        names = set(map(str, counted))
    stored = counted[TrafficKey("C-STORE", "scanner", "success")]
    assert (stored.requests, stored.instances) == (4, 4)
    assert stored.size_bytes > 4 * 128
    assert 0 < stored.seconds < 60
    assert stored.within == sorted(stored.within)
    assert counted[TrafficKey("C-ECHO", "unknown", "success")].requests == 2
    assert counted[TrafficKey("C-FIND", "unknown", "failure")].requests == 2
    assert counted[TrafficKey("association", "scanner", "accepted")].requests == 2
    assert not any("SECRET" in name for name in names)


def test_the_node_asking_itself_is_no_traffic(tmp_path: Path) -> None:
    """What is counted is written down, and each commit keeps the node looking for work."""
    settings = node_settings(tmp_path)
    upgrade(settings)
    with open_storage(settings) as storage:
        scp = start_scp(storage)
        peer = Peer("MEDIVIEW", "127.0.0.1", scp.port)
        assert echo(peer, settings.ae_title).ok
        scp.shutdown()
        assert not read_traffic(storage.engine)
        scp = start_scp(storage)
        peer = Peer("MEDIVIEW", "127.0.0.1", scp.port)
        instance = item_of(encoded(ct_instance(size=8)))
        assert send([instance], peer=peer, calling_ae_title=settings.ae_title)[0].ok
        scp.shutdown()
        counted = read_traffic(storage.engine)
    assert counted[TrafficKey("C-STORE", "unknown", "success")].instances == 1
    assert counted[TrafficKey("association", "unknown", "accepted")].requests == 1


def test_a_large_instance_counts_with_all_its_bytes(tmp_path: Path) -> None:
    settings = node_settings(tmp_path)
    upgrade(settings)
    large = encoded(ct_instance(size=3000))
    with open_storage(settings) as storage:
        scp = start_scp(storage)
        peer = Peer("MEDIVIEW", "127.0.0.1", scp.port)
        assert send([item_of(large)], peer=peer, calling_ae_title="ANY")[0].ok
        scp.shutdown()
        stored = read_traffic(storage.engine)[TrafficKey("C-STORE", "unknown", "success")]
    assert stored.instances == 1
    assert len(large) - 2000 < stored.size_bytes <= len(large)


def _find_nonsense(port: int) -> None:
    query = Dataset()
    query.QueryRetrieveLevel = "NONE"
    ae = AE("STRANGER")
    ae.add_requested_context(FIND)
    association = ae.associate("127.0.0.1", port)
    list(association.send_c_find(query, FIND))
    association.release()


def test_counting_ends_also_where_the_counts_are_just_being_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waited for the next count without end, and the node with it."""
    monkeypatch.setattr(traffic, "_EVERY_S", 0.01)
    settings = node_settings(tmp_path)
    upgrade(settings)
    with open_storage(settings) as storage:
        counter = TrafficCounter(storage.engine)
        counter.start()
        counter.add("C-ECHO", "unknown", "success", 0.1)
        with counter._lock:  # where it takes the counts
            time.sleep(0.2)
            stopping = threading.Thread(target=counter.stop, daemon=True)
            stopping.start()
            time.sleep(0.2)
        stopping.join(PATIENCE_S / 10)
        assert not stopping.is_alive()
        assert read_traffic(storage.engine)
