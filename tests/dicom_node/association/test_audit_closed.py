"""A trail that fails closed, over DIMSE; and what TLS refuses, in the trail."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom import AE, build_role, evt
from pynetdicom.association import Association
from pynetdicom.sop_class import (
    CTImageStorage,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    Verification,
)
from sqlalchemy import text

from dicom_node.server.scp import start_scp
from storage.audit import MINOR_FAILURE, Code, Type
from storage.container import open_storage
from storage.db.engine import writing
from tests.dicom_node.association.test_audit import ct_series, trail
from tests.dicom_node.builders import dcmtk
from tests.dicom_node.certificates import Authority
from tests.dicom_node.conftest import Node, node_settings
from tests.dicom_node.network.test_tls import s_client, tls_node, tls_port, with_certificate
from tests.migrated import upgrade

FIND = StudyRootQueryRetrieveInformationModelFind
GET = StudyRootQueryRetrieveInformationModelGet


@pytest.fixture
def closed_node(tmp_path: Path) -> Iterator[Node]:
    settings = node_settings(tmp_path, audit_fail_closed=True)
    upgrade(settings)
    with open_storage(settings) as storage:
        scp = start_scp(storage)
        try:
            yield Node(storage, scp)
        finally:
            scp.shutdown(grace_s=1.0)


@contextmanager
def without_a_trail(node: Node) -> Iterator[None]:
    """The table that the trail is written to is away, and nothing else."""
    with writing(node.storage.engine) as connection:
        connection.execute(text("ALTER TABLE audit_event RENAME TO audit_event_away"))
    yield
    with writing(node.storage.engine) as connection:
        connection.execute(text("ALTER TABLE audit_event_away RENAME TO audit_event"))


@contextmanager
def associated(node: Node, received: list[str]) -> Iterator[Association]:
    def keep(event: evt.Event) -> int:
        received.append(event.request.AffectedSOPInstanceUID)
        return 0

    ae = AE("WORKSTATION")
    for context in (CTImageStorage, FIND, GET, Verification):
        ae.add_requested_context(context, ImplicitVRLittleEndian)
    association = ae.associate(
        "127.0.0.1",
        node.port,
        ae_title="MEDIVIEW",
        ext_neg=[build_role(CTImageStorage, scu_role=True, scp_role=True)],
        evt_handlers=[(evt.EVT_C_STORE, keep)],
    )
    assert association.is_established
    yield association
    association.release()


def study_keys(uid: str) -> Dataset:
    keys = Dataset()
    keys.QueryRetrieveLevel = "STUDY"
    keys.StudyInstanceUID = uid
    return keys


def test_what_cannot_be_told_is_neither_found_nor_taken_nor_given(closed_node: Node) -> None:
    (known,), (fresh,) = ct_series(1), ct_series(1)
    received: list[str] = []
    with associated(closed_node, received) as association:
        assert association.send_c_store(known).Status == 0
    with without_a_trail(closed_node), associated(closed_node, received) as association:
        refused = association.send_c_store(fresh).Status
        assert 0xA700 <= refused <= 0xA7FF, "out of resources: the peer keeps it and tries again"
        answers = list(association.send_c_find(study_keys(known.StudyInstanceUID), FIND))
        assert [match for _, match in answers] == [None], "no match before the failure"
        assert answers[0][0].Status >= 0xA700
        answers = list(association.send_c_get(study_keys(known.StudyInstanceUID), GET))
        assert answers[-1][0].Status >= 0xA700
        assert received == []
        assert association.send_c_echo().Status == 0, "it shows nobody's data"
    with associated(closed_node, received) as association:
        assert association.send_c_store(fresh).Status == 0
        answers = list(association.send_c_find(study_keys(known.StudyInstanceUID), FIND))
        assert [status.get("Status") for status, _ in answers] == [0xFF00, 0x0000]
        assert answers[0][1].StudyInstanceUID == known.StudyInstanceUID
        list(association.send_c_get(study_keys(known.StudyInstanceUID), GET))
        assert received == [known.SOPInstanceUID]
    assert closed_node.instance(fresh.SOPInstanceUID) is not None


def test_a_peer_that_tls_refuses_stands_in_the_trail(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    anonymous = ["+tla", "+cf", str(authority.certificate)]
    foreign = with_certificate(authority, Authority(tmp_path, "stranger").issue("foreign"))
    known = with_certificate(authority, authority.issue("modality"))
    with tls_node(tmp_path, authority) as node:
        port = tls_port(node)
        assert dcmtk("echoscu", *known, "127.0.0.1", str(port)).returncode == 0
        assert not trail(node, 0, Code.SECURITY_ALERT)
        assert dcmtk("echoscu", *anonymous, "127.0.0.1", str(port)).returncode != 0
        assert dcmtk("echoscu", *foreign, "127.0.0.1", str(port)).returncode != 0
        s_client(port, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
        alerts = trail(node, 3, Code.SECURITY_ALERT)
    assert len(alerts) == 3, "one of a kind for each reason"
    for alert in alerts:
        assert (alert.type_code, alert.outcome) == (Type.NODE_AUTHENTICATION, MINOR_FAILURE)
        assert (alert.actor_kind, alert.actor_address) == ("peer", "127.0.0.1")
        assert alert.detail["reason"].startswith("TLS: ")
    assert len({alert.detail["reason"] for alert in alerts}) == 3
