"""The node as SCU: send instances, verify a peer, ask what it holds."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pynetdicom.presentation import build_context
from pynetdicom.sop_class import Verification

from dicom_node.association.contexts import MESSAGE_TRANSFER_SYNTAXES
from dicom_node.association.pynetdicom_adapter import Timeouts
from dicom_node.association.requestor import end, open_association
from dicom_node.peers import Peer, PeerFailed
from dicom_node.query.scu import find
from dicom_node.store.outgoing import plan_contexts
from dicom_node.store.sending import Sender, SendItem, SendResult

# Of one series; nothing real has as many.
_MOST_INSTANCES = 1_000_000

__all__ = ["EchoResult", "SendItem", "SendResult", "echo", "holds", "send"]


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

    Where the peer accepts only another syntax, the data set is re-encoded in
    Explicit or Implicit VR Little Endian, its pixels decompressed where need
    be; where that cannot be done the result says what the peer would have to
    accept. Items that fail do not stop the rest: a
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
    sender = Sender(peer, calling_ae_title, move_originator, timeouts, settle, stop)
    for batch in plan_contexts(numbered):
        sender.send_batch(batch.contexts, batch.items)
    return [results[number] for number, _ in numbered if number in results]


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

    Raises PeerLacksService when the peer offers no C-FIND that answers this,
    PeerDidNotAnswer when it breaks off or does not answer in full, PeerFailed when it
    cannot be asked just now.
    """
    wanted = set(sop_instance_uids)
    query = Dataset()
    query.QueryRetrieveLevel = "IMAGE"
    query.StudyInstanceUID = study_instance_uid
    query.SeriesInstanceUID = series_instance_uid
    # One UID is matched; for several the whole series is asked for, since some
    # peers do not match lists of UIDs at this level.
    query.SOPInstanceUID = next(iter(wanted)) if len(wanted) == 1 else ""
    answers = find(peer, calling_ae_title, query, _MOST_INSTANCES, timeouts)
    return wanted & {str(one.get("SOPInstanceUID", "")) for one in answers.identifiers}
