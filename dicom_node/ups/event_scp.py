"""Event reports of other systems' workitems (UPS Event as SCU, PS3.4 CC.2.4): N-EVENT-REPORT.

The node subscribes to the worklists from which it performs. What they report tells it that an item
is to be cancelled; for all else it asks.
"""

from typing import Protocol

import structlog

from dicom_node.association.base import NodeAssociation
from dicom_node.association.contexts import UPS_EVENT_CLASS
from dicom_node.network.command_set import Command, CommandSet
from dicom_node.normalized.requests import (
    NO_SUCH_EVENT_TYPE,
    NOT_AUTHORIZED,
    Answer,
    NormalizedRequest,
    Refused,
)
from dicom_node.ups.attributes import read_attributes
from dicom_node.ups.scp import UpsScp, UpsStorage
from storage.container.has import HasClaimedElsewhere, HasSettings
from storage.settings.interfaces.ups_sources import PEER
from storage.ups.events import CANCEL_REQUESTED
from storage.ups.requests import cancel_claimed

log = structlog.get_logger(__name__)

_EVENT_TYPES = range(1, 6)
"""PS3.4 Table CC.2.4-1."""


class EventStorage(UpsStorage, HasSettings, HasClaimedElsewhere, Protocol):
    """What of the storage layer reports of workitems are taken with."""


class UpsEventScp(UpsScp):
    """Takes N-EVENT-REPORT from peers that the settings name as worklists."""

    sop_classes = frozenset({UPS_EVENT_CLASS})

    def __init__(self, storage: EventStorage, association: NodeAssociation) -> None:
        super().__init__(storage, association)
        self._claimed = storage.claimed_elsewhere
        self._sources = storage.settings.ups_sources

    def read(self, context_id: int, command: CommandSet, data: bytes | None) -> NormalizedRequest:
        """Nothing is decoded for who is no worklist of this node."""
        if not self._sources_of_peer():
            if self.association.auditing is not None:
                self.association.auditing.not_allowed(Command.N_EVENT_REPORT_RQ)
            raise Refused(NOT_AUTHORIZED, "This node performs nothing of a worklist of this peer.")
        return super().read(context_id, command, data)

    def answer(self, request: NormalizedRequest, command: CommandSet) -> Answer:
        uid = request.sop_instance_uid
        sources = self._sources_of_peer()
        if command.event_type_id not in _EVENT_TYPES:
            raise Refused(NO_SUCH_EVENT_TYPE, "Event Type ID is none of 1 to 5.")
        source = next((one for one in sources if self._claimed.is_of(uid, one)), None)
        if command.event_type_id == CANCEL_REQUESTED and source is not None:
            attributes = read_attributes(request.dataset)
            log.info("work_item_cancel_requested", workitem_uid=uid, source=source)
            item = self._storage.workitems.get(uid)
            if self.association.auditing is not None:
                self.association.auditing.procedure_record("U", item.study_instance_uid)
            cancel_claimed(self._storage, uid, source, attributes)
        return Answer(uid)

    def _sources_of_peer(self) -> list[str]:
        """Names of the worklists that this peer is, as the settings have them."""
        peer = self.association.caller().unique_subject
        return [name for name, address in self._sources if peer and address == f"{PEER}{peer}"]
