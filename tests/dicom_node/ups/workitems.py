"""Workitems and the roles around them by DIMSE, as pynetdicom plays them."""

import queue
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import UID, generate_uid
from pynetdicom import AE, evt
from pynetdicom.sop_class import (
    UnifiedProcedureStepEvent,
    UnifiedProcedureStepPull,
    UnifiedProcedureStepPush,
    UnifiedProcedureStepQuery,
    UnifiedProcedureStepWatch,
)

from storage.core.errors import NotFound
from storage.peers.entities import KnownPeer
from tests.api.ups.worklist_client import new_item, performed
from tests.dicom_node.conftest import Node

PUSH, PULL, WATCH, QUERY, EVENT = (
    UnifiedProcedureStepPush,
    UnifiedProcedureStepPull,
    UnifiedProcedureStepWatch,
    UnifiedProcedureStepQuery,
    UnifiedProcedureStepEvent,
)
WORKLIST, FILTERED = UID("1.2.840.10008.5.1.4.34.5"), UID("1.2.840.10008.5.1.4.34.5.1")
CHANGE_STATE, CANCEL, SUBSCRIBE, UNSUBSCRIBE, SUSPEND = 1, 2, 3, 4, 5


def step(study: str = "2.25.77", **changes: Any) -> Dataset:
    """What a creator must give; `changes` by keyword, None takes an attribute out."""
    made = Dataset.from_json(new_item(study))
    made.SpecificCharacterSet = "ISO_IR 100"
    made.PatientName = "Quernhämmer^Adalbert"
    for keyword, value in changes.items():
        if value is None:
            delattr(made, keyword)
        else:
            setattr(made, keyword, value)
    return made


def named(**values: Any) -> Dataset:
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def end_of_step() -> Dataset:
    return Dataset.from_json(performed())


class Client:
    """A system that asks; statuses are what it gets."""

    def __init__(self, association: Any) -> None:
        self.association = association

    def create(self, what: Dataset, uid: str = "") -> tuple[int, str]:
        made = uid or generate_uid()
        status, _ = self.association.send_n_create(what, PUSH, made)
        return int(status.Status), made

    def set(self, uid: str, what: Dataset) -> int:
        return int(self.association.send_n_set(what, PUSH, uid, meta_uid=PULL)[0].Status)

    def get(self, uid: str, *keywords: str, by: UID = PULL) -> tuple[int, Dataset | None]:
        tags = [Tag(one) for one in keywords]
        status, found = self.association.send_n_get(tags, PUSH, uid, meta_uid=by)
        return int(status.Status), found

    def act(self, action: int, uid: str, what: Dataset | None = None, by: UID = PULL) -> int:
        # pynetdicom announces an empty data set, and does not send it.
        given = what if what else None
        sent = self.association.send_n_action(given, action, PUSH, uid, meta_uid=by)
        return int(sent[0].Status)

    def change(self, uid: str, state: str, transaction_uid: str) -> int:
        what = named(ProcedureStepState=state)
        if transaction_uid:
            what.TransactionUID = transaction_uid
        return self.act(CHANGE_STATE, uid, what)

    def subscribe(self, uid: str, ae_title: str, lock: str = "FALSE", **keys: Any) -> int:
        what = named(ReceivingAE=ae_title, DeletionLock=lock, **keys)
        return self.act(SUBSCRIBE, uid, what, WATCH)

    def find(self, by: UID, **keys: Any) -> list[Dataset]:
        answers = list(self.association.send_c_find(named(**keys), by))
        assert answers[-1][0].Status == 0x0000
        assert {int(status.Status) for status, _ in answers[:-1]} <= {0xFF00}
        return [found for _, found in answers if found is not None]


@contextmanager
def client(node: Node, ae_title: str = "RIS") -> Iterator[Client]:
    ae = AE(ae_title)
    for sop_class in (PUSH, PULL, WATCH, QUERY):
        ae.add_requested_context(sop_class)
    association = ae.associate("127.0.0.1", node.port)
    assert association.is_established
    try:
        yield Client(association)
    finally:
        association.release()


class Listener:
    """A subscriber that is called: (workitem, event type, report) as they come."""

    def __init__(self, status: int = 0x0000) -> None:
        self.status = status
        self.reports: queue.Queue[tuple[str, int, Dataset]] = queue.Queue()
        self.port = 0

    def take(self, event: Any) -> tuple[int, None]:
        request = event.request
        assert request.AffectedSOPClassUID == PUSH
        report = (request.AffectedSOPInstanceUID, event.event_type, event.event_information)
        self.reports.put(report)
        return self.status, None

    def next(self) -> tuple[str, int, Dataset]:
        return self.reports.get(timeout=20)

    def next_state(self) -> tuple[str, int, str]:
        uid, event_type, report = self.next()
        return uid, event_type, str(report.get("ProcedureStepState", ""))


@contextmanager
def listener(
    node: Node, ae_title: str, *, port: int = 0, forget: bool = True
) -> Iterator[Listener]:
    """A known peer of that title, which takes reports. `forget`: it unsubscribes in the end."""
    made = Listener()
    ae = AE(ae_title)
    ae.add_supported_context(EVENT, scu_role=False, scp_role=True)
    handlers = [(evt.EVT_N_EVENT_REPORT, made.take)]
    server: Any = ae.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)
    made.port = server.socket.getsockname()[1]
    if not port:
        known = KnownPeer(ae_title.lower(), ae_title=ae_title, host="127.0.0.1", port=made.port)
        node.storage.peers.add(known)
    try:
        yield made
    finally:
        server.shutdown()
        for one in node.storage.subscriptions.of(ae_title) if forget else ():
            with suppress(NotFound):
                node.storage.subscriptions.unsubscribe(ae_title, one.workitem_uid)
