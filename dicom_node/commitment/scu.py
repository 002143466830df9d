"""Storage commitment as SCU (PS3.4 J.3): ask a peer to keep what it was sent, take its word.

The peer reports when it likes: on the association of the request, or on one that it
opens to our SCP, now or tomorrow. Both end in `CommitmentResultScp`, and the row of
the request has what was answered.
"""

import time
from collections.abc import Sequence

import structlog
from pydicom.dataset import Dataset
from pynetdicom.presentation import build_context

from dicom_node.association.base import NodeAssociation
from dicom_node.association.contexts import MESSAGE_TRANSFER_SYNTAXES
from dicom_node.association.pynetdicom_adapter import Timeouts
from dicom_node.association.requestor import end, open_association
from dicom_node.commitment.scp import (
    ALL_COMMITTED,
    COMMITMENT_CLASS,
    COMMITMENT_INSTANCE,
    FAILURES_EXIST,
    REQUEST_COMMITMENT,
    read_references,
    read_transaction_uid,
)
from dicom_node.network.command_set import Command, CommandSet
from dicom_node.normalized.requests import (
    NO_SUCH_EVENT_TYPE,
    PROCESSING_FAILURE,
    NormalizedRequest,
    NormalizedScp,
    Refused,
)
from dicom_node.peers import Peer, PeerDidNotAnswer, PeerLacksService
from storage.commitment.entities import CommitmentRequest, Reference
from storage.commitment.requests import CommitmentRequests
from storage.core.entities import Instance
from storage.core.uids import new_uid

log = structlog.get_logger(__name__)

_POLL_S = 0.1
# Some peers report on an association of their own only once ours has ended.
_SAME_ASSOCIATION_S = 1.0


class CommitmentResultScp(NormalizedScp):
    """Takes a peer's N-EVENT-REPORT about what we asked it to commit to."""

    sop_classes = frozenset({COMMITMENT_CLASS})

    def __init__(self, requests: CommitmentRequests, association: NodeAssociation) -> None:
        super().__init__(association)
        self._requests = requests

    def perform(self, request: NormalizedRequest, command: CommandSet) -> str:
        if command.event_type_id not in (ALL_COMMITTED, FAILURES_EXIST):
            raise Refused(NO_SUCH_EVENT_TYPE, "Event Type ID is neither 1 nor 2.")
        dataset = request.dataset
        transaction_uid = read_transaction_uid(dataset)
        committed = {
            one.sop_instance_uid for one in read_references(dataset, "ReferencedSOPSequence")
        }
        failed = {
            one.sop_instance_uid: _reason(item)
            for one, item in zip(
                read_references(dataset, "FailedSOPSequence"),
                dataset.get("FailedSOPSequence") or [],
                strict=True,
            )
        }
        if not self._requests.answered(transaction_uid, committed, failed):
            raise Refused(PROCESSING_FAILURE, "Nothing was asked under this Transaction UID.")
        log.info(
            "commitment_received",
            transaction_uid=transaction_uid,
            peer=self.association.peer_ae_title,
            committed=len(committed),
            failed=len(failed),
        )
        return request.sop_instance_uid


def request(
    peer: Peer,
    instances: Sequence[Instance],
    *,
    destination: str,
    requests: CommitmentRequests,
    calling_ae_title: str,
    wait_s: float,
    timeouts: Timeouts | None = None,
) -> CommitmentRequest | None:
    """Ask `peer` to commit to the instances, and wait at most `wait_s` for its word.

    None: it has taken the request and not reported yet; what it says later is taken by
    the SCP and changes the deliveries by itself. Raises PeerLacksService when it
    does not offer storage commitment or refuses the request, PeerDidNotAnswer or
    PeerFailed when it cannot be asked just now.
    """
    transaction_uid = new_uid()
    association = open_association(
        peer,
        calling_ae_title,
        [build_context(COMMITMENT_CLASS, list(MESSAGE_TRANSFER_SYNTAXES[:2]))],
        timeouts,
    )
    # From here on the peer may report, and the receiver of the report must know the request.
    results = CommitmentResultScp(requests, association)
    association.served = frozenset({Command.N_EVENT_REPORT_RQ})
    try:
        references = [Reference(one.sop_class_uid, one.sop_instance_uid) for one in instances]
        requests.ask(transaction_uid, destination, references)
        _ask(association, peer, transaction_uid, references, requests)
        return _wait(association, results, requests, transaction_uid, wait_s)
    finally:
        end(association)


def _ask(
    association: NodeAssociation,
    peer: Peer,
    transaction_uid: str,
    references: Sequence[Reference],
    requests: CommitmentRequests,
) -> None:
    dataset = Dataset()
    dataset.TransactionUID = transaction_uid
    dataset.ReferencedSOPSequence = []
    for reference in references:
        item = Dataset()
        item.ReferencedSOPClassUID = reference.sop_class_uid
        item.ReferencedSOPInstanceUID = reference.sop_instance_uid
        dataset.ReferencedSOPSequence.append(item)
    answer, _ = association.send_n_action(
        dataset, REQUEST_COMMITMENT, COMMITMENT_CLASS, COMMITMENT_INSTANCE
    )
    status = int(answer.Status) if "Status" in answer else None
    if status == 0:
        return
    requests.forget(transaction_uid)
    if status is None:
        raise PeerDidNotAnswer(f"{peer} did not answer the request for storage commitment.")
    raise PeerLacksService(
        f"{peer} answered status {status:#06x} to the request for storage commitment.",
        remedy="Make this node known to the peer under its AE title and address.",
    )


def _wait(
    association: NodeAssociation,
    results: CommitmentResultScp,
    requests: CommitmentRequests,
    transaction_uid: str,
    wait_s: float,
) -> CommitmentRequest | None:
    """Serve reports on this association, and look for one that came on another."""
    started = time.monotonic()
    while True:
        if time.monotonic() - started > _SAME_ASSOCIATION_S:
            end(association)
        if association.is_open:
            came = association.next_request(_POLL_S)
            if came is not None:
                results.serve(*came)
        else:
            time.sleep(_POLL_S)
        known = requests.get(transaction_uid)
        if known is not None and known.state == "ANSWERED":
            return known
        if time.monotonic() - started >= wait_s:
            return None


def _reason(item: Dataset) -> int:
    reason = item.get("FailureReason")
    return int(reason) if isinstance(reason, int) else PROCESSING_FAILURE
