"""Workitems as SCP: UPS Push, Pull and Watch (PS3.4 CC), over the ledger that UPS-RS serves."""

from typing import Protocol

import structlog
from pydicom.dataset import Dataset
from pynetdicom.sop_class import (
    UnifiedProcedureStepPull,
    UnifiedProcedureStepPush,
    UnifiedProcedureStepWatch,
)

from dicom_node.association.base import NodeAssociation
from dicom_node.association.contexts import UPS_CLASSES, UPS_EVENT_CLASS
from dicom_node.network.command_set import Command, CommandSet
from dicom_node.network.data_sets import decode_data_set
from dicom_node.normalized.requests import (
    ATTRIBUTE_VALUE_INVALID,
    MISSING_ATTRIBUTE,
    NO_SUCH_ACTION,
    SOP_CLASS_NOT_SUPPORTED,
    UNRECOGNIZED_OPERATION,
    Answer,
    NormalizedRequest,
    NormalizedScp,
    Refused,
)
from dicom_node.peers import caller_of_peer
from dicom_node.ups import statuses
from dicom_node.ups.attributes import MOST_ELEMENTS, read_attributes
from dicom_node.ups.datasets import sent_dataset
from dicom_node.ups.matching import Matcher, keys_of
from dicom_node.ups.present import present_items
from storage.container.has import HasPeers
from storage.core.errors import LimitExceeded, MediViewError, NotFound
from storage.ups.dicom_json import JsonAttributes, tag_of, text_of
from storage.ups.limits import MOST_BYTES
from storage.ups.requests import WorkitemStorage, change_state, request_cancel, update
from storage.ups.search import Listed, WorkitemList
from storage.ups.subscriptions import FILTERED_UID, GLOBAL_UIDS
from storage.ups.validation import STATES, WorkitemState

log = structlog.get_logger(__name__)

PUSH, PULL, WATCH = map(
    str, (UnifiedProcedureStepPush, UnifiedProcedureStepPull, UnifiedProcedureStepWatch)
)
CHANGE_STATE, REQUEST_CANCEL, SUBSCRIBE, UNSUBSCRIBE, SUSPEND = 1, 2, 3, 4, 5
"""Action Type IDs (PS3.4 Tables CC.2.1-1, CC.2.2-1, CC.2.3-1)."""

# PS3.4 Tables CC.2-1 to CC.2-4.
_OPERATIONS: dict[int, frozenset[str]] = {
    Command.N_CREATE_RQ: frozenset({PUSH}),
    Command.N_SET_RQ: frozenset({PULL}),
    Command.N_GET_RQ: frozenset({PUSH, PULL, WATCH}),
    Command.N_ACTION_RQ: frozenset({PUSH, PULL, WATCH}),
    Command.N_EVENT_REPORT_RQ: frozenset({UPS_EVENT_CLASS}),
}
_ACTIONS = {
    CHANGE_STATE: frozenset({PULL}),
    REQUEST_CANCEL: frozenset({PUSH, WATCH}),
    SUBSCRIBE: frozenset({WATCH}),
    UNSUBSCRIBE: frozenset({WATCH}),
    SUSPEND: frozenset({WATCH}),
}
_MAY_BE_EMPTY = frozenset({Command.N_ACTION_RQ, Command.N_EVENT_REPORT_RQ})
_LOCKS = {"TRUE": True, "FALSE": False}
# Of a subscription, what is no key to compare workitems with.
_NO_KEYS = frozenset(map(tag_of, ("ReceivingAE", "DeletionLock", "SpecificCharacterSet")))


class UpsStorage(WorkitemStorage, HasPeers, Protocol):
    """What of the storage layer workitems are served with."""

    @property
    def workitem_list(self) -> WorkitemList: ...


class UpsScp(NormalizedScp):
    """What the operations on workitems share: how a request is read, and how it is recorded."""

    sop_classes = UPS_CLASSES
    max_elements = MOST_ELEMENTS

    def __init__(self, storage: UpsStorage, association: NodeAssociation) -> None:
        super().__init__(association)
        self._storage = storage

    def read(self, context_id: int, command: CommandSet, data: bytes | None) -> NormalizedRequest:
        """Messages name the Push class whatever the context (PS3.4 CC.3.1.1)."""
        context = self.association.context(context_id)
        if context is None or command.affected_sop_class_uid not in (PUSH, context[0]):
            raise Refused(SOP_CLASS_NOT_SUPPORTED, "The SOP class is not that of a workitem.")
        if context[0] not in _OPERATIONS[command.command_field]:
            raise Refused(UNRECOGNIZED_OPERATION, "This SOP class has no such operation.")
        if data is not None and len(data) > MOST_BYTES:
            raise LimitExceeded("The data set of a workitem has more than 1 MiB.")
        is_read = command.command_field == Command.N_GET_RQ
        # An action and a report may have nothing to say.
        is_empty = data is None and command.command_field in _MAY_BE_EMPTY
        dataset = (
            Dataset() if is_read or is_empty else decode_data_set(data, context[1], MOST_ELEMENTS)
        )
        return NormalizedRequest(
            context[0], command.affected_sop_instance_uid, context[1], context_id, dataset
        )

    def status_of(self, error: MediViewError) -> int:
        status = statuses.workitem_status(error)
        return super().status_of(error) if status is None else status

    def find(self, uid: str, *, whole: bool = False) -> Listed:
        """Raises NotFound."""
        found = self._storage.workitem_list.find(uid, whole=whole) if uid else None
        if found is None:
            raise self._storage.workitems.missing(uid)
        return found


class UpsCreateScp(UpsScp):
    """Takes N-CREATE: a workitem is pushed."""

    def answer(self, request: NormalizedRequest, command: CommandSet) -> Answer:
        attributes = read_attributes(request.dataset)
        item, modified = self._storage.workitems.create(request.sop_instance_uid, attributes)
        if self.association.auditing is not None:
            self.association.auditing.procedure_record("C", item.study_instance_uid)
        log.info("workitem_created", workitem_uid=item.sop_instance_uid)
        if modified:
            status = statuses.CREATED_WITH_MODIFICATIONS
            return Answer(item.sop_instance_uid, status, "Attributes of type 2 were added.")
        return Answer(item.sop_instance_uid)


class UpsSetScp(UpsScp):
    """Takes N-SET: its performer changes a workitem."""

    def answer(self, request: NormalizedRequest, command: CommandSet) -> Answer:
        found = self.find(request.sop_instance_uid)
        attributes = read_attributes(request.dataset)
        transaction_uid = text_of(attributes, "TransactionUID")
        update(self._storage, found.sop_instance_uid, transaction_uid, attributes)
        if self.association.auditing is not None:
            self.association.auditing.procedure_record("U", found.study_instance_uid)
        return Answer(found.sop_instance_uid)


class UpsGetScp(UpsScp):
    """Takes N-GET: attributes of a workitem, but for the Transaction UID (PS3.4 CC.2.7.3)."""

    def answer(self, request: NormalizedRequest, command: CommandSet) -> Answer:
        found = self.find(request.sop_instance_uid, whole=True)
        kept = {
            tag: element
            for tag, element in found.attributes.items()
            if tag != tag_of("TransactionUID")
        }
        wanted = {f"{tag:08X}" for tag in command.attribute_tags}
        selected = {tag: kept[tag] for tag in kept if not wanted or tag in wanted}
        if self.association.auditing is not None:
            study = found.study_instance_uid
            self.association.auditing.procedure_record("R", study, repeated=True)
        # The character set is that of the message, as everywhere.
        selected.pop(tag_of("SpecificCharacterSet"), None)
        is_all = not wanted - kept.keys() - {tag_of("SpecificCharacterSet")}
        return Answer(
            found.sop_instance_uid,
            0 if is_all else statuses.OPTIONAL_NOT_SUPPORTED,
            "" if is_all else "The workitem has not all of these attributes.",
            sent_dataset(selected),
        )


class UpsActionScp(UpsScp):
    """Takes N-ACTION: a workitem is claimed, ended or to be cancelled, or somebody subscribes."""

    def answer(self, request: NormalizedRequest, command: CommandSet) -> Answer:
        action = command.action_type_id
        if request.sop_class_uid not in _ACTIONS.get(action or 0, ()):
            raise Refused(NO_SUCH_ACTION, "This SOP class has no such Action Type ID.")
        if action in (CHANGE_STATE, REQUEST_CANCEL):
            return self._of_item(request, is_change=action == CHANGE_STATE)
        return self._of_subscription(request, action or 0)

    def _of_item(self, request: NormalizedRequest, *, is_change: bool) -> Answer:
        uid = request.sop_instance_uid
        if uid in GLOBAL_UIDS:
            raise Refused(statuses.ACTION_NOT_APPROPRIATE, "It is not a single workitem.")
        found = self.find(uid)
        attributes = read_attributes(request.dataset)
        if is_change:
            state = _state(attributes)
            transaction_uid = text_of(attributes, "TransactionUID")
            if state == "SCHEDULED":
                code = statuses.ONLY_CREATED_SCHEDULED
                raise Refused(code, "A workitem is SCHEDULED by N-CREATE alone.")
            already = change_state(self._storage, uid, state, transaction_uid)
        else:
            state = "CANCELED"
            asked_by = self.association.peer_ae_title or "UNKNOWN"
            already = request_cancel(self._storage, uid, asked_by, attributes)
        if self.association.auditing is not None:
            self.association.auditing.procedure_record("U", found.study_instance_uid)
        log.info("workitem_changed", workitem_uid=uid, state=state, is_request=not is_change)
        if not already:
            return Answer(uid)
        return Answer(uid, _ALREADY[state], f"The workitem is {state} already.")

    def _of_subscription(self, request: NormalizedRequest, action: int) -> Answer:
        uid = request.sop_instance_uid
        attributes = read_attributes(request.dataset)
        ae_title = text_of(attributes, "ReceivingAE").strip()
        if not ae_title:
            raise Refused(MISSING_ATTRIBUTE, "Receiving AE is missing.")
        found = None if uid in GLOBAL_UIDS else self.find(uid)
        # A peer that has the title comes before others who subscribed with it.
        peers = self._storage.peers.by_ae_title(ae_title)
        holders = frozenset(caller_of_peer(one).identity_id for one in peers)
        if action == SUBSCRIBE:
            replaced = self._subscribe(uid, ae_title, attributes, found, holders)
        elif action == SUSPEND and found is not None:
            raise Refused(statuses.ACTION_NOT_APPROPRIATE, "Only a global one is suspended.")
        else:
            subscriptions = self._storage.subscriptions
            end = subscriptions.suspend if action == SUSPEND else subscriptions.unsubscribe
            replaced = subscriptions.take_over(ae_title, holders)
            try:
                end(ae_title, uid)
            except NotFound:
                # No change of state, which is no failure (PS3.4 Table CC.2.3-2).
                log.info("workitem_not_subscribed", workitem_uid=uid)
        if self.association.auditing is not None:
            study = "" if found is None else found.study_instance_uid
            detail = {"replaced_subscriber": replaced} if replaced else {}
            self.association.auditing.procedure_record("E", study, repeated=True, **detail)
        return Answer(uid)

    def _subscribe(
        self,
        uid: str,
        ae_title: str,
        attributes: JsonAttributes,
        found: Listed | None,
        holders: frozenset[str],
    ) -> str:
        if not any(one.host for one in self._storage.peers.by_ae_title(ae_title)):
            raise Refused(statuses.RECEIVER_UNKNOWN, "No peer of that AE title has an address.")
        stated = text_of(attributes, "DeletionLock")
        if not stated:
            raise Refused(MISSING_ATTRIBUTE, "Deletion Lock is missing.")
        lock = _LOCKS.get(stated)
        if lock is None:
            raise Refused(ATTRIBUTE_VALUE_INVALID, "Deletion Lock is neither TRUE nor FALSE.")
        keys: dict[str, str] = {}
        if uid == FILTERED_UID:
            given = {tag: value for tag, value in attributes.items() if tag not in _NO_KEYS}
            keys = {name: value for name, value in keys_of(sent_dataset(given)).items() if value}
            if not keys:
                raise Refused(MISSING_ATTRIBUTE, "A filtered subscription needs a matching key.")
        initial = [found] if found is not None else []
        if found is None and lock:
            initial = present_items(self._storage.workitem_list, Matcher(keys))
        return self._storage.subscriptions.subscribe(
            ae_title,
            uid,
            deletion_lock=lock,
            keys=keys,
            initial=initial,
            identity_id=self.association.caller().identity_id,
            by_dimse=True,
            holders=holders,
        )


_ALREADY = {
    "CANCELED": statuses.ALREADY_CANCELED,
    "COMPLETED": statuses.ALREADY_COMPLETED,
}


def _state(attributes: JsonAttributes) -> WorkitemState:
    stated = text_of(attributes, "ProcedureStepState")
    if not stated:
        raise Refused(MISSING_ATTRIBUTE, "Procedure Step State is missing.")
    for state in STATES:
        if stated == state:
            return state
    raise Refused(ATTRIBUTE_VALUE_INVALID, "Procedure Step State is none of PS3.4 CC.1.1.")
