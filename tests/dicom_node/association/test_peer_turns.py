"""A slow peer holds up no other: reports by real associations, with pauses of a fraction."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, evt
from pynetdicom.sop_class import (
    InstanceAvailabilityNotification,
    StorageCommitmentPushModel,
    UnifiedProcedureStepEvent,
)

from dicom_node.association.peer_turns import PeerTurns, Turn
from dicom_node.commitment.reporter import CommitmentReporter
from dicom_node.normalized.peer_notifier import PeerNotifier
from dicom_node.ups.reporter import WorkitemReporter
from storage.commitment.entities import Reference
from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.core.errors import StorageUnavailable
from storage.db.engine import writing
from storage.peers.entities import KnownPeer
from storage.peers.notifications import want_notified
from storage.settings import Settings
from storage.ups.subscriptions import WORKLIST_UID
from tests.api.ups.worklist_client import new_item
from tests.migrated import upgrade

SLOW_S = 0.15
TURN_S = 0.05


@pytest.fixture
def storage(settings: Settings) -> Iterator[Storage]:
    upgrade(settings)
    with open_storage(settings) as opened:
        yield opened


class Heard:
    """Who was notified of what, in which order."""

    def __init__(self) -> None:
        self.all: list[tuple[str, str]] = []

    def of(self, ae_title: str) -> list[str]:
        return [what for who, what in self.all if who == ae_title]

    def slow_before_swift(self) -> int:
        return [who for who, _ in self.all].index("SWIFT")


@contextmanager
def peers(storage: Storage) -> Iterator[Heard]:
    """SWIFT, and SLOW, which takes its time over each answer."""
    heard, servers = Heard(), []
    for ae_title in ("SLOW", "SWIFT"):

        def take(event: Any, ae_title: str = ae_title) -> tuple[int, Dataset | None]:
            request = event.request
            what = str(request.AffectedSOPInstanceUID)
            if request.AffectedSOPClassUID == StorageCommitmentPushModel:
                what = str(event.event_information.TransactionUID)
            heard.all.append((ae_title, what))
            time.sleep(SLOW_S if ae_title == "SLOW" else 0)
            return 0x0000, None

        ae = AE(ae_title)
        for sop_class in (StorageCommitmentPushModel, UnifiedProcedureStepEvent):
            ae.add_supported_context(sop_class, scu_role=True, scp_role=True)
        ae.add_supported_context(InstanceAvailabilityNotification)
        handlers = [(evt.EVT_N_EVENT_REPORT, take), (evt.EVT_N_CREATE, take)]
        server: Any = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
        servers.append(server)
        port = server.socket.getsockname()[1]
        known = KnownPeer(ae_title.lower(), ae_title=ae_title, host="127.0.0.1", port=port)
        storage.peers.add(known)
    try:
        yield heard
    finally:
        for server in servers:
            server.shutdown()


def test_reports_of_commitment(storage: Storage) -> None:
    def owe(ae_title: str, transaction_uid: str) -> None:
        reference = Reference("1.2.840.10008.5.1.4.1.1.2", "1.2.3")
        storage.commitment_reports.owe(transaction_uid, ae_title, [reference], "", 0)

    with peers(storage) as heard:
        for number in range(4):
            owe("SLOW", f"1.2.{number}")
        owe("SWIFT", "1.3")
        reporter = CommitmentReporter(storage, turn_s=TURN_S, at_once=1)
        assert reporter.tell_due(utcnow()) == 5
    assert heard.slow_before_swift() == 1
    assert heard.of("SLOW") == [f"1.2.{number}" for number in range(4)], "in its order"


def test_reports_of_workitems(storage: Storage) -> None:
    with peers(storage) as heard:
        for ae_title in ("SLOW", "SWIFT"):
            storage.subscriptions.subscribe(
                ae_title, WORKLIST_UID, deletion_lock=False, keys={}, initial=[], by_dimse=True
            )
        made = [storage.workitems.create("", new_item())[0].sop_instance_uid for _ in range(4)]
        reporter = WorkitemReporter(storage, turn_s=TURN_S, at_once=1)
        reporter.tell_due(utcnow())
    assert [heard.of(one) for one in ("SLOW", "SWIFT")] == [made, made], "each once, in order"
    assert heard.slow_before_swift() == 1


def test_notifications(storage: Storage) -> None:
    with peers(storage) as heard:
        for known in storage.peers.all():
            storage.peers.replace(
                KnownPeer(
                    known.name,
                    ae_title=known.ae_title,
                    host=known.host,
                    port=known.port,
                    notifications=frozenset({"ian"}),
                )
            )
        for _ in range(3):
            gone = {generate_uid(): {generate_uid(): "1.2.840.10008.5.1.4.1.1.2"}}
            with writing(storage.engine) as connection:
                want_notified(connection, "ian", generate_uid(), utcnow(), gone=gone)
        notifier = PeerNotifier(storage, turn_s=TURN_S, at_once=1)
        assert notifier.tell_due(utcnow()) == 6
    assert heard.slow_before_swift() == 1
    assert len(heard.of("SLOW")) == 3


def test_who_takes_nothing_rests_and_slow_ones_leave_a_place() -> None:
    due = {"away": 1, "odd": 1, "s1": 3, "s2": 3, "s3": 3, "swift": 1}
    notified: list[str] = []

    def tell(peer: str, turn: Turn) -> int:
        notified.append(peer)
        if peer == "away":
            raise StorageUnavailable("The database is away.", remedy="Wait.")
        if peer == "odd":
            raise ValueError
        time.sleep(0.06 if peer.startswith("s") else 0)
        due[peer] -= 1
        return 1

    def waiting(_: datetime) -> list[str]:
        return [peer for peer, count in due.items() if count]

    turns = PeerTurns("test", waiting, tell, lambda: False, turn_s=0.05, at_once=2)
    assert turns.take(utcnow()) == 10
    assert notified.count("away") == notified.count("odd") == 1
    # With one place of two for those who took the whole of their turn.
    assert notified.index("swift") < 6
    assert sorted(notified) == sorted(["away", "odd", "swift", *("s1", "s2", "s3") * 3])


def test_a_few_are_notified_at_once() -> None:
    due, both = {"one", "other"}, threading.Barrier(2, timeout=10)

    def tell(peer: str, turn: Turn) -> int:
        both.wait()
        due.discard(peer)
        return 1

    assert PeerTurns("test", lambda _: sorted(due), tell, lambda: False).take(utcnow()) == 2
