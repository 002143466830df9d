"""MPPS and Instance Availability Notification by pynetdicom: kept, and what they announce."""

import struct
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, ImplicitVRLittleEndian, generate_uid
from pynetdicom import AE
from pynetdicom.sop_class import InstanceAvailabilityNotification, ModalityPerformedProcedureStep

from dicom_node.network.data_sets import decode_data_set
from dicom_node.normalized import procedure_step_scp, step_size
from dicom_node.normalized.requests import Refused
from dicom_node.scu import send
from storage.core.errors import LimitExceeded, StorageUnavailable
from storage.index.expected_instances import Announced
from storage.mpps import repository, step_text
from storage.mpps.repository import ProcedureStep, ProcedureSteps
from tests.dicom_node.builders import ct_instance, encoded, item_of
from tests.dicom_node.conftest import Node
from tests.dicom_node.worklist.test_worklist import attributes

MPPS, IAN = ModalityPerformedProcedureStep, InstanceAvailabilityNotification
STUDY, SERIES = "1.2.840.5.1", "1.2.840.5.1.1"


@contextmanager
def modality(node: Node, ae_title: str = "CT1") -> Iterator[Any]:
    ae = AE(ae_title)
    ae.add_requested_context(MPPS)
    ae.add_requested_context(IAN)
    association = ae.associate("127.0.0.1", node.port)
    assert association.is_established
    try:
        yield association
    finally:
        association.release()


def beginning(study_instance_uid: str = STUDY) -> Dataset:
    scheduled = Dataset()
    scheduled.StudyInstanceUID = study_instance_uid
    scheduled.ScheduledProcedureStepID = "S1"
    step = Dataset()
    step.ScheduledStepAttributesSequence = [scheduled]
    step.PatientName = "Müller^Jürgen"
    step.SpecificCharacterSet = "ISO_IR 100"
    step.PerformedProcedureStepID = "P1"
    step.PerformedStationAETitle = "CT1"
    step.PerformedProcedureStepStartDate = "20240131"
    step.PerformedProcedureStepStartTime = "101500"
    step.PerformedProcedureStepStatus = "IN PROGRESS"
    step.Modality = "CT"
    step.PerformedSeriesSequence = []
    return step


def references(uids: Sequence[str]) -> list[Dataset]:
    items = []
    for uid in uids:
        item = Dataset()
        item.ReferencedSOPClassUID = CTImageStorage
        item.ReferencedSOPInstanceUID = uid
        items.append(item)
    return items


def ending(state: str, uids: Sequence[str]) -> Dataset:
    series = Dataset()
    series.SeriesInstanceUID = SERIES
    series.ReferencedImageSequence = references(uids)
    step = Dataset()
    step.PerformedProcedureStepStatus = state
    step.PerformedProcedureStepEndDate = "20240131"
    step.PerformedSeriesSequence = [series]
    return step


def receive(node: Node, numbers: Sequence[int]) -> None:
    items = [
        item_of(
            encoded(
                ct_instance(
                    study_instance_uid=STUDY,
                    series_instance_uid=SERIES,
                    sop_instance_uid=f"{SERIES}.{n}",
                    instance_number=n,
                )
            )
        )
        for n in numbers
    ]
    assert all(result.ok for result in send(items, peer=node.peer, calling_ae_title="CT1"))


def uids(*numbers: int) -> list[str]:
    return [f"{SERIES}.{n}" for n in numbers]


def announced(node: Node) -> Announced | None:
    found = node.storage.expectations.of_receiving()
    return found[0] if found else None


def test_a_completed_step_says_what_its_series_has(node: Node) -> None:
    uid = generate_uid()
    with modality(node) as scu:
        status, _ = scu.send_n_create(beginning(), MPPS, uid)
        assert status.Status == 0
        receive(node, [1, 2])
        assert announced(node) is None
        status, _ = scu.send_n_set(ending("COMPLETED", uids(1, 2, 3)), MPPS, uid)
        assert status.Status == 0
        step = node.storage.procedure_steps.get(uid)
        assert (step.state, step.calling_ae_title) == ("COMPLETED", "CT1")
        # What N-CREATE said stays beside what N-SET added.
        kept = Dataset.from_json(step.attributes)
        assert str(kept.PatientName) == "Müller^Jürgen"
        assert kept.PerformedProcedureStepEndDate == "20240131"
        waiting = announced(node)
        assert waiting is not None
        assert waiting.missing == frozenset(uids(3))
        assert not waiting.is_whole
        receive(node, [3])
        whole = announced(node)
        assert whole is not None
        assert whole.is_whole
        receive(node, [4])
        more = announced(node)
        assert more is not None
        assert (more.missing, more.extra_count, more.is_whole) == (frozenset(), 1, False)


def test_a_step_in_progress_promises_and_a_discontinued_one_takes_back(node: Node) -> None:
    uid = generate_uid()
    with modality(node) as scu:
        scu.send_n_create(beginning(), MPPS, uid)
        receive(node, [1])
        scu.send_n_set(ending("IN PROGRESS", uids(1, 2)), MPPS, uid)
        waiting = announced(node)
        assert waiting is not None
        assert waiting.missing == frozenset(uids(2))
        receive(node, [2])
        so_far = announced(node)
        assert so_far is not None
        assert not so_far.is_whole, "the step goes on"
        scu.send_n_set(ending("DISCONTINUED", uids(1, 2, 3)), MPPS, uid)
        assert announced(node) is None
        assert node.storage.procedure_steps.get(uid).state == "DISCONTINUED"


def test_a_step_that_has_ended_changes_no_more(node: Node) -> None:
    uid = generate_uid()
    with modality(node) as scu:
        scu.send_n_create(beginning(), MPPS, uid)
        scu.send_n_set(ending("COMPLETED", uids(1)), MPPS, uid)
        status, _ = scu.send_n_set(ending("IN PROGRESS", uids(1, 2)), MPPS, uid)
        assert status.Status == 0x0110
        assert status.ErrorID == 0xA710
        assert node.storage.procedure_steps.get(uid).state == "COMPLETED"


def test_a_step_and_its_order_change_together_or_not(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = node.storage.worklist.add({**attributes(1), "StudyInstanceUID": STUDY})
    uid = generate_uid()

    def state_of_both() -> tuple[str, str]:
        order = node.storage.worklist.get(item.worklist_item_id)
        return node.storage.procedure_steps.get(uid).state, order.state

    def away(*_: object) -> int:
        raise StorageUnavailable("The database is away.", remedy="Wait.")

    with modality(node) as scu:
        with monkeypatch.context() as patch:
            patch.setattr(repository, "follow_step", away)
            assert scu.send_n_create(beginning(), MPPS, uid)[0].Status != 0
        assert scu.send_n_create(beginning(), MPPS, uid)[0].Status == 0
        assert state_of_both() == ("IN PROGRESS", "IN PROGRESS")
        with monkeypatch.context() as patch:
            patch.setattr(repository, "follow_step", away)
            assert scu.send_n_set(ending("COMPLETED", []), MPPS, uid)[0].Status != 0
        assert state_of_both() == ("IN PROGRESS", "IN PROGRESS")
        assert scu.send_n_set(ending("COMPLETED", []), MPPS, uid)[0].Status == 0
        assert state_of_both() == ("COMPLETED", "COMPLETED")


def test_messages_at_once_lose_nothing_of_each_other(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid, change = generate_uid(), ProcedureSteps.change
    first, second = Dataset(), Dataset()
    first.PerformedStationName, second.PerformedLocation = "CT-EAST", "Ward 3"

    def beside_another(*arguments: Any, **named: Any) -> ProcedureStep:
        monkeypatch.setattr(ProcedureSteps, "change", change)
        with modality(node, "CT2") as other:
            assert other.send_n_set(second, MPPS, uid)[0].Status == 0
        return change(*arguments, **named)

    with modality(node) as scu:
        assert scu.send_n_create(beginning(), MPPS, uid)[0].Status == 0
        monkeypatch.setattr(ProcedureSteps, "change", beside_another)
        assert scu.send_n_set(first, MPPS, uid)[0].Status == 0
    kept = Dataset.from_json(node.storage.procedure_steps.get(uid).attributes)
    assert (kept.PerformedStationName, kept.PerformedLocation) == ("CT-EAST", "Ward 3")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"PerformedProcedureStepStatus": "COMPLETED"}, 0x0106),
        ({"PerformedProcedureStepStatus": "BEGUN"}, 0x0106),
        ({"PerformedProcedureStepStatus": None}, 0x0120),
        ({"ScheduledStepAttributesSequence": []}, 0x0120),
    ],
)
def test_a_step_that_cannot_begin_is_refused(
    node: Node, changes: dict[str, Any], status: int
) -> None:
    step = beginning()
    for keyword, value in changes.items():
        setattr(step, keyword, value)
    with modality(node) as scu:
        answer, _ = scu.send_n_create(step, MPPS, "1.2.3")
        assert answer.Status == status


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


def test_a_uid_is_taken_once_unknown_ones_are_said_and_missing_ones_given(node: Node) -> None:
    with modality(node) as scu:
        assert scu.send_n_create(beginning(), MPPS, "1.2.3")[0].Status == 0
        assert scu.send_n_create(beginning(), MPPS, "1.2.3")[0].Status == 0x0111
        assert scu.send_n_set(ending("COMPLETED", []), MPPS, "1.2.4")[0].Status == 0x0112
        # A class has its own operations: a notice cannot be changed.
        assert scu.send_n_set(ending("COMPLETED", []), IAN, "1.2.5")[0].Status == 0x0211


def notice(uids_: Sequence[str], **availability: str) -> Dataset:
    dataset = Dataset()
    dataset.StudyInstanceUID = STUDY
    dataset.ReferencedPerformedProcedureStepSequence = []
    series = Dataset()
    series.SeriesInstanceUID = SERIES
    series.ReferencedSOPSequence = references(uids_)
    for item in series.ReferencedSOPSequence:
        last = item.ReferencedSOPInstanceUID.rsplit(".", 1)[1]
        item.InstanceAvailability = availability.get(f"n{last}", "ONLINE")
        item.RetrieveAETitle = "PACS"
    dataset.ReferencedSeriesSequence = [series]
    return dataset


def test_a_notice_says_what_is_to_be_had(node: Node) -> None:
    receive(node, [1, 2])
    with modality(node) as scu:
        status, _ = scu.send_n_create(notice(uids(1, 2, 3, 9), n9="UNAVAILABLE"), IAN, "1.2.9")
        assert status.Status == 0
    waiting = announced(node)
    assert waiting is not None
    assert waiting.missing == frozenset(uids(3))
    (kept,) = node.storage.procedure_steps.notices_of(STUDY)
    assert (kept.sop_instance_uid, kept.calling_ae_title) == ("1.2.9", "CT1")
    receive(node, [3])
    whole = announced(node)
    assert whole is not None
    assert whole.is_whole


def test_a_notice_about_nothing_is_refused(node: Node) -> None:
    with modality(node) as scu:
        empty = notice([])
        del empty.ReferencedSeriesSequence
        assert scu.send_n_create(empty, IAN, "1.2.9")[0].Status == 0x0120
        nowhere = notice(uids(1))
        del nowhere.StudyInstanceUID
        assert scu.send_n_create(nowhere, IAN, "1.2.9")[0].Status == 0x0120


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


def test_messages_of_one_peer_change_a_step_one_after_the_other(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twelve associations of one modality hold the database as one does."""
    uid, change, at_once = generate_uid(), ProcedureSteps.change, []
    working = threading.Semaphore(0)

    def counting(*arguments: Any, **named: Any) -> ProcedureStep:
        working.release()
        at_once.append(working._value)
        time.sleep(0.02)
        try:
            return change(*arguments, **named)
        finally:
            working.acquire()

    def set_one(number: int) -> int:
        more = Dataset()
        more.PerformedProcedureStepDescription = f"{number}"
        with modality(node) as scu:
            return int(scu.send_n_set(more, MPPS, uid)[0].Status)

    with modality(node) as scu:
        assert scu.send_n_create(beginning(), MPPS, uid)[0].Status == 0
    monkeypatch.setattr(ProcedureSteps, "change", counting)
    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(set_one, range(6))) == {0}
    assert at_once == [1] * 6


def test_a_small_change_leaves_what_a_large_step_announced(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid, more = generate_uid(), Dataset()
    more.PerformedProcedureStepDescription = "Thorax"

    def written_anew(*_: object, **__: object) -> None:
        raise AssertionError

    decode = step_text.from_json

    def without_series(text: str) -> Any:
        assert SERIES not in text, "they take long to decode"
        return decode(text)

    with modality(node) as scu:
        scu.send_n_create(beginning(), MPPS, uid)
        receive(node, [1])
        scu.send_n_set(ending("IN PROGRESS", uids(1, 2)), MPPS, uid)
        with monkeypatch.context() as patch:
            patch.setattr(repository, "announce", written_anew)
            patch.setattr(step_text, "from_json", without_series)
            assert scu.send_n_set(more, MPPS, uid)[0].Status == 0
        kept = Dataset.from_json(node.storage.procedure_steps.get(uid).attributes)
        assert kept.PerformedProcedureStepDescription == "Thorax"
        (series,) = kept.PerformedSeriesSequence
        images = [one.ReferencedSOPInstanceUID for one in series.ReferencedImageSequence]
        assert images == uids(1, 2)
        waiting = announced(node)
        assert waiting is not None
        assert waiting.missing == frozenset(uids(2))
        # An end without its series is one of those that were named before.
        end = Dataset()
        end.PerformedProcedureStepStatus = "COMPLETED"
        assert scu.send_n_set(end, MPPS, uid)[0].Status == 0
        receive(node, [2])
        whole = announced(node)
        assert whole is not None
        assert whole.is_whole
