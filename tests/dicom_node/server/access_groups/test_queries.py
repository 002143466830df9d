"""What a peer may see over DIMSE, by its access groups: every query and retrieve service."""

import time

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import (
    CTImageStorage,
    ModalityWorklistInformationFind,
    PatientRootQueryRetrieveInformationModelFind,
    PatientRootQueryRetrieveInformationModelGet,
    PatientRootQueryRetrieveInformationModelMove,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from dicom_node.association.authorization import _ANSWERS, _DECIDE_THEMSELVES, _NARROWED
from dicom_node.commitment.check import failures_of
from dicom_node.normalized.requests import NO_SUCH_SOP_INSTANCE
from inference.access_groups.service import apply_rules
from storage.access_groups.entities import Member
from storage.commitment.entities import Reference
from storage.core.callers.visibility import EVERYONE, Visibility, limited_to
from storage.core.clock import utcnow
from storage.peers.entities import KnownPeer
from tests.dicom_node.conftest import Node
from tests.dicom_node.server.access_groups.closed_node import OURS, THEIRS, order

FINDS = (
    PatientRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelFind,
)
GETS = (PatientRootQueryRetrieveInformationModelGet, StudyRootQueryRetrieveInformationModelGet)
MOVES = (PatientRootQueryRetrieveInformationModelMove, StudyRootQueryRetrieveInformationModelMove)


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
    assert set(served.handlers) == _NARROWED | _DECIDE_THEMSELVES | _ANSWERS


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


def test_a_station_sees_what_is_scheduled_for_it_whatever_group_ordered_it(node: Node) -> None:
    """A department orders for a scanner that belongs to another one, or to none."""
    storage = node.storage
    storage.peers.add(KnownPeer(name="SCAN", ae_title="SCAN"))
    ours = storage.access_groups.get(f"hospital of {OURS}")
    by_ours = Visibility("key:ward", (EVERYONE, ours.group_id), sees_unmatched=True)
    with limited_to(by_ours):
        added = storage.worklist.add(order("SCAN"))
    apply_rules(storage, utcnow(), budget_s=60)
    asked = Dataset()
    asked.PatientID = ""
    answers = {
        calling: {
            one.PatientID for one in found(node, calling, ModalityWorklistInformationFind, asked)
        }
        for calling in (OURS, THEIRS, "SCAN", "X")
    }
    assert answers == {
        OURS: {f"ORD-{OURS}", "ORD-SCAN"},
        THEIRS: {f"ORD-{THEIRS}"},
        "SCAN": {"ORD-SCAN"},
        "X": set(),
    }
    storage.peers.remove("SCAN")
    time.sleep(1.2)
    # Anybody may call under the title of a scanner that is not known.
    assert not found(node, "SCAN", ModalityWorklistInformationFind, asked)
    storage.worklist.remove(added.worklist_item_id)
