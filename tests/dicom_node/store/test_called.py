"""Under which AE title and from which address a peer called stays with what it sent."""

from dataclasses import replace
from pathlib import Path

from dicom_node.scu import send
from storage.container import open_storage
from storage.core.entities import StoreAssociation
from storage.maintenance.reindexing.reindex import reindex
from tests.dicom_node.builders import ct_instance, encoded, item_of, storescu, write
from tests.dicom_node.conftest import Node
from tests.storage.deletion.test_deleting import close


def test_each_instance_knows_how_its_sender_called(node: Node, tmp_path: Path) -> None:
    """DCMTK calls the node under two names; a large instance and one by HTTP are told apart."""
    by_mammography, to_the_node = ct_instance(seed=1), ct_instance(seed=2)
    storescu(node.port, [write(by_mammography, tmp_path / "a.dcm")], "-aec", "MAMMO_IN")
    storescu(node.port, [write(to_the_node, tmp_path / "b.dcm")])
    large = ct_instance(size=2200)
    (stored,) = send(
        [item_of(encoded(large))],
        peer=replace(node.peer, ae_title="LARGE_IN"),
        calling_ae_title="CT1",
    )
    assert stored.status == 0x0000
    by_http = ct_instance(seed=4)
    node.storage.ingest.accept(encoded(by_http), "stow")
    expected = {
        by_mammography.SOPInstanceUID: StoreAssociation("MAMMO_IN", "127.0.0.1"),
        to_the_node.SOPInstanceUID: StoreAssociation("MEDIVIEW", "127.0.0.1"),
        large.SOPInstanceUID: StoreAssociation("LARGE_IN", "127.0.0.1"),
        by_http.SOPInstanceUID: StoreAssociation("", ""),
    }
    index = node.storage.index
    assert {uid: index.instance(uid).association for uid in expected} == expected


def test_the_index_that_is_rebuilt_knows_it_too(node: Node, tmp_path: Path) -> None:
    sent, large = ct_instance(seed=1), ct_instance(size=2200)
    storescu(node.port, [write(sent, tmp_path / "a.dcm")], "-aec", "MAMMO_IN")
    send([item_of(encoded(large))], peer=node.peer, calling_ae_title="CT1")
    settings = node.storage.settings
    node.scp.shutdown(grace_s=1.0)
    close(node.storage)
    settings = settings.model_copy(
        update={"database_url": f"sqlite:///{settings.data_dir.absolute()}/new.sqlite3"}
    )
    reindex(settings, "volumes")
    with open_storage(settings) as storage:
        found = [storage.index.instance(one.SOPInstanceUID).association for one in (sent, large)]
    assert found == [
        StoreAssociation("MAMMO_IN", "127.0.0.1"),
        StoreAssociation("MEDIVIEW", "127.0.0.1"),
    ]
