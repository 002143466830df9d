"""A stranger who sends other contents of a known image under ever other titles."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom import AE
from pynetdicom.sop_class import CTImageStorage

from dicom_node.server.scp import start_scp
from storage.container import open_storage
from storage.db.room import Limits
from storage.ingest import conflict_room
from tests.dicom_node.builders import ct_instance
from tests.dicom_node.conftest import Node, node_settings
from tests.migrated import upgrade


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    small = replace(conflict_room.CONFLICTS, of_one=Limits(5, 1 << 30))
    monkeypatch.setattr(conflict_room, "CONFLICTS", small)
    settings = node_settings(tmp_path)
    upgrade(settings)
    with open_storage(settings) as storage:
        scp = start_scp(storage)
        try:
            yield Node(storage, scp)
        finally:
            scp.shutdown(grace_s=1.0)


def store(node: Node, dataset: Dataset, ae_title: str) -> tuple[int, str]:
    ae = AE(ae_title)
    ae.add_requested_context(CTImageStorage, ImplicitVRLittleEndian)
    association = ae.associate("127.0.0.1", node.port, ae_title="MEDIVIEW")
    answer = association.send_c_store(dataset)
    association.release()
    return answer.Status, answer.get("ErrorComment", "")


def test_other_titles_give_a_stranger_no_more_room(node: Node) -> None:
    image = ct_instance(transfer_syntax_uid=ImplicitVRLittleEndian)
    assert store(node, image, "CT1") == (0, "")
    answers = []
    for number in range(12):
        image.PatientID = f"P-{number}"
        answers.append(store(node, image, f"SCANNER{number}"))
    assert [status for status, _ in answers] == [0xB000] * 5 + [0xA700] * 7
    assert "conflicts" in answers[-1][1]
    assert len(node.storage.conflicts.waiting()) == 5
    fresh = ct_instance(transfer_syntax_uid=ImplicitVRLittleEndian)
    assert store(node, fresh, "SCANNER9")[0] == 0
