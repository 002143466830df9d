"""What a peer may see over DIMSE, by its access groups: every query and retrieve service."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, Association, build_role, evt
from pynetdicom.sop_class import (
    CTImageStorage,
    InstanceAvailabilityNotification,
    ModalityPerformedProcedureStep,
    ModalityWorklistInformationFind,
    PatientRootQueryRetrieveInformationModelFind,
    PatientRootQueryRetrieveInformationModelGet,
    PatientRootQueryRetrieveInformationModelMove,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from dicom_node.association.authorization import _DECIDE_THEMSELVES, _NARROWED
from dicom_node.commitment.check import failures_of
from dicom_node.normalized.requests import NO_SUCH_SOP_INSTANCE
from dicom_node.scu import send
from dicom_node.server.scp import start_scp
from inference.access_groups.service import apply_rules
from storage.access_groups.entities import Member
from storage.commitment.entities import Reference
from storage.container import open_storage
from storage.core.clock import utcnow
from storage.mpps.senders import Sender
from storage.peers.repository import KnownPeer
from storage.settings import Destination
from storage.worklist.repository import WorklistItem
from tests.dicom_node.builders import ct_instance, encoded, item_of
from tests.dicom_node.conftest import Node, node_settings
from tests.migrated import upgrade
from tests.services import free_port

OURS, THEIRS = "CTN", "CTS"
BROKER = "BROKER"
FINDS = (
    PatientRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelFind,
)
GETS = (PatientRootQueryRetrieveInformationModelGet, StudyRootQueryRetrieveInformationModelGet)
MOVES = (PatientRootQueryRetrieveInformationModelMove, StudyRootQueryRetrieveInformationModelMove)


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


def order(ae_title: str) -> dict[str, object]:
    step = {
        "Modality": "CT",
        "ScheduledStationAETitle": ae_title,
        "ScheduledProcedureStepStartDate": "20260601",
        "ScheduledProcedureStepStartTime": "080000",
        "ScheduledProcedureStepID": "1",
    }
    return {
        "PatientName": f"Ordered^{ae_title}",
        "PatientID": f"ORD-{ae_title}",
        "StudyInstanceUID": str(generate_uid(entropy_srcs=["order", ae_title])),
        "AccessionNumber": f"O{ae_title}",
        "ScheduledProcedureStepSequence": [step],
    }


def keys(level: str, **wanted: str) -> Dataset:
    asked = Dataset()
    asked.QueryRetrieveLevel = level
    asked.PatientID = ""
    for keyword, value in wanted.items():
        setattr(asked, keyword, value)
    return asked


LEVELS: dict[str, str] = {
    "PATIENT": "PatientID",
    "STUDY": "StudyInstanceUID",
    "SERIES": "SeriesInstanceUID",
    "IMAGE": "SOPInstanceUID",
}


def naming(dataset: Dataset, level: str, *, alone: bool = False) -> Dataset:
    """The unique keys down to a level, or the one of the level alone."""
    names = list(LEVELS)
    wanted = [level] if alone else names[: names.index(level) + 1]
    asked = Dataset()
    asked.QueryRetrieveLevel = level
    for name in wanted:
        keyword = LEVELS[name]
        setattr(asked, keyword, str(getattr(dataset, keyword)))
    return asked


def found(node: Node, calling: str, model: str, asked: Dataset) -> list[Dataset]:
    ae = AE(calling)
    ae.add_requested_context(model)
    association = ae.associate("127.0.0.1", node.port, ae_title="MEDIVIEW")
    assert association.is_established
    answers = [one for _, one in association.send_c_find(asked, model) if one is not None]
    association.release()
    return answers


def test_every_service_that_answers_with_studies_is_narrowed(node: Node) -> None:
    ae = AE(OURS)
    ae.add_requested_context("1.2.840.10008.1.1")
    association = ae.associate("127.0.0.1", node.port, ae_title="MEDIVIEW")
    (served,) = node.scp._snapshot()
    association.release()
    assert set(served.handlers) == _NARROWED | _DECIDE_THEMSELVES


@pytest.mark.parametrize("model", FINDS)
def test_a_list_of_studies_has_those_of_the_group(
    node: Node, sent: dict[str, Dataset], model: str
) -> None:
    for calling in (OURS, THEIRS):
        answers = found(node, calling, model, keys("STUDY", StudyInstanceUID=""))
        assert [one.StudyInstanceUID for one in answers] == [sent[calling].StudyInstanceUID]
    assert found(node, "STRANGER", model, keys("STUDY", StudyInstanceUID="")) == []


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("alone", [False, True], ids=["with all keys", "by the one key"])
def test_no_key_of_another_groups_study_is_answered(
    node: Node, sent: dict[str, Dataset], level: str, alone: bool
) -> None:
    model = FINDS[0] if level == "PATIENT" else FINDS[1]
    asked = naming(sent[THEIRS], level, alone=alone)
    asked.PatientName = ""
    asked.InstitutionName = ""  # answered from headers, beyond the index
    assert found(node, OURS, model, asked) == []
    if not alone or level != "IMAGE":
        assert found(node, THEIRS, model, asked)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("service", ["get", "move"])
def test_nothing_of_another_group_is_sent(
    node: Node, sent: dict[str, Dataset], level: str, service: str
) -> None:
    for calling, count in ((OURS, 0), (THEIRS, 1)):
        for alone in (False, True):
            asked = naming(sent[THEIRS], level, alone=alone)
            assert len(retrieved(node, calling, service, level, asked)) == count, (calling, alone)


def retrieved(node: Node, calling: str, service: str, level: str, asked: Dataset) -> list[str]:
    """SOPInstanceUIDs that arrive at the caller, or at the destination of its C-MOVE."""
    arrived: list[str] = []

    def take(event: evt.Event) -> int:
        arrived.append(str(event.request.AffectedSOPInstanceUID))
        return 0x0000

    handlers = [(evt.EVT_C_STORE, take)]
    models = GETS if service == "get" else MOVES
    model = models[0] if level == "PATIENT" else models[1]
    ae = AE(calling)
    ae.add_requested_context(model)
    if service == "get":
        ae.add_requested_context(CTImageStorage)
        association = ae.associate(
            "127.0.0.1",
            node.port,
            ae_title="MEDIVIEW",
            ext_neg=[build_role(CTImageStorage, scp_role=True)],
            evt_handlers=handlers,
        )
        assert association.is_established
        list(association.send_c_get(asked, model))
        association.release()
        return arrived
    destination = node.storage.peers.find("RECV")
    assert destination is not None
    receiver = AE("RECV")
    receiver.add_supported_context(CTImageStorage)
    server = receiver.start_server(
        ("127.0.0.1", destination.port), block=False, evt_handlers=handlers
    )
    try:
        association = ae.associate("127.0.0.1", node.port, ae_title="MEDIVIEW")
        assert association.is_established
        list(association.send_c_move(asked, "RECV", model))
        association.release()
    finally:
        server.shutdown()
    return arrived


def test_a_modality_sees_its_own_orders(node: Node) -> None:
    asked = Dataset()
    asked.PatientID = ""
    asked.PatientName = ""
    for calling, expected in ((OURS, [f"ORD-{OURS}"]), (THEIRS, [f"ORD-{THEIRS}"]), ("X", [])):
        answers = found(node, calling, ModalityWorklistInformationFind, asked)
        assert [one.PatientID for one in answers] == expected


def test_a_peer_is_committed_to_what_it_sent_and_told_of_nothing_else(
    node: Node, sent: dict[str, Dataset]
) -> None:
    theirs = Reference(str(CTImageStorage), str(sent[THEIRS].SOPInstanceUID))
    assert (
        failures_of(
            node.storage.engine,
            node.storage.index,
            node.storage.instances,
            node.storage.peers,
            [theirs],
            THEIRS,
        )
        == {}
    )
    assert failures_of(
        node.storage.engine,
        node.storage.index,
        node.storage.instances,
        node.storage.peers,
        [theirs],
        OURS,
    ) == {theirs.sop_instance_uid: NO_SUCH_SOP_INSTANCE}


def test_a_peer_that_leaves_a_group_sees_no_more_within_the_same_association(
    node: Node, sent: dict[str, Dataset]
) -> None:
    group, member = f"hospital of {OURS}", Member("peer", OURS)
    model = FINDS[1]
    ae = AE(OURS)
    ae.add_requested_context(model)
    association = ae.associate("127.0.0.1", node.port, ae_title="MEDIVIEW")
    asked = keys("STUDY", StudyInstanceUID="")
    assert [one for _, one in association.send_c_find(asked, model) if one is not None]
    node.storage.access_groups.remove_member(group, member)
    try:
        assert not [one for _, one in association.send_c_find(asked, model) if one is not None]
    finally:
        node.storage.access_groups.add_member(group, member)
        association.release()


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


def step(study_instance_uid: str, dataset: Dataset | None = None) -> Dataset:
    """A step that begins, and promises an instance more of the data set's series."""
    scheduled = Dataset()
    scheduled.StudyInstanceUID = study_instance_uid
    begun = Dataset()
    begun.ScheduledStepAttributesSequence = [scheduled]
    begun.PerformedProcedureStepStatus = "IN PROGRESS"
    begun.PerformedSeriesSequence = [] if dataset is None else [promised(dataset)]
    return begun


def promised(dataset: Dataset, keyword: str = "ReferencedImageSequence") -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID = CTImageStorage
    reference.ReferencedSOPInstanceUID = generate_uid()
    series = Dataset()
    series.SeriesInstanceUID = dataset.SeriesInstanceUID
    setattr(series, keyword, [reference])
    return series


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
    assert node.storage.expectations.of_series(series_instance_uid) == []
    uid = generate_uid()
    assert create(node, OURS, step(str(sent[OURS].StudyInstanceUID), sent[OURS]), uid) == 0
    try:
        assert len(node.storage.expectations.of_series(series_instance_uid)) == 1
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
        assert len(node.storage.expectations.of_series(str(sent[OURS].SeriesInstanceUID))) == 1
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
        expected = node.storage.expectations.of_series(str(mine.SeriesInstanceUID))
        assert [one.announced_by for one in expected] == [f"ian:{uid}"]
    finally:
        node.storage.expectations.announce(f"ian:{uid}", {}, is_final=True)
