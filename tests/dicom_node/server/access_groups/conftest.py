"""A node with access groups, its peers and what it holds."""

from collections.abc import Iterator

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from dicom_node.scu import send
from dicom_node.server.scp import start_scp
from inference.access_groups.service import apply_rules
from storage.access_groups.entities import Member
from storage.container import open_storage
from storage.core.clock import utcnow
from storage.peers.entities import KnownPeer
from storage.settings import Destination
from tests.dicom_node.builders import ct_instance, encoded, item_of
from tests.dicom_node.conftest import Node, node_settings
from tests.dicom_node.server.access_groups.closed_node import BROKER, OURS, THEIRS, order
from tests.migrated import upgrade
from tests.services import free_port


@pytest.fixture(scope="module")
def sent() -> dict[str, Dataset]:
    return {
        ae_title: ct_instance(
            patient_id=f"PAT-{ae_title}",
            patient_name=f"Patient^{ae_title}",
            study_instance_uid=generate_uid(),
            series_instance_uid=generate_uid(),
        )
        for ae_title in (OURS, THEIRS)
    }


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, sent: dict[str, Dataset]) -> Iterator[Node]:
    """Two modalities and a workstation of the first one's hospital; groups are enforced."""
    folder = tmp_path_factory.mktemp("node")
    receiver = Destination("RECV", "RECV", "127.0.0.1", free_port())
    settings = node_settings(folder, destinations=(receiver,))
    upgrade(settings)
    with open_storage(settings) as storage:
        scp = start_scp(storage)
        node = Node(storage, scp)
        for ae_title in (OURS, THEIRS):
            group = f"hospital of {ae_title}"
            storage.access_groups.add(group, rule={"SendingApplicationEntityTitle": ae_title})
            storage.peers.add(KnownPeer(name=ae_title, ae_title=ae_title))
            storage.access_groups.add_member(group, Member("peer", ae_title))
            (result,) = send(
                [item_of(encoded(sent[ae_title]))], peer=node.peer, calling_ae_title=ae_title
            )
            assert result.ok
            storage.worklist.add(order(ae_title))
        storage.peers.add(KnownPeer(name=BROKER, ae_title=BROKER))
        storage.access_groups.add_member(f"hospital of {OURS}", Member("peer", BROKER))
        apply_rules(storage, utcnow(), budget_s=60)
        storage.access_groups.enforce(True)
        try:
            yield node
        finally:
            scp.shutdown(grace_s=1.0)
