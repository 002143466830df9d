"""Whose procedure steps a modality may go on with, by its access groups."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, Association
from pynetdicom.sop_class import (
    InstanceAvailabilityNotification,
    ModalityPerformedProcedureStep,
)

from inference.access_groups.service import apply_rules
from storage.access_groups.entities import Member
from storage.core.clock import utcnow
from storage.mpps.senders import Sender
from storage.worklist.entities import WorklistItem
from tests.dicom_node.conftest import Node
from tests.dicom_node.server.access_groups.closed_node import (
    BROKER,
    OURS,
    THEIRS,
    order,
    promised,
    step,
)


@contextmanager
def calling_as(node: Node, calling: str) -> Iterator[Association]:
    ae = AE(calling)
    ae.add_requested_context(ModalityPerformedProcedureStep)
    ae.add_requested_context(InstanceAvailabilityNotification)
    association = ae.associate("127.0.0.1", node.port, ae_title="MEDIVIEW")
    assert association.is_established
    try:
        yield association
    finally:
        association.release()


def create(node: Node, calling: str, dataset: Dataset, uid: str) -> int:
    with calling_as(node, calling) as scu:
        return int(scu.send_n_create(dataset, ModalityPerformedProcedureStep, uid)[0].Status)


def end(node: Node, calling: str, uid: str) -> int:
    ended = Dataset()
    ended.PerformedProcedureStepStatus = "COMPLETED"
    with calling_as(node, calling) as scu:
        return int(scu.send_n_set(ended, ModalityPerformedProcedureStep, uid)[0].Status)


@pytest.fixture
def ordered(node: Node) -> Iterator[WorklistItem]:
    """An order of our hospital, of whose study nothing is here yet."""
    wanted = order(OURS) | {"StudyInstanceUID": str(generate_uid())}
    item = node.storage.worklist.add(wanted)
    apply_rules(node.storage, utcnow(), budget_s=60)
    yield item
    node.storage.worklist.remove(item.worklist_item_id)


@pytest.mark.parametrize("caller", [THEIRS, "STRANGER"])
def test_a_procedure_step_of_another_group_answers_as_one_that_does_not_exist(
    node: Node, ordered: WorklistItem, caller: str
) -> None:
    uid = generate_uid()
    assert create(node, OURS, step(ordered.study_instance_uid), uid) == 0
    assert end(node, caller, uid) == end(node, caller, generate_uid()) == 0x0112
    assert node.storage.procedure_steps.get(uid).state == "IN PROGRESS"
    assert node.storage.worklist.get(ordered.worklist_item_id).state == "IN PROGRESS"


@pytest.mark.parametrize("caller", [OURS, BROKER])
def test_a_procedure_step_goes_on_by_who_began_it_and_by_its_groups(
    node: Node, ordered: WorklistItem, caller: str
) -> None:
    """A broker may end what a modality began."""
    uid = generate_uid()
    assert create(node, OURS, step(ordered.study_instance_uid), uid) == 0
    assert end(node, caller, uid) == 0
    assert node.storage.procedure_steps.get(uid).state == "COMPLETED"
    assert node.storage.worklist.get(ordered.worklist_item_id).state == "COMPLETED"


def test_a_step_that_an_earlier_version_noted_belongs_to_its_ae_title(
    node: Node, ordered: WorklistItem
) -> None:
    for caller, status in ((THEIRS, 0x0112), (BROKER, 0), (OURS, 0)):
        uid = generate_uid()
        node.storage.procedure_steps.create(uid, Sender("", OURS), {}, set(), {})
        assert end(node, caller, uid) == status


def test_anybody_goes_on_with_a_step_while_groups_are_not_enforced(
    node: Node, ordered: WorklistItem
) -> None:
    uid = generate_uid()
    assert create(node, OURS, step(ordered.study_instance_uid), uid) == 0
    node.storage.access_groups.enforce(False)
    try:
        assert end(node, THEIRS, uid) == 0
    finally:
        node.storage.access_groups.enforce(True)


def test_a_step_changes_no_order_and_no_series_of_another_group(
    node: Node, sent: dict[str, Dataset], ordered: WorklistItem
) -> None:
    """It is taken as one for a study that is not here, so that a modality goes on."""
    series_instance_uid = str(sent[OURS].SeriesInstanceUID)
    for study in (ordered.study_instance_uid, str(sent[OURS].StudyInstanceUID), generate_uid()):
        uid = generate_uid()
        assert create(node, THEIRS, step(study, sent[OURS]), uid) == 0
        assert end(node, THEIRS, uid) == 0
    assert node.storage.worklist.get(ordered.worklist_item_id).state == "SCHEDULED"
    studies = {
        one.study_instance_uid for one in node.storage.expectations.of_series(series_instance_uid)
    }
    assert studies.isdisjoint({ordered.study_instance_uid, str(sent[OURS].StudyInstanceUID)})
    uid = generate_uid()
    assert create(node, OURS, step(str(sent[OURS].StudyInstanceUID), sent[OURS]), uid) == 0
    try:
        study = str(sent[OURS].StudyInstanceUID)
        assert len(node.storage.expectations.of_series(series_instance_uid, study)) == 1
    finally:
        node.storage.expectations.announce(f"mpps:{uid}", {}, is_final=True)


def test_a_modality_without_a_group_works_off_what_is_scheduled_for_it_or_came_from_it(
    node: Node, sent: dict[str, Dataset], ordered: WorklistItem
) -> None:
    group, member = f"hospital of {OURS}", Member("peer", OURS)
    node.storage.access_groups.remove_member(group, member)
    scheduled, uid = generate_uid(), generate_uid()
    try:
        assert create(node, OURS, step(ordered.study_instance_uid), scheduled) == 0
        assert create(node, OURS, step(str(sent[OURS].StudyInstanceUID), sent[OURS]), uid) == 0
        assert node.storage.worklist.get(ordered.worklist_item_id).state == "IN PROGRESS"
        series, study = str(sent[OURS].SeriesInstanceUID), str(sent[OURS].StudyInstanceUID)
        assert len(node.storage.expectations.of_series(series, study)) == 1
    finally:
        node.storage.access_groups.add_member(group, member)
        node.storage.expectations.announce(f"mpps:{uid}", {}, is_final=True)


def test_a_notice_is_replaced_by_who_sent_it_and_says_nothing_of_other_groups_series(
    node: Node, sent: dict[str, Dataset]
) -> None:
    mine, uid = sent[OURS], generate_uid()
    notice = Dataset()
    notice.StudyInstanceUID = mine.StudyInstanceUID
    notice.ReferencedSeriesSequence = [promised(mine, "ReferencedSOPSequence")]
    answers = []
    for caller, one in ((OURS, uid), (THEIRS, uid), (BROKER, uid), (THEIRS, generate_uid())):
        with calling_as(node, caller) as scu:
            answer, _ = scu.send_n_create(notice, InstanceAvailabilityNotification, one)
            answers.append(answer.Status)
    try:
        assert answers == [0, 0x0111, 0, 0]
        series, study = str(mine.SeriesInstanceUID), str(mine.StudyInstanceUID)
        expected = node.storage.expectations.of_series(series, study)
        assert [one.announced_by for one in expected] == [f"ian:{uid}"]
    finally:
        node.storage.expectations.announce(f"ian:{uid}", {}, is_final=True)
