"""Workitems of another system as SCU of UPS Pull (PS3.4 CC): found, read, claimed and changed."""

import contextlib
import time
from collections.abc import Iterator

from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom.presentation import build_context

from dicom_node.association.base import NodeAssociation
from dicom_node.association.contexts import MESSAGE_TRANSFER_SYNTAXES
from dicom_node.association.pynetdicom_adapter import Timeouts
from dicom_node.association.requestor import end, open_association
from dicom_node.normalized.requests import SUCCESS
from dicom_node.peers import Peer, PeerDidNotAnswer, PeerLacksService
from dicom_node.query.scu import AnswerCheck
from dicom_node.status import CANCEL, PENDING, PENDING_OPTIONAL_KEYS_UNSUPPORTED
from dicom_node.ups.scp import CHANGE_STATE, PULL, PUSH, SUBSCRIBE, WATCH
from dicom_node.ups.statuses import (
    ACTION_NOT_APPROPRIATE,
    ALREADY_CANCELED,
    ALREADY_COMPLETED,
    NO_LONGER_UPDATED,
)
from storage.ups.subscriptions import WORKLIST_UID

_TIMEOUTS = Timeouts(connect_s=5.0, acse_s=10.0, dimse_s=30.0, idle_s=30.0)
_MESSAGE_ID = 1
# That a peer may still have on the way when it is asked to stop.
_AFTER_CANCEL = 1000
_MOST_S = 60.0
# PS3.7 C.3: it was done, and some attribute was not liked; PS3.4 Tables CC.2.1-2, CC.2.6-1.
_TAKEN = frozenset({SUCCESS, 0x0001, 0x0107, 0x0116, 0xB305, ALREADY_CANCELED, ALREADY_COMPLETED})
# PS3.4 Table CC.2.3-3: the deletion lock is not granted, which nobody asked for.
_SUBSCRIBED = frozenset({SUCCESS, 0xB301})


def subscribe(peer: Peer, calling_ae_title: str, receiving_ae_title: str) -> None:
    """Have the events of a worklist reported to that title (UPS Watch, N-ACTION 3).

    Raises PeerLacksService where it does not do so, else PeerFailed.
    """
    association = open_association(
        peer,
        calling_ae_title,
        [build_context(WATCH, list(MESSAGE_TRANSFER_SYNTAXES[:2]))],
        _TIMEOUTS,
    )
    association.check_data = AnswerCheck()
    asked = Dataset()
    asked.ReceivingAE = receiving_ae_title
    asked.DeletionLock = "FALSE"
    try:
        answer, _ = association.send_n_action(
            asked, SUBSCRIBE, PUSH, UID(WORKLIST_UID), meta_uid=WATCH
        )
    finally:
        with contextlib.suppress(OSError):
            end(association)
    status = int(answer.Status) if "Status" in answer else None
    if status is None:
        raise PeerDidNotAnswer(f"{peer} did not answer to a subscription.")
    if status not in _SUBSCRIBED:
        raise PeerLacksService(
            f"{peer} answered status {status:#06x} to a subscription.",
            remedy="Make this node's AE title and address known to it.",
        )


@contextlib.contextmanager
def open_worklist(peer: Peer, calling_ae_title: str) -> "Iterator[RemoteWorklist]":
    """An association with a worklist. Raises PeerFailed."""
    association = open_association(
        peer,
        calling_ae_title,
        [build_context(PULL, list(MESSAGE_TRANSFER_SYNTAXES[:2]))],
        _TIMEOUTS,
    )
    association.check_data = AnswerCheck()
    try:
        yield RemoteWorklist(association, peer)
    finally:
        with contextlib.suppress(OSError):
            end(association)


class RemoteWorklist:
    """All methods raise PeerDidNotAnswer, and PeerLacksService where it does not offer that."""

    def __init__(self, association: NodeAssociation, peer: Peer) -> None:
        self._association = association
        self._peer = peer

    def find(self, state: str, at_most: int) -> dict[str, str]:
        """UIDs of items in a state, each with when it was changed last, as far as that is stated.

        One that has more is asked to stop (C-CANCEL), and left where it does not.
        """
        query = Dataset()
        query.SOPInstanceUID = ""
        query.ProcedureStepState = state
        query.ScheduledProcedureStepModificationDateTime = ""
        found: dict[str, str] = {}
        status, answers = None, 0
        deadline = time.monotonic() + _MOST_S
        for answer, identifier in self._association.send_c_find(query, PULL, msg_id=_MESSAGE_ID):
            status = int(answer.Status) if "Status" in answer else None
            if status not in (PENDING, PENDING_OPTIONAL_KEYS_UNSUPPORTED):
                continue
            # All that comes counts: the same item again, and what cannot be decoded.
            answers += 1
            if answers > at_most + _AFTER_CANCEL or time.monotonic() > deadline:
                self._association.abort()
                break
            if answers == at_most + 1:
                self._association.send_c_cancel(_MESSAGE_ID, query_model=PULL)
            if answers <= at_most and identifier is not None:
                changed = identifier.get("ScheduledProcedureStepModificationDateTime")
                found[str(identifier.get("SOPInstanceUID") or "")] = str(changed or "")
        if status in (SUCCESS, CANCEL) or answers > at_most:
            found.pop("", None)
            return found
        raise self._failure(status, "a search for workitems")

    def item(self, uid: str) -> Dataset | None:
        """All of one (N-GET); None where it is there no more."""
        answer, attributes = self._association.send_n_get([], PUSH, uid, meta_uid=PULL)
        return attributes if self._took(answer, "a workitem that was asked for") else None

    def change_state(self, uid: str, transaction_uid: str, state: str) -> bool:
        """Whether it was taken (N-ACTION 1). What is not ours to change is an answer, too."""
        asked = Dataset()
        asked.ProcedureStepState = state
        asked.TransactionUID = transaction_uid
        answer, _ = self._association.send_n_action(asked, CHANGE_STATE, PUSH, uid, meta_uid=PULL)
        return self._took(answer, "another state of a workitem")

    def update(self, uid: str, transaction_uid: str, changes: Dataset) -> bool:
        """The same of attributes (N-SET)."""
        changes.TransactionUID = transaction_uid
        answer, _ = self._association.send_n_set(changes, PUSH, uid, meta_uid=PULL)
        return self._took(answer, "an update of a workitem")

    def _took(self, answer: Dataset, what: str) -> bool:
        status = int(answer.Status) if "Status" in answer else None
        if status in _TAKEN:
            return True
        if status is not None and NO_LONGER_UPDATED <= status <= ACTION_NOT_APPROPRIATE:
            return False
        raise self._failure(status, what)

    def _failure(self, status: int | None, what: str) -> PeerDidNotAnswer | PeerLacksService:
        if status is None:
            return PeerDidNotAnswer(f"{self._peer} did not answer to {what}.")
        return PeerLacksService(
            f"{self._peer} answered status {status:#06x} to {what}.",
            remedy="Check that it offers UPS Pull to this node's AE title.",
        )
