"""Messages about steps that are large, or make a step large."""

import struct
import time

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, ImplicitVRLittleEndian, generate_uid

from dicom_node.network.data_sets import decode_data_set
from dicom_node.normalized import procedure_step_scp, step_size
from dicom_node.normalized.requests import Refused
from storage.core.errors import LimitExceeded
from tests.dicom_node.conftest import Node
from tests.dicom_node.normalized.steps import (
    IAN,
    MPPS,
    SERIES,
    beginning,
    ending,
    modality,
    notice,
    uids,
)


def test_a_step_does_not_grow_without_end(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """By updates that are counted one by one."""
    monkeypatch.setattr(step_size, "MOST_IN_JSON", 100)
    with modality(node) as scu:
        assert scu.send_n_create(beginning(), MPPS, "1.2.3")[0].Status == 0
        answers = []
        for group in (0x0009, 0x000B, 0x000D):
            more = Dataset()
            for number in range(0x1000, 0x1010):
                more.add_new(group << 16 | number, "LO", "x")
            answers.append(scu.send_n_set(more, MPPS, "1.2.3")[0].Status)
    assert answers == [0, 0, 0x0213]


def test_a_message_of_too_many_references_is_refused(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(procedure_step_scp.ProcedureStepSetScp, "max_elements", 300)
    with modality(node) as scu:
        uid = generate_uid()
        assert scu.send_n_create(beginning(), MPPS, uid)[0].Status == 0
        many = ending("COMPLETED", [generate_uid() for _ in range(100)])
        assert scu.send_n_set(many, MPPS, uid)[0].Status == 0x0213
        few = ending("COMPLETED", [generate_uid() for _ in range(90)])
        assert scu.send_n_set(few, MPPS, uid)[0].Status == 0


def test_59000_references_cost_no_decoding() -> None:
    """They took a receiving process eight seconds, and as much again for each repetition."""
    uid = b"2.25.1234567890\0"
    element = struct.pack("<HHI", 0x0008, 0x1155, len(uid)) + uid
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 2 * len(element)) + 2 * element
    images = struct.pack("<HHI", 0x0008, 0x1140, len(item) * 59_000) + item * 59_000
    series = struct.pack("<HHI", 0xFFFE, 0xE000, len(images)) + images
    message = struct.pack("<HHI", 0x0040, 0x0340, len(series)) + series
    began_s = time.thread_time()
    with pytest.raises(LimitExceeded):
        decode_data_set(message, ImplicitVRLittleEndian, step_size.MOST_ELEMENTS)
    assert time.thread_time() - began_s < 1.5


def private(element: int, size_bytes: int, into: Dataset | None = None) -> Dataset:
    dataset = Dataset() if into is None else into
    block = dataset.private_block(0x0011, "TEST", create=True)
    block.add_new(element, "OB", bytes(size_bytes))
    return dataset


def test_what_is_no_reference_stays_short(node: Node) -> None:
    """By one message or by several: each message about a step reads and writes all of it."""
    uid = generate_uid()
    with modality(node) as scu:
        assert scu.send_n_create(beginning(), MPPS, uid)[0].Status == 0x0000
        answers = [scu.send_n_set(private(n, 100 << 10), MPPS, uid)[0].Status for n in (1, 2)]
        assert answers == [0x0000, 0x0213]
        within = ending("COMPLETED", uids(1, 2))
        private(1, 300 << 10, within.PerformedSeriesSequence[0].ReferencedImageSequence[1])
        assert scu.send_n_set(within, MPPS, uid)[0].Status == 0x0213
        large = private(1, 300 << 10, beginning())
        assert scu.send_n_create(large, MPPS, generate_uid())[0].Status == 0x0213
        large_notice = private(1, 300 << 10, notice(uids(1)))
        assert scu.send_n_create(large_notice, IAN, generate_uid())[0].Status == 0x0213
        many = beginning()
        many.ScheduledStepAttributesSequence = [
            beginning(generate_uid()).ScheduledStepAttributesSequence[0] for _ in range(101)
        ]
        assert scu.send_n_create(many, MPPS, generate_uid())[0].Status == 0x0213
        assert scu.send_n_set(ending("COMPLETED", uids(1)), MPPS, uid)[0].Status == 0x0000


def test_33000_references_are_none_of_what_stays_short() -> None:
    class_uid = {"vr": "UI", "Value": [str(CTImageStorage)]}
    items = [
        {"00081150": class_uid, "00081155": {"vr": "UI", "Value": [f"{SERIES}.{n:044}"]}}
        for n in range(33_000)
    ]
    series = {"0020000E": {"vr": "UI", "Value": [SERIES]}, "00081140": {"vr": "SQ", "Value": items}}
    step = {"00400340": {"vr": "SQ", "Value": [series]}}
    step_size.check_size(step, "00400340", ("00081140", "00400220"), step)


def test_what_only_looks_like_references_is_short_as_well() -> None:
    long, uid = "A" * (300 << 10), {"vr": "UI", "Value": [SERIES]}
    for series in (
        {"vr": "UN", "InlineBinary": long},
        {"vr": "LO", "Value": [long]},
        {"vr": "SQ", "Value": [{"0020000E": {"vr": "UI", "Value": [long]}}]},
        {"vr": "SQ", "Value": [{"0020000E": uid, "00081140": {"vr": "UN", "InlineBinary": long}}]},
        {"vr": "SQ", "Value": [{"00081140": {"vr": "LO", "Value": [long]}}]},
        {
            "vr": "SQ",
            "Value": [
                {"00081140": {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": [long]}}]}}
            ],
        },
    ):
        step = {"00400340": series}
        with pytest.raises(Refused, match="beside references"):
            step_size.check_size(step, "00400340", ("00081140", "00400220"), step)
