"""Instances that are not held in memory stream in, or leave nothing."""

import time
from functools import partial
from io import BytesIO

from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom.presentation import build_context
from pynetdicom.sop_class import CTImageStorage

from dicom_node import scu
from dicom_node.association.requestor import open_association
from dicom_node.network.command_set import encode_store_request
from dicom_node.network.pdu import data_pdus
from dicom_node.scu import send
from tests.dicom_node.builders import ct_instance, data_set_bytes, encoded, item_of
from tests.dicom_node.conftest import Node
from tests.patience import PATIENCE_S


def test_a_large_instance_streams_in_and_comes_back_whole(node: Node) -> None:
    """Above 8 MiB a data set is not held in memory; 60 MB come through like any other."""
    ds = ct_instance(size=5500)
    part10 = encoded(ds)
    small = ct_instance()
    results = send(
        [item_of(part10), item_of(encoded(small)), item_of(part10)],
        peer=node.peer,
        calling_ae_title="LARGE",
    )
    assert [result.status for result in results] == [0x0000] * 3
    assert node.data_set(ds.SOPInstanceUID) == data_set_bytes(part10)
    assert node.instance_count == 2


def test_a_large_instance_that_is_cut_off_leaves_nothing(node: Node) -> None:
    part10 = encoded(ct_instance(size=3000))
    item = item_of(part10)
    cut = scu.SendItem(
        item.sop_class_uid,
        item.sop_instance_uid,
        item.transfer_syntax_uid,
        partial(BytesIO, part10[:-1000]),
    )
    good = ct_instance()
    results = send([cut, item_of(encoded(good))], peer=node.peer, calling_ae_title="CUT")
    assert [result.status for result in results] == [0xC000, 0x0000]
    assert node.instance(item.sop_instance_uid) is None
    assert node.instance_count == 1


def test_a_sender_that_dies_in_the_middle_of_a_large_instance_leaves_no_file(node: Node) -> None:
    part10 = encoded(ct_instance(size=3000))
    data = memoryview(data_set_bytes(part10))
    association = open_association(
        node.peer, "DYING", [build_context(CTImageStorage, [ExplicitVRLittleEndian])]
    )
    command = encode_store_request(
        message_id=1, sop_class_uid=CTImageStorage, sop_instance_uid="1.2.3"
    )
    buffers = data_pdus(1, memoryview(command), is_command=True, max_pdu_bytes=100_000)
    buffers += data_pdus(1, data, is_command=False, max_pdu_bytes=100_000)
    association.connection.send(buffers[:-20])
    association.close()
    deadline = time.monotonic() + PATIENCE_S
    while node.scp.association_count and time.monotonic() < deadline:
        time.sleep(0.02)
    send([item_of(encoded(ct_instance()))], peer=node.peer, calling_ae_title="AFTER")
    files = [path for path in node.storage.settings.data_dir.rglob("*") if path.is_file()]
    assert max(path.stat().st_size for path in files if path.suffix == ".mvv") < 100_000
    assert node.instance_count == 1
