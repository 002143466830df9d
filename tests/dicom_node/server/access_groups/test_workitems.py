"""Which workitems a peer finds, reads and changes over DIMSE, by its access groups."""

from pydicom.dataset import Dataset

from tests.dicom_node.conftest import Node
from tests.dicom_node.server.access_groups.closed_node import BROKER, OURS, THEIRS
from tests.dicom_node.ups.workitems import CANCEL, QUERY, UNSUBSCRIBE, WATCH, client, named, step


def test_items_of_another_group_are_as_if_they_did_not_exist(
    node: Node, sent: dict[str, Dataset]
) -> None:
    study = sent[OURS].StudyInstanceUID
    with client(node, OURS) as modality:
        assert modality.create(step(sent[THEIRS].StudyInstanceUID))[0] == 0x0124
        status, uid = modality.create(step(study))
        assert status == 0x0000
    with client(node, BROKER) as broker:
        (found,) = broker.find(QUERY, SOPInstanceUID=uid)
        assert found.SOPInstanceUID == uid
        assert broker.get(uid)[0] == 0x0000
    for name in (THEIRS, "STRANGER"):
        with client(node, name) as other:
            assert other.find(QUERY, SOPInstanceUID=uid) == []
            assert other.get(uid)[0] == 0xC307
            assert other.set(uid, named(ProcedureStepLabel="x")) == 0xC307
            assert other.change(uid, "IN PROGRESS", "2.25.9") == 0xC307
            assert other.act(CANCEL, uid, named(), WATCH) == 0xC307
            assert other.act(UNSUBSCRIBE, uid, named(ReceivingAE=name), WATCH) == 0xC307
    assert node.storage.workitems.get(uid).state == "SCHEDULED"
