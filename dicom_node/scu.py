"""The node as SCU: send instances, verify a peer, ask what it holds."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import structlog
from pydicom.dataset import Dataset
from pynetdicom.presentation import PresentationContext, build_context
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind, Verification

from dicom_node.association import NodeAssociation
from dicom_node.command_set import encode_store_request
from dicom_node.contexts import MESSAGE_TRANSFER_SYNTAXES
from dicom_node.outgoing import CannotConvert, plan_contexts, read_data_set
from dicom_node.peers import Peer, PeerFailed, PeerLacksService
from dicom_node.requestor import end, open_association
from dicom_node.status import (
    OUT_OF_RESOURCES,
    PENDING,
    PENDING_OPTIONAL_KEYS_UNSUPPORTED,
    describe,
    is_stored,
)
from dicom_node.upper_layer import Timeouts

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


@dataclass(frozen=True, slots=True)
class EchoResult:
    """Answer to C-ECHO. `seconds` covers association, echo and release."""

    ok: bool
    status: int | None
    error: str
    seconds: float


def send(
    items: Iterable[SendItem],
    *,
    peer: Peer,
    calling_ae_title: str,
    on_result: Callable[[SendResult], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    move_originator: tuple[str, int] | None = None,
    timeouts: Timeouts | None = None,
) -> list[SendResult]:
    """C-STORE every item to `peer`, each in the transfer syntax in which it is stored.

    Where the peer accepts only another syntax, uncompressed data sets are
    re-encoded (implicit or explicit VR, deflated); for others the result says
    what the peer would have to accept. Items that fail do not stop the rest: a
    broken association is opened again as long as items get through. Results
    come in the order of the items, `on_result` as each is known. Once
    `cancelled` is true nothing more is sent, and what was not has no result.
    """
    results: dict[int, SendResult] = {}
    numbered = list(enumerate(items))

    def settle(number: int, result: SendResult) -> None:
        results[number] = result
        if on_result is not None:
            on_result(result)

    stop = cancelled or (lambda: False)
    sender = _Sender(peer, calling_ae_title, move_originator, timeouts, settle, stop)
    for batch in plan_contexts(numbered):
        sender.send_batch(batch.contexts, batch.items)
    return [results[number] for number, _ in numbered if number in results]


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


def echo(peer: Peer, calling_ae_title: str, timeouts: Timeouts | None = None) -> EchoResult:
    """Verify that `peer` answers (PS3.4 annex A). Failure is a result, not an exception."""
    started = time.monotonic()
    status: int | None = None
    error = ""
    try:
        association = open_association(
            peer,
            calling_ae_title,
            [build_context(Verification, list(MESSAGE_TRANSFER_SYNTAXES[:2]))],
            timeouts,
        )
        try:
            answer = association.send_c_echo()
            status = int(answer.Status) if "Status" in answer else None
        finally:
            end(association)
        if status is None:
            error = f"{peer} broke off or did not answer the echo in time."
        elif status:
            error = f"{peer} answered the echo with status {status:#06x}."
    except PeerFailed as failure:
        error = failure.message
    return EchoResult(not error, status, error, time.monotonic() - started)


def holds(
    peer: Peer,
    calling_ae_title: str,
    study_instance_uid: str,
    series_instance_uid: str,
    sop_instance_uids: Sequence[str],
    timeouts: Timeouts | None = None,
) -> set[str]:
    """Which of the instances `peer` holds by its own word: C-FIND at IMAGE level.

    Raises PeerLacksService when the peer offers no C-FIND that answers this, PeerFailed
    when it cannot be asked just now or does not answer in full.
    """
    wanted = set(sop_instance_uids)
    query = Dataset()
    query.QueryRetrieveLevel = "IMAGE"
    query.StudyInstanceUID = study_instance_uid
    query.SeriesInstanceUID = series_instance_uid
    # One UID is matched; for several the whole series is asked for, since some
    # peers do not match lists of UIDs at this level.
    query.SOPInstanceUID = next(iter(wanted)) if len(wanted) == 1 else ""
    association = open_association(
        peer,
        calling_ae_title,
        [
            build_context(
                StudyRootQueryRetrieveInformationModelFind, list(MESSAGE_TRANSFER_SYNTAXES[:2])
            )
        ],
        timeouts,
    )
    held: set[str] = set()
    status: int | None = None
    try:
        for answer, identifier in association.send_c_find(
            query, StudyRootQueryRetrieveInformationModelFind
        ):
            status = int(answer.Status) if "Status" in answer else None
            if status in (PENDING, PENDING_OPTIONAL_KEYS_UNSUPPORTED) and identifier is not None:
                held.add(str(identifier.get("SOPInstanceUID", "")))
    finally:
        end(association)
    if status != 0:
        said = "did not answer in full" if status is None else f"answered status {status:#06x}"
        passing = status in (None, OUT_OF_RESOURCES)
        raise (PeerFailed if passing else PeerLacksService)(
            f"{peer} {said} when asked what it holds.",
            remedy="Check that the peer offers Study Root C-FIND to this node's AE title.",
        )
    return held & wanted


class _Sender:
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


def _send_one(
    association: NodeAssociation,
    accepted: dict[tuple[str, str], int],
    item: SendItem,
    peer: str,
    move_originator: tuple[str, int] | None,
) -> SendResult:
    uid = item.sop_instance_uid
    try:
        with item.open() as file:
            context_id, data = read_data_set(file, item, accepted)
    except CannotConvert as error:
        return SendResult(uid, None, f"{peer} {error}")
    except Exception as error:  # noqa: BLE001
        # The edge of one item: whatever its file does must not lose the rest.
        # The error's own text may quote the file, so only its kind is told.
        kind = type(error).__name__
        log.error("instance_unreadable", sop_instance_uid=uid, error=kind)
        return SendResult(uid, None, f"The stored instance cannot be read ({kind}).")
    command = encode_store_request(
        message_id=1,
        sop_class_uid=item.sop_class_uid,
        sop_instance_uid=uid,
        move_originator=move_originator,
    )
    try:
        association.send_data(context_id, command, data)
        status = association.store_status()
    except OSError:
        association.abort()
        status = None
    if status is None:
        return SendResult(uid, None, f"{peer} broke off or did not answer in time.")
    if is_stored(status):
        return SendResult(uid, status, "")
    return SendResult(
        uid, status, f"{peer} refused the instance: {describe(status)} ({status:#06x})."
    )


def _accepted(association: NodeAssociation) -> dict[tuple[str, str], int]:
    return {
        (str(context.abstract_syntax), str(context.transfer_syntax[0])): context.context_id
        for context in association.accepted_contexts
        if context.as_scu
    }
