"""What the audit trail hears of associations, asked by peers over real sockets."""

import base64
import contextlib
import time
from collections.abc import Sequence
from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian, generate_uid
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import (
    CTImageStorage,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
)
from structlog.testing import capture_logs

from storage.audit import MINOR_FAILURE, SUCCESS, AuditRecord, Code, Type
from storage.audit.query import AuditFilter, all_events
from storage.audit.refusals import MOST_OF_ONE
from storage.settings import Settings
from tests.dicom_node.builders import ct_instance
from tests.dicom_node.conftest import Node, node_settings
from tests.faults.raw_peer import (
    ASSOCIATE_RQ,
    DATA,
    ECHO_COMMAND,
    VERIFICATION,
    PeerGone,
    RawPeer,
    Rejected,
    associate_request,
    context,
    fragments,
    item,
    pdu,
    user_information,
)
from tests.patience import PATIENCE_S


def trail(node: Node, wanted: int, code: Code | None = None) -> Sequence[AuditRecord]:
    """Events of the code, once as many as are wanted are there."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        node.storage.audit.flush()
        found = [
            one
            for one in all_events(node.storage.engine, AuditFilter())
            if code is None or one.code == code
        ]
        if len(found) >= wanted or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def ct_series(count: int) -> list[Dataset]:
    study_instance_uid, series_instance_uid = generate_uid(), generate_uid()
    return [
        ct_instance(
            study_instance_uid=study_instance_uid,
            series_instance_uid=series_instance_uid,
            transfer_syntax_uid=ImplicitVRLittleEndian,
            instance_number=number,
        )
        for number in range(1, count + 1)
    ]


def store(node: Node, datasets: Sequence[Dataset], ae_title: str = "CT1") -> None:
    ae = AE(ae_title)
    ae.add_requested_context(CTImageStorage, ImplicitVRLittleEndian)
    association = ae.associate("127.0.0.1", node.port, ae_title="MEDIVIEW")
    assert association.is_established
    for dataset in datasets:
        assert association.send_c_store(dataset).Status == 0
    association.release()


def test_a_study_that_comes_in_is_told_twice_and_not_an_instance_at_a_time(node: Node) -> None:
    datasets = ct_series(5)
    store(node, datasets)
    begun, ended = trail(node, 2)
    uid = datasets[0].StudyInstanceUID
    assert (begun.code, begun.action, begun.outcome) == (Code.BEGIN_TRANSFER, "E", SUCCESS)
    assert (ended.code, ended.action) == (Code.INSTANCES_TRANSFERRED, "C")
    for one in (begun, ended):
        assert one.study_instance_uids == (uid,)
        assert one.patient_ids == (datasets[0].PatientID,)
        assert (one.actor_kind, one.actor_name, one.actor_address) == ("peer", "CT1", "127.0.0.1")
    assert ended.detail["sop_classes"] == {CTImageStorage: 5}
    assert begun.request_id == ended.request_id != ""


def test_a_study_is_told_although_its_association_breaks_off(node: Node) -> None:
    datasets = ct_series(3)
    ae = AE("CT1")
    ae.add_requested_context(CTImageStorage, ImplicitVRLittleEndian)
    association = ae.associate("127.0.0.1", node.port, ae_title="MEDIVIEW")
    association.send_c_store(datasets[0])
    association.abort()
    (events,) = trail(node, 1, Code.INSTANCES_TRANSFERRED)
    assert events.detail["sop_classes"] == {CTImageStorage: 1}


def test_a_query_is_kept_as_it_came(node: Node) -> None:
    datasets = ct_series(1)
    store(node, datasets)
    ae = AE("WORKSTATION")
    ae.add_requested_context(StudyRootQueryRetrieveInformationModelFind, ImplicitVRLittleEndian)
    association = ae.associate("127.0.0.1", node.port, ae_title="MEDIVIEW")
    keys = Dataset()
    keys.QueryRetrieveLevel = "STUDY"
    keys.PatientID = datasets[0].PatientID
    keys.StudyInstanceUID = ""
    list(association.send_c_find(keys, StudyRootQueryRetrieveInformationModelFind))
    association.release()
    (asked,) = trail(node, 1, Code.QUERY)
    assert asked.patient_ids == (datasets[0].PatientID,)
    assert asked.detail["query_uid"] == StudyRootQueryRetrieveInformationModelFind
    assert asked.detail["TransferSyntax"] == ImplicitVRLittleEndian
    kept = dcmread(BytesIO(base64.b64decode(asked.detail["query"])), force=True)
    assert kept.PatientID == datasets[0].PatientID


def test_a_retrieval_is_told_with_what_left(node: Node) -> None:
    datasets = ct_series(4)
    store(node, datasets)
    ae = AE("WORKSTATION")
    ae.add_requested_context(StudyRootQueryRetrieveInformationModelGet, ImplicitVRLittleEndian)
    ae.add_requested_context(CTImageStorage, ImplicitVRLittleEndian)
    association = ae.associate(
        "127.0.0.1",
        node.port,
        ae_title="MEDIVIEW",
        ext_neg=[build_role(CTImageStorage, scp_role=True)],
        evt_handlers=[(evt.EVT_C_STORE, lambda _: 0)],
    )
    keys = Dataset()
    keys.QueryRetrieveLevel = "STUDY"
    keys.StudyInstanceUID = datasets[0].StudyInstanceUID
    list(association.send_c_get(keys, StudyRootQueryRetrieveInformationModelGet))
    association.release()
    events = [one for one in trail(node, 2, Code.INSTANCES_TRANSFERRED) if one.action == "R"]
    assert [one.actor_name for one in events] == ["WORKSTATION"]
    assert events[0].detail["sop_classes"] == {CTImageStorage: 4}
    assert events[0].detail["toward"] == "actor"


class TestStrangers:
    @pytest.fixture
    def settings(self, tmp_path: object) -> Settings:
        return node_settings(tmp_path, unknown_peers="reject")  # type: ignore[arg-type]

    def test_a_rejected_association_is_an_alert_and_a_flood_of_them_is_one(
        self, node: Node
    ) -> None:
        ae = AE("STRANGER")
        ae.add_requested_context(CTImageStorage)
        for _ in range(3):
            assert ae.associate("127.0.0.1", node.port, ae_title="MEDIVIEW").is_rejected
        alerts = trail(node, 1, Code.SECURITY_ALERT)
        assert sum(one.occurrences for one in alerts) == 3
        assert len(alerts) <= 2, "the minute may change in between"
        assert alerts[0].type_code == Type.NODE_AUTHENTICATION
        assert (alerts[0].outcome, alerts[0].actor_name) == (MINOR_FAILURE, "STRANGER")
        assert alerts[0].detail["reason"] == "calling AE title not recognised"


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (pdu(ASSOCIATE_RQ, b"\0\2" + associate_request([])[2:]), "protocol version not supported"),
        (
            pdu(ASSOCIATE_RQ, associate_request([context(1, VERIFICATION, ["1.2"])] * 129)),
            "no request for an association that can be read",
        ),
        (b"GET / HTTP/1.1\r\n\r\n", "no request for an association that can be read"),
    ],
    ids=["version", "contexts", "HTTP"],
)
def test_who_asks_for_no_association_that_may_be_is_in_the_trail(
    node: Node, sent: bytes, reason: str
) -> None:
    with RawPeer(node.port) as peer:
        peer.send(sent)
        with contextlib.suppress(PeerGone, Rejected):
            peer.association_answer()
    (alert,) = trail(node, 1, Code.SECURITY_ALERT)
    assert (alert.type_code, alert.actor_address) == (Type.NODE_AUTHENTICATION, "127.0.0.1")
    assert alert.detail["reason"] == reason


@pytest.mark.parametrize(
    "sent",
    [
        fragments(1, ECHO_COMMAND.replace(b"\x30\0", b"\x77\x77"), is_command=True),
        pdu(ASSOCIATE_RQ, associate_request([context(1, VERIFICATION, [ImplicitVRLittleEndian])])),
        pdu(DATA, b"\0\0\0\x09\1\3"),
    ],
    ids=["command", "request", "data"],
)
def test_what_no_association_has_aborts_it_and_is_in_the_trail(node: Node, sent: bytes) -> None:
    with capture_logs() as logs, RawPeer(node.port) as peer:
        peer.associate([context(1, VERIFICATION, [ImplicitVRLittleEndian])])
        peer.send(sent)
        with pytest.raises(PeerGone) as gone:
            peer.receive()
        assert gone.value.aborted
        (alert,) = trail(node, 1, Code.SECURITY_ALERT)
    assert alert.detail["reason"] == "a message that cannot be read"
    assert (alert.actor_name, alert.actor_address) == ("HOSTILE", "127.0.0.1")
    refused = [line for line in logs if line["log_level"] in ("warning", "error")]
    assert [(one["event"], one["host"]) for one in refused] == [("pdu_refused", "127.0.0.1")]


def test_a_request_with_more_than_we_know_is_served(node: Node) -> None:
    """Bits of other versions, and items of later editions (PS3.8 Table 9-11, D.2)."""
    body = associate_request(
        [context(1, VERIFICATION, [ImplicitVRLittleEndian])],
        user=user_information(item(0x99, b"later")),
    )
    with RawPeer(node.port) as peer:
        peer.send(pdu(ASSOCIATE_RQ, b"\0\3" + body[2:]))
        assert peer.association_answer()


def test_what_is_here_already_is_sent_without_end_and_fills_no_trail(node: Node) -> None:
    datasets = ct_series(1)
    store(node, datasets)
    for number in range(2 * MOST_OF_ONE):
        store(node, datasets, ae_title=f"SCANNER{number}")
    deadline = time.monotonic() + PATIENCE_S
    counted, came_in = 0, list[AuditRecord]()
    while counted < 2 * MOST_OF_ONE + 2 and time.monotonic() < deadline:
        came_in = [
            one
            for one in trail(node, MOST_OF_ONE)
            if one.code in (Code.BEGIN_TRANSFER, Code.INSTANCES_TRANSFERRED)
        ]
        counted = sum(one.occurrences for one in came_in)
    assert counted == 2 * MOST_OF_ONE + 2
    # The minute may change meanwhile.
    assert len(came_in) <= 2 + 2 * (MOST_OF_ONE + 1)
    assert any(one.occurrences > 1 for one in came_in)


def test_a_study_of_which_something_is_new_is_told_with_all_that_came(node: Node) -> None:
    datasets = ct_series(3)
    store(node, datasets[:1])
    store(node, datasets, ae_title="CT2")
    ended = [one for one in trail(node, 4, None) if one.actor_name == "CT2"]
    assert [one.code for one in ended] == [Code.BEGIN_TRANSFER, Code.INSTANCES_TRANSFERRED]
    assert ended[1].detail["sop_classes"] == {CTImageStorage: 3}
