"""Another system's worklist by DIMSE: UPS Pull, Watch and Event of pynetdicom."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import AE, build_context, build_role, evt
from pynetdicom.sop_class import (
    UnifiedProcedureStepEvent,
    UnifiedProcedureStepPull,
    UnifiedProcedureStepPush,
    UnifiedProcedureStepWatch,
)

from storage.ups.dicom_json import text_of
from tests.services import free_port

AE_TITLE = "RIS"


@dataclass
class DimseManager:
    """It keeps items as DICOM JSON, and checks claims as PS3.4 CC.1.1 has it."""

    port: int
    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    claims: dict[str, str] = field(default_factory=dict)
    read: list[str] = field(default_factory=list)
    status: int | None = None
    """Of every answer, where it is set."""
    subscribers: list[tuple[str, str]] = field(default_factory=list)
    """To what, and who receives."""
    subscription_status: int = 0x0000

    def state(self, uid: str) -> str:
        return text_of(self.items[uid], "ProcedureStepState")

    def find(self, event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        if self.status is not None:
            yield self.status, None
            return
        wanted = event.identifier.ProcedureStepState
        for uid in list(self.items):
            if event.is_cancelled:
                yield 0xFE00, None
                return
            if self.state(uid) == wanted:
                found = Dataset()
                found.SOPInstanceUID = uid
                found.ProcedureStepState = wanted
                modified = text_of(self.items[uid], "ScheduledProcedureStepModificationDateTime")
                found.ScheduledProcedureStepModificationDateTime = modified
                yield 0xFF00, found

    def get(self, event: evt.Event) -> tuple[int, Dataset | None]:
        uid = str(event.request.RequestedSOPInstanceUID)
        self.read.append(uid)
        if uid not in self.items:
            return 0xC307, None
        whole = Dataset.from_json(self.items[uid])
        # In a character set of its own, with sequences of undefined length.
        whole.SpecificCharacterSet = "ISO_IR 100"
        for element in whole.iterall():
            element.is_undefined_length = element.VR == "SQ"
        return 0x0000, whole

    def act(self, event: evt.Event) -> tuple[int, Dataset | None]:
        uid, asked = str(event.request.RequestedSOPInstanceUID), event.action_information
        if event.action_type == 3:
            assert asked.DeletionLock == "FALSE"
            self.subscribers.append((uid, str(asked.ReceivingAE)))
            return self.subscription_status, None
        state, claim = str(asked.ProcedureStepState), str(asked.TransactionUID)
        if uid not in self.items:
            return 0xC307, None
        if state == "IN PROGRESS":
            if self.state(uid) != "SCHEDULED":
                return 0xC302, None
            self.claims[uid] = claim
        elif self.state(uid) != "IN PROGRESS":
            return 0xC310, None
        elif self.claims.get(uid) != claim:
            return 0xC301, None
        self.items[uid] |= {"00741000": {"vr": "CS", "Value": [state]}}
        return 0x0000, None

    def set(self, event: evt.Event) -> tuple[int, Dataset | None]:
        uid, changes = str(event.request.RequestedSOPInstanceUID), event.modification_list
        if self.claims.get(uid) != str(changes.TransactionUID):
            return 0xC301, None
        del changes.TransactionUID
        self.items[uid] |= changes.to_json_dict()
        return 0x0000, None

    def report(
        self, port: int, uid: str, event_type: int, ae_title: str = AE_TITLE, **values: str
    ) -> int:
        """Send an event to a subscriber on that port; its status."""
        ae = AE(ae_title)
        association = ae.associate(
            "127.0.0.1",
            port,
            contexts=[build_context(UnifiedProcedureStepEvent)],
            ext_neg=[build_role(UnifiedProcedureStepEvent, scp_role=True)],
        )
        assert association.is_established
        reported = Dataset()
        reported.SpecificCharacterSet = "ISO_IR 100"
        for keyword, value in values.items():
            setattr(reported, keyword, value)
        answer, _ = association.send_n_event_report(
            reported,
            event_type,
            UnifiedProcedureStepPush,
            UID(uid),
            meta_uid=UnifiedProcedureStepEvent,
        )
        association.release()
        return int(answer.Status)


@contextmanager
def dimse_manager() -> Iterator[DimseManager]:
    manager = DimseManager(free_port())
    ae = AE(AE_TITLE)
    ae.add_supported_context(UnifiedProcedureStepPull)
    ae.add_supported_context(UnifiedProcedureStepWatch)
    server = ae.start_server(
        ("127.0.0.1", manager.port),
        block=False,
        evt_handlers=[
            (evt.EVT_C_FIND, manager.find),
            (evt.EVT_N_GET, manager.get),
            (evt.EVT_N_ACTION, manager.act),
            (evt.EVT_N_SET, manager.set),
        ],
    )
    assert server is not None
    try:
        yield manager
    finally:
        server.shutdown()
