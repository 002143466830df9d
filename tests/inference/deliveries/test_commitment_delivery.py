"""A destination's storage commitment is the proof that it holds a result, whenever it comes."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE, AllStoragePresentationContexts, build_role, evt
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance

from dicom_node.server.scp import start_scp
from inference.deliveries import storage_commitment_check as proof
from inference.deliveries.destinations import ae
from inference.deliveries.service import deliver_due
from storage.container import Storage
from storage.core.clock import utcnow
from storage.settings import Destination
from tests.inference.deliveries.test_delivery import deliveries, make_due, with_results
from tests.inference.orchestration import storage_in, wait_for
from tests.services import free_port, orthanc

CLASS, INSTANCE = StorageCommitmentPushModel, StorageCommitmentPushModelInstance


@contextmanager
def node(folder: Path, *destinations: Destination) -> Iterator[tuple[Storage, int]]:
    """A storage with an SCP that takes reports; its port."""
    with storage_in(folder, destinations=destinations) as storage:
        scp = start_scp(storage, 0)
        try:
            yield storage, scp.port
        finally:
            scp.shutdown(grace_s=1.0)


@dataclass
class OddPeer:
    """A PACS that stores, and takes requests for commitment, and reports as the test wants."""

    port: int = 0
    stored: list[str] = field(default_factory=list)
    asked: list[Dataset] = field(default_factory=list)
    same_association: bool = False

    @contextmanager
    def run(self) -> Iterator["OddPeer"]:
        ae = AE("ODD")
        for context in AllStoragePresentationContexts:
            ae.add_supported_context(context.abstract_syntax, ExplicitVRLittleEndian)
        ae.add_supported_context(CLASS, scu_role=True, scp_role=True)
        server = ae.start_server(
            ("127.0.0.1", self.port),
            block=False,
            evt_handlers=[(evt.EVT_C_STORE, self._store), (evt.EVT_N_ACTION, self._act)],
        )
        self.port = server.server_address[1]
        try:
            yield self
        finally:
            server.shutdown()

    def _store(self, event: Any) -> int:
        self.stored.append(event.request.AffectedSOPInstanceUID)
        return 0

    def _act(self, event: Any) -> tuple[int, None]:
        self.asked.append(event.action_information)
        if self.same_association:
            threading.Timer(0.1, self._report_over, (event.assoc, self.asked[-1])).start()
        return 0, None

    def _report_over(self, association: Any, asked: Dataset) -> None:
        association.send_n_event_report(_report(asked, set()), 1, CLASS, INSTANCE)

    def report(self, port: int, asked: Dataset, failing: Callable[[str], bool]) -> int:
        """Open an association to the node and report; the status of its answer."""
        failed = {
            item.ReferencedSOPInstanceUID
            for item in asked.ReferencedSOPSequence
            if failing(item.ReferencedSOPInstanceUID)
        }
        ae = AE("ODD")
        ae.add_requested_context(CLASS)
        association = ae.associate("127.0.0.1", port, ext_neg=[build_role(CLASS, scp_role=True)])
        assert association.is_established
        assert association.accepted_contexts[0].as_scp
        status, _ = association.send_n_event_report(
            _report(asked, failed), 2 if failed else 1, CLASS, INSTANCE
        )
        association.release()
        return int(status.Status)


def _report(asked: Dataset, failed: set[str]) -> Dataset:
    report = Dataset()
    report.TransactionUID = asked.TransactionUID
    report.ReferencedSOPSequence, report.FailedSOPSequence = [], []
    for item in asked.ReferencedSOPSequence:
        if item.ReferencedSOPInstanceUID in failed:
            item.FailureReason = 0x0112
            report.FailedSOPSequence.append(item)
        else:
            report.ReferencedSOPSequence.append(item)
    return report


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ae, "_COMMITMENT_WAIT_S", 0.2)


def states(storage: Storage) -> set[str]:
    return {one.state for one in deliveries(storage)}


def test_orthanc_commits_over_an_association_of_its_own(tmp_path: Path) -> None:
    port = free_port()
    there = Destination("pacs", "ORTHANC", "127.0.0.1", port)
    with (
        node(tmp_path, there) as (storage, node_port),
        orthanc(
            tmp_path,
            port=port,
            modalities={"node": ("MEDIVIEW", "127.0.0.1", node_port)},
            # Commitment alone can prove it.
            options={"DicomAlwaysAllowFind": False},
        ),
    ):
        uids = with_results(storage)
        assert deliver_due(storage, utcnow(), "sender") == 2
        assert states(storage) == {"CONFIRMED"}
        with storage.engine.begin() as connection:
            rows = connection.exec_driver_sql(
                "SELECT state, destination FROM commitment_request"
            ).all()
        assert [tuple(row) for row in rows] == [("ANSWERED", "pacs")]
        assert len(uids) == 2


def test_a_default_orthanc_that_may_not_be_asked_is_left_at_sent(tmp_path: Path) -> None:
    port = free_port()
    there = Destination("pacs", "ORTHANC", "127.0.0.1", port)
    with (
        node(tmp_path, there) as (storage, _),
        orthanc(tmp_path, port=port, options={"DicomAlwaysAllowFind": False}) as pacs,
    ):
        with_results(storage)
        deliver_due(storage, utcnow(), "sender")
        sent_at = [one.sent_at for one in deliveries(storage)]
        assert all(sent_at)
        for _ in range(proof.MAX_QUESTIONS):
            make_due(storage)
            deliver_due(storage, utcnow(), "sender")
        assert states(storage) == {"SENT"}
        assert all(one.last_error for one in deliveries(storage))
        # Sent once: only the question was repeated.
        assert [one.sent_at for one in deliveries(storage)] == sent_at
        assert storage.deliveries.due_count(utcnow()) == 0
        assert len(pacs.get("/instances")) == 2


def test_a_report_on_the_same_association_is_taken(tmp_path: Path) -> None:
    with (
        OddPeer(same_association=True).run() as peer,
        node(tmp_path, Destination("odd", "ODD", "127.0.0.1", peer.port)) as (storage, _),
    ):
        with_results(storage)
        assert deliver_due(storage, utcnow(), "sender") == 2
        assert states(storage) == {"CONFIRMED"}


@pytest.mark.usefixtures("impatient")
def test_a_late_commitment_counts(tmp_path: Path) -> None:
    with (
        OddPeer().run() as peer,
        node(tmp_path, Destination("odd", "ODD", "127.0.0.1", peer.port)) as (storage, port),
    ):
        with_results(storage)
        assert deliver_due(storage, utcnow(), "sender") == 0
        assert states(storage) == {"PENDING"}
        assert all("did not report" in one.last_error for one in deliveries(storage))
        assert peer.report(port, peer.asked[0], lambda _: False) == 0
        assert states(storage) == {"CONFIRMED"}
        assert {one.last_error for one in deliveries(storage)} == {""}
        # Once more, and about nothing that was asked: neither changes anything.
        assert peer.report(port, peer.asked[0], lambda _: True) == 0
        peer.asked[0].TransactionUID = "1.2.3"
        assert peer.report(port, peer.asked[0], lambda _: True) == 0x0110
        assert states(storage) == {"CONFIRMED"}


@pytest.mark.usefixtures("impatient")
def test_a_peer_that_never_commits_is_asked_some_times_and_sent_to_once(tmp_path: Path) -> None:
    with (
        OddPeer().run() as peer,
        node(tmp_path, Destination("odd", "ODD", "127.0.0.1", peer.port)) as (storage, port),
    ):
        uids = with_results(storage)
        for _ in range(proof.MAX_QUESTIONS + 2):
            deliver_due(storage, utcnow(), "sender")
            make_due(storage)
        assert states(storage) == {"SENT"}
        assert all("never proved" in one.last_error for one in deliveries(storage))
        assert sorted(peer.stored) == sorted(uids)
        assert len(peer.asked) == proof.MAX_QUESTIONS
        # Even then its word is taken.
        assert peer.report(port, peer.asked[-1], lambda _: False) == 0
        assert states(storage) == {"CONFIRMED"}


@pytest.mark.usefixtures("impatient")
def test_what_is_not_committed_to_is_sent_again(tmp_path: Path) -> None:
    with (
        OddPeer().run() as peer,
        node(tmp_path, Destination("odd", "ODD", "127.0.0.1", peer.port)) as (storage, port),
    ):
        lost, kept = sorted(with_results(storage))
        deliver_due(storage, utcnow(), "sender")
        assert peer.report(port, peer.asked[0], lambda uid: uid == lost) == 0
        by_uid = {one.sop_instance_uid: one for one in deliveries(storage)}
        assert by_uid[kept].state == "CONFIRMED"
        assert (by_uid[lost].state, by_uid[lost].sent_at) == ("PENDING", None)
        assert "did not commit" in by_uid[lost].last_error
        make_due(storage)
        deliver_due(storage, utcnow(), "sender")
        assert sorted(peer.stored) == sorted([lost, lost, kept])


@pytest.mark.usefixtures("impatient")
def test_a_peer_that_is_down_when_it_is_asked_keeps_its_questions(tmp_path: Path) -> None:
    with OddPeer().run() as peer:
        there = Destination("odd", "ODD", "127.0.0.1", peer.port)
        with node(tmp_path, there) as (storage, _):
            with_results(storage)
            deliver_due(storage, utcnow(), "sender")
    with node(tmp_path, there) as (storage, _):
        for _ in range(proof.MAX_QUESTIONS + 1):
            make_due(storage)
            deliver_due(storage, utcnow(), "sender")
        assert states(storage) == {"PENDING"}
        assert {one.questions for one in deliveries(storage)} == {1}
        peer.same_association = True
        with peer.run():
            make_due(storage)
            wait_for(lambda: deliver_due(storage, utcnow(), "sender") == 2, "the proof")
        assert states(storage) == {"CONFIRMED"}
        assert len(peer.stored) == 2
