"""MPPS and Instance Availability Notification by pynetdicom: kept, and what they announce."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from storage.core.errors import StorageUnavailable
from storage.mpps import repository, step_text
from storage.mpps.repository import ProcedureStep, ProcedureSteps
from tests.dicom_node.conftest import Node
from tests.dicom_node.normalized.steps import (
    IAN,
    MPPS,
    SERIES,
    STUDY,
    announced,
    beginning,
    ending,
    modality,
    notice,
    receive,
    uids,
)
from tests.dicom_node.worklist.test_worklist import attributes


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
    first.PerformedProcedureTypeDescription, second.PerformedProcedureStepDescription = (
        "CT-EAST",
        "Ward 3",
    )

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
    assert (kept.PerformedProcedureTypeDescription, kept.PerformedProcedureStepDescription) == (
        "CT-EAST",
        "Ward 3",
    )


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


def test_a_uid_is_taken_once_unknown_ones_are_said_and_missing_ones_given(node: Node) -> None:
    with modality(node) as scu:
        assert scu.send_n_create(beginning(), MPPS, "1.2.3")[0].Status == 0
        assert scu.send_n_create(beginning(), MPPS, "1.2.3")[0].Status == 0x0111
        assert scu.send_n_set(ending("COMPLETED", []), MPPS, "1.2.4")[0].Status == 0x0112
        # A class has its own operations: a notice cannot be changed.
        assert scu.send_n_set(ending("COMPLETED", []), IAN, "1.2.5")[0].Status == 0x0211


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


def test_whose_step_it_is_stays_whatever_its_end_states(node: Node) -> None:
    uid = generate_uid()
    with modality(node) as scu:
        assert scu.send_n_create(beginning(), MPPS, uid)[0].Status == 0
        end = ending("COMPLETED", uids(1))
        end.PatientID = "ANOTHER"
        end.PatientName = "Somebody^Else"
        end.SpecificCharacterSet = "ISO_IR 100"
        end.ScheduledStepAttributesSequence = beginning("1.2.3").ScheduledStepAttributesSequence
        status, _ = scu.send_n_set(end, MPPS, uid)
        assert (status.Status, status.ErrorComment) == (
            0x0107,
            "Not changed by N-SET: 00100010, 00100020, 00400270",
        )
        # The rest of it counts: what ends the step is not lost.
        step = node.storage.procedure_steps.get(uid)
        stored = Dataset.from_json(step.attributes)
        assert (step.state, str(stored.PatientName)) == ("COMPLETED", "Müller^Jürgen")
        assert "PatientID" not in stored
        (scheduled,) = stored.ScheduledStepAttributesSequence
        assert scheduled.StudyInstanceUID == STUDY

        again = generate_uid()
        assert scu.send_n_create(beginning(), MPPS, again)[0].Status == 0
        end = ending("COMPLETED", uids(2))
        end.PatientName, end.SpecificCharacterSet = "Müller^Jürgen", "ISO_IR 100"
        assert scu.send_n_set(end, MPPS, again)[0].Status == 0
