"""Storage commitment, asked of us by pynetdicom and Orthanc."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, MRImageStorage, generate_uid
from pynetdicom import AE, build_role, evt
from pynetdicom.pdu import P_DATA_TF
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance

from dicom_node.scu import send
from dicom_node.server.scp import start_scp
from storage.container import open_storage
from storage.settings import Destination
from tests.dicom_node.builders import ct_instance, encoded, item_of
from tests.dicom_node.conftest import Node, node_settings
from tests.migrated import upgrade
from tests.patience import PATIENCE_S
from tests.services import free_port, orthanc

CLASS, INSTANCE = StorageCommitmentPushModel, StorageCommitmentPushModelInstance
NO_SUCH_INSTANCE, CONFLICT = 0x0112, 0x0119


@dataclass
class Reports:
    """N-EVENT-REPORTs that a peer took: (event type, data set)."""

    taken: list[tuple[int, Dataset]] = field(default_factory=list)
    status: int = 0
    answered: threading.Event = field(default_factory=threading.Event)

    def take(self, event: Any) -> tuple[int, None]:
        self.answered.clear()
        self.taken.append((event.request.EventTypeID, event.event_information))
        return self.status, None

    def follow_pdu(self, event: Any) -> None:
        """Each PDU that went out: the first one after a report is its answer."""
        if self.taken and isinstance(event.pdu, P_DATA_TF):
            self.answered.set()

    def wait(self, limit_s: float = PATIENCE_S) -> tuple[int, Dataset]:
        wait_until(lambda: bool(self.taken), limit_s)
        return self.taken[-1]


def wait_until(done: Callable[[], bool], limit_s: float = PATIENCE_S) -> None:
    deadline = monotonic() + limit_s
    while not done():
        assert monotonic() < deadline
        sleep(0.02)


def question(*references: tuple[str, str], transaction_uid: str = "") -> Dataset:
    dataset = Dataset()
    dataset.TransactionUID = transaction_uid or generate_uid()
    dataset.ReferencedSOPSequence = []
    for sop_class_uid, sop_instance_uid in references:
        item = Dataset()
        item.ReferencedSOPClassUID = sop_class_uid
        item.ReferencedSOPInstanceUID = sop_instance_uid
        dataset.ReferencedSOPSequence.append(item)
    return dataset


@contextmanager
def association(port: int, reports: Reports, ae_title: str = "MODALITY") -> Iterator[Any]:
    ae = AE(ae_title)
    ae.add_requested_context(CLASS)
    opened = ae.associate(
        "127.0.0.1",
        port,
        ext_neg=[build_role(CLASS, scu_role=True)],
        evt_handlers=[
            (evt.EVT_N_EVENT_REPORT, reports.take),
            (evt.EVT_PDU_SENT, reports.follow_pdu),
        ],
    )
    assert opened.is_established
    try:
        yield opened
    finally:
        # pynetdicom's state machine fails where a release overtakes the answer to a report.
        if reports.taken:
            assert reports.answered.wait(PATIENCE_S)
        opened.release()


@contextmanager
def listening(reports: Reports, ae_title: str = "MODALITY", port: int = 0) -> Iterator[int]:
    """A peer that takes reports on associations which we open to it."""
    ae = AE(ae_title)
    ae.add_supported_context(CLASS, scu_role=True, scp_role=True)
    server = ae.start_server(
        ("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, reports.take)]
    )
    assert isinstance(server, threading.Thread) or server is not None
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()


def stored(node: Node, count: int = 3) -> list[tuple[str, str]]:
    items = [item_of(encoded(ct_instance(instance_number=n))) for n in range(1, count + 1)]
    assert all(result.ok for result in send(items, peer=node.peer, calling_ae_title="MODALITY"))
    return [(one.sop_class_uid, one.sop_instance_uid) for one in items]


def uids(sequence: Any) -> list[str]:
    return [item.ReferencedSOPInstanceUID for item in sequence]


def test_what_is_stored_is_committed_to_on_the_same_association(node: Node) -> None:
    held = stored(node)
    reports = Reports()
    asked = question(*held, *held)  # each is read once
    with association(node.port, reports) as peer:
        status, _ = peer.send_n_action(asked, 1, CLASS, INSTANCE)
        assert status.Status == 0
        event_type, answer = reports.wait()
    assert event_type == 1
    assert answer.TransactionUID == asked.TransactionUID
    assert uids(answer.ReferencedSOPSequence) == [uid for _, uid in held]
    assert "FailedSOPSequence" not in answer
    assert answer.RetrieveAETitle == "MEDIVIEW"
    row = node.storage.commitment_reports.get(asked.TransactionUID, "MODALITY")
    wait_until(lambda: node.storage.commitment_reports.get(
        asked.TransactionUID, "MODALITY").state == "REPORTED")  # fmt: skip
    assert row.references[0].sop_instance_uid == held[0][1]


def test_what_is_not_there_or_of_another_class_fails_with_the_reason(node: Node) -> None:
    held = stored(node, 2)
    unknown = (CTImageStorage, generate_uid())
    mistaken = (MRImageStorage, held[1][1])
    no_storage = (CLASS, generate_uid())
    reports = Reports()
    with association(node.port, reports) as peer:
        peer.send_n_action(question(held[0], unknown, mistaken, no_storage), 1, CLASS, INSTANCE)
        event_type, answer = reports.wait()
    assert event_type == 2
    assert uids(answer.ReferencedSOPSequence) == [held[0][1]]
    reasons = {one.ReferencedSOPInstanceUID: one.FailureReason for one in answer.FailedSOPSequence}
    assert reasons == {
        unknown[1]: NO_SUCH_INSTANCE,
        mistaken[1]: CONFLICT,
        no_storage[1]: 0x0122,
    }


def test_bytes_that_changed_on_disk_are_not_committed_to(node: Node) -> None:
    held = stored(node)
    damaged = node.storage.index.instance(held[1][1])
    volume = next(node.storage.settings.data_dir.glob(f"volumes/**/{damaged.location.volume}*"))
    with volume.open("r+b") as file:
        content = file.read()
        # The pixels of the instance, wherever its record begins.
        at = damaged.location.offset + damaged.size_bytes - 10
        file.seek(at)
        file.write(bytes(255 - byte for byte in content[at : at + 4]))
    reports = Reports()
    with association(node.port, reports) as peer:
        peer.send_n_action(question(*held), 1, CLASS, INSTANCE)
        event_type, answer = reports.wait()
    assert event_type == 2
    (failed,) = answer.FailedSOPSequence
    assert (failed.ReferencedSOPInstanceUID, failed.FailureReason) == (held[1][1], 0x0110)


@pytest.mark.parametrize(
    ("action", "instance", "changes", "status"),
    [
        (2, INSTANCE, {}, 0x0123),
        (1, "1.2.3", {}, 0x0112),
        (1, INSTANCE, {"TransactionUID": None}, 0x0120),
        (1, INSTANCE, {"ReferencedSOPSequence": []}, 0x0120),
    ],
)
def test_a_wrong_request_is_refused(
    node: Node, action: int, instance: str, changes: dict[str, Any], status: int
) -> None:
    asked = question((CTImageStorage, "1.2.3"))
    for keyword, value in changes.items():
        if value is None:
            del asked[keyword]
        else:
            setattr(asked, keyword, value)
    reports = Reports()
    with association(node.port, reports) as peer:
        answer, _ = peer.send_n_action(asked, action, CLASS, instance)
        assert answer.Status == status
        sleep(0.5)
    assert reports.taken == []


@pytest.fixture
def known(tmp_path: Path) -> Iterator[tuple[Node, int]]:
    """A node that knows the address of MODALITY."""
    port = free_port()
    there = Destination("modality", "MODALITY", "127.0.0.1", port)
    settings = node_settings(tmp_path, destinations=(there,), delivery_retry_base_s=0.2)
    upgrade(settings)
    with open_storage(settings) as storage:
        scp = start_scp(storage)
        try:
            yield Node(storage, scp), port
        finally:
            scp.shutdown(grace_s=1.0)


def test_a_peer_that_releases_at_once_gets_another_association(known: tuple[Node, int]) -> None:
    node, port = known
    held, reports = stored(node), Reports()
    with listening(reports, port=port):
        with association(node.port, Reports()) as peer:
            assert peer.send_n_action(question(*held), 1, CLASS, INSTANCE)[0].Status == 0
        event_type, answer = reports.wait()
    assert event_type == 1
    assert len(answer.ReferencedSOPSequence) == 3


def test_the_report_waits_for_a_peer_that_is_down_and_outlives_the_node(tmp_path: Path) -> None:
    port = free_port()
    there = Destination("modality", "MODALITY", "127.0.0.1", port)
    settings = node_settings(tmp_path, destinations=(there,), delivery_retry_base_s=0.2)
    upgrade(settings)
    asked = question()
    with open_storage(settings) as storage:
        scp = start_scp(storage)
        held = stored(Node(storage, scp))
        asked.ReferencedSOPSequence = question(*held).ReferencedSOPSequence
        with association(scp.port, Reports()) as peer:
            peer.send_n_action(asked, 1, CLASS, INSTANCE)
        wait_until(
            lambda: storage.commitment_reports.get(asked.TransactionUID, "MODALITY").attempts > 2
        )
        scp.shutdown()
    refusing, reports = Reports(status=0x0110), Reports()
    with open_storage(settings) as storage:
        scp = start_scp(storage)
        try:
            with listening(refusing, port=port):
                refusing.wait()
            with listening(reports, port=port):
                assert reports.wait()[1].TransactionUID == asked.TransactionUID
            wait_until(
                lambda: (
                    storage.commitment_reports.get(asked.TransactionUID, "MODALITY").state
                    == "REPORTED"
                )
            )
        finally:
            scp.shutdown()


def test_orthanc_asks_and_gets_our_word(tmp_path: Path) -> None:
    port, node_port = free_port(), free_port()
    there = Destination("pacs", "ORTHANC", "127.0.0.1", port)
    settings = node_settings(tmp_path, destinations=(there,))
    upgrade(settings)
    with (
        open_storage(settings) as storage,
        orthanc(
            tmp_path, port=port, modalities={"node": ("MEDIVIEW", "127.0.0.1", node_port)}
        ) as pacs,
    ):
        scp = start_scp(storage, node_port)
        try:
            held = stored(Node(storage, scp))
            missing = (CTImageStorage, generate_uid())
            asked = pacs.post(
                "/modalities/node/storage-commitment",
                {
                    "DicomInstances": [
                        {"SOPClassUID": one, "SOPInstanceUID": uid} for one, uid in (*held, missing)
                    ]
                },
            )
            wait_until(lambda: pacs.get(asked["Path"])["Status"] != "Pending")
            answer = pacs.get(asked["Path"])
        finally:
            scp.shutdown()
    assert answer["Status"] == "Failure"
    assert {one["SOPInstanceUID"] for one in answer["Success"]} == {uid for _, uid in held}
    (failure,) = answer["Failures"]
    assert failure["SOPInstanceUID"] == missing[1]
    assert failure["FailureReason"] == NO_SUCH_INSTANCE
