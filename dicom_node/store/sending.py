"""C-STORE as SCU: items over associations, each with its result."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import structlog
from pynetdicom.presentation import PresentationContext

from dicom_node.association.base import NodeAssociation
from dicom_node.association.pynetdicom_adapter import Timeouts
from dicom_node.association.requestor import end, open_association
from dicom_node.network.command_set import encode_store_request
from dicom_node.peers import Peer, PeerFailed
from dicom_node.status import describe, is_stored
from dicom_node.store.outgoing import CannotConvert, Unreadable, encoded_pieces
from storage.core.errors import InstanceDamaged

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SendItem:
    """An instance to send. `open` gives its part-10 file at the start."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    open: Callable[[], BinaryIO]


@dataclass(frozen=True, slots=True)
class SendResult:
    """What became of one item.

    `status` is the peer's C-STORE status, None when it never answered. `error`
    is empty when the peer keeps the instance (success or a warning), else one
    sentence without patient data.
    """

    sop_instance_uid: str
    status: int | None
    error: str

    @property
    def ok(self) -> bool:
        return not self.error


class Sender:
    """Sends batches over as many associations as it takes."""

    def __init__(
        self,
        peer: Peer,
        calling_ae_title: str,
        move_originator: tuple[str, int] | None,
        timeouts: Timeouts | None,
        settle: Callable[[int, SendResult], None],
        cancelled: Callable[[], bool],
    ) -> None:
        self._peer = peer
        self._calling_ae_title = calling_ae_title
        self._move_originator = move_originator
        self._timeouts = timeouts
        self._settle = settle
        self._cancelled = cancelled

    def send_batch(
        self, contexts: list[PresentationContext], items: list[tuple[int, SendItem]]
    ) -> None:
        waiting = list(items)
        while waiting and not self._cancelled():
            try:
                association = open_association(
                    self._peer, self._calling_ae_title, contexts, self._timeouts
                )
            except PeerFailed as failure:
                self._settle_all(waiting, failure.message)
                return
            answered = 0
            try:
                accepted = _accepted(association)
                while waiting and association.is_established and not self._cancelled():
                    number, item = waiting[0]
                    result = _send_one(
                        association, accepted, item, str(self._peer), self._move_originator
                    )
                    waiting.pop(0)
                    answered += result.status is not None
                    self._settle(number, result)
            finally:
                end(association)
            if waiting and not answered:
                # The association breaks before anything gets through: no use in
                # opening it once for each item.
                self._settle_all(waiting, f"{self._peer} broke off the association.")
                return

    def _settle_all(self, items: list[tuple[int, SendItem]], error: str) -> None:
        for number, item in items:
            self._settle(number, SendResult(item.sop_instance_uid, None, error))


def send_over(
    association: NodeAssociation,
    items: Iterable[SendItem],
    on_result: Callable[[SendResult], None],
    cancelled: Callable[[], bool],
) -> None:
    """C-STORE items to the peer of an association that stands, as C-GET does.

    Only contexts count on which the peer takes the role of SCP.
    """
    peer = association.peer_ae_title
    accepted = _accepted(association)
    for item in items:
        if not association.is_established or cancelled():
            return
        on_result(_send_one(association, accepted, item, peer, None))


def _send_one(
    association: NodeAssociation,
    accepted: dict[tuple[str, str], int],
    item: SendItem,
    peer: str,
    move_originator: tuple[str, int] | None,
) -> SendResult:
    uid = item.sop_instance_uid
    command = encode_store_request(
        message_id=1,
        sop_class_uid=item.sop_class_uid,
        sop_instance_uid=uid,
        move_originator=move_originator,
    )
    try:
        with _opened(item) as file:
            context_id, pieces = encoded_pieces(file, item, accepted)
            sent = _send_message(association, context_id, command, pieces)
    except CannotConvert as error:
        return SendResult(uid, None, f"{peer} {error}")
    except Unreadable as error:
        log.error("instance_unreadable", sop_instance_uid=uid, error=str(error))
        return SendResult(uid, None, f"The stored instance cannot be read ({error}).")
    status = association.store_status() if sent else None
    if status is None:
        return SendResult(uid, None, f"{peer} broke off or did not answer in time.")
    if is_stored(status):
        return SendResult(uid, status, "")
    return SendResult(
        uid, status, f"{peer} refused the instance: {describe(status)} ({status:#06x})."
    )


@contextmanager
def _opened(item: SendItem) -> Iterator[BinaryIO]:
    try:
        file = item.open()
    except InstanceDamaged as error:
        raise Unreadable("damaged or lost: have it sent to this node again") from error
    except Exception as error:
        # The edge of one item: whatever its file does must not lose the rest.
        raise Unreadable(type(error).__name__) from error
    with file:
        yield file


def _send_message(
    association: NodeAssociation, context_id: int, command: bytes, pieces: Iterator[memoryview]
) -> bool:
    """Whether the whole message went out. The association ends where it did not."""
    try:
        association.send_pieces(context_id, command, pieces)
    except OSError:
        association.abort()
        return False
    except Unreadable:
        # The peer waits for the rest of a message that will not come.
        association.abort()
        raise
    return True


def _accepted(association: NodeAssociation) -> dict[tuple[str, str], int]:
    return {
        (str(context.abstract_syntax), str(context.transfer_syntax[0])): context.context_id
        for context in association.accepted_contexts
        if context.as_scu
    }
