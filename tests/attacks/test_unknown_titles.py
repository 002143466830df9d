"""A made-up AE title gives, and takes nothing: no list of patients, no images, no worklist."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE
from pynetdicom.sop_class import (
    ModalityPerformedProcedureStep,
    ModalityWorklistInformationFind,
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from dicom_node.server.scp import start_scp
from storage.container import open_storage
from storage.peers.entities import ACTIONS, KnownPeer
from storage.settings import Settings, load_settings
from tests.dicom_node.builders import ct_instance, dcmtk, write
from tests.dicom_node.conftest import Node
from tests.migrated import upgrade

NOT_AUTHORIZED = 0x0124


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """As it is installed, but for its folder and port."""
    settings = Settings(data_dir=tmp_path / "node", dicom_port=0)
    upgrade(settings)
    with open_storage(settings) as storage:
        scp = start_scp(storage)
        try:
            yield Node(storage, scp)
        finally:
            scp.shutdown(grace_s=1.0)


def keys() -> Dataset:
    asked = Dataset()
    asked.QueryRetrieveLevel = "STUDY"
    asked.StudyInstanceUID = asked.PatientName = ""
    return asked


def statuses(node: Node, calling: str) -> dict[str, int]:
    """The final status of each request that would take something."""
    ae = AE(calling)
    for uid in (
        StudyRootQueryRetrieveInformationModelFind,
        StudyRootQueryRetrieveInformationModelGet,
        StudyRootQueryRetrieveInformationModelMove,
        ModalityWorklistInformationFind,
        ModalityPerformedProcedureStep,
        StorageCommitmentPushModel,
    ):
        ae.add_requested_context(uid)
    association = ae.associate("127.0.0.1", node.port)
    assert association.is_established
    find, get = (
        StudyRootQueryRetrieveInformationModelFind,
        StudyRootQueryRetrieveInformationModelGet,
    )
    move = StudyRootQueryRetrieveInformationModelMove
    worklist = Dataset()
    worklist.PatientName = ""
    wanted = Dataset()
    wanted.TransactionUID = generate_uid()
    wanted.ReferencedSOPSequence = []
    step = Dataset()
    step.PerformedProcedureStepStatus = "IN PROGRESS"
    try:
        return {
            "C-FIND": [one.Status for one, _ in association.send_c_find(keys(), find)][-1],
            "C-GET": [one.Status for one, _ in association.send_c_get(keys(), get)][-1],
            "C-MOVE": [one.Status for one, _ in association.send_c_move(keys(), calling, move)][-1],
            "worklist": [
                one.Status
                for one, _ in association.send_c_find(worklist, ModalityWorklistInformationFind)
            ][-1],
            "MPPS": association.send_n_create(step, ModalityPerformedProcedureStep, generate_uid())[
                0
            ].Status,
            "commitment": association.send_n_action(
                wanted, 1, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
            )[0].Status,
        }
    finally:
        association.release()


def test_who_is_not_known_gives_and_takes_nothing(node: Node, tmp_path: Path) -> None:
    file = write(ct_instance(), tmp_path / "a.dcm")
    address = ("127.0.0.1", str(node.port))
    assert dcmtk("echoscu", "-aet", "MADE_UP", *address).returncode == 0
    assert dcmtk("storescu", "-aet", "MADE_UP", *address, file).returncode == 0
    assert node.instance_count == 1
    assert set(statuses(node, "MADE_UP").values()) == {NOT_AUTHORIZED}


def test_who_is_known_asks_as_before(node: Node, tmp_path: Path) -> None:
    node.storage.peers.add(KnownPeer("ws1", ae_title="WS1"))
    assert NOT_AUTHORIZED not in statuses(node, "WS1").values()


def test_a_site_may_open_it_by_a_setting(tmp_path: Path) -> None:
    assert load_settings(unknown_peers_may="").unknown_peers_may == ()
    opened = load_settings(unknown_peers_may=" Query, retrieve,store,commit,worklist,reject ")
    assert frozenset(opened.unknown_peers_may) == ACTIONS
    with pytest.raises(ValueError, match="unknown_peers_may"):
        load_settings(unknown_peers_may="everything")


def test_a_node_may_take_nothing_from_strangers(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "node", dicom_port=0, unknown_peers_may=())
    upgrade(settings)
    file = write(ct_instance(), tmp_path / "a.dcm")
    with open_storage(settings) as storage:
        scp = start_scp(storage)
        try:
            address = ("127.0.0.1", str(scp.port))
            sent = dcmtk("storescu", "-v", "-aet", "MADE_UP", *address, file)
            assert "0x124" in sent.stderr
            assert Node(storage, scp).instance_count == 0
        finally:
            scp.shutdown(grace_s=1.0)
