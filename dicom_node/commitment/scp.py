"""Storage commitment as SCP, Push Model (PS3.4 J.3): the request, and the report."""

import time
from collections.abc import Mapping, Sequence
from typing import Protocol

import structlog
from pydicom.dataset import Dataset
from pynetdicom.dimse_primitives import N_EVENT_REPORT
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance

from dicom_node.association.base import NodeAssociation
from dicom_node.commitment.check import failures_of
from dicom_node.network.command_set import CommandSet, encode_event_report_request
from dicom_node.network.data_sets import encode_data_set
from dicom_node.normalized.requests import (
    ATTRIBUTE_VALUE_INVALID,
    MISSING_ATTRIBUTE,
    NO_SUCH_ACTION,
    NO_SUCH_SOP_INSTANCE,
    NormalizedRequest,
    NormalizedScp,
    Refused,
)
from dicom_node.peers import PeerDidNotAnswer
from storage.commitment.entities import CommitmentReport, Reference
from storage.commitment.reports import CommitmentReports
from storage.container.has import HasEngine, HasIndex, HasInstances, HasPeers, HasSettings
from storage.core.clock import utcnow
from storage.core.errors import InvalidInstance, MediViewError
from storage.core.uids import check_uid

log = structlog.get_logger(__name__)

COMMITMENT_CLASS = str(StorageCommitmentPushModel)
COMMITMENT_INSTANCE = str(StorageCommitmentPushModelInstance)
REQUEST_COMMITMENT = 1  # Action Type ID, PS3.4 Table J.3-1
ALL_COMMITTED = 1  # Event Type IDs, PS3.4 Table J.3-2
FAILURES_EXIST = 2

# For how long only the association that took a request reports on it.
_LEASE_S = 120.0
# Many peers release right after their request and wait for another association.
_RELEASE_GRACE_S = 0.25
_POLL_S = 0.01
_ANSWER_S = 15.0


class CommitmentStorage(HasSettings, HasEngine, HasIndex, HasInstances, HasPeers, Protocol):
    """What of the storage layer storage commitment is reported with."""

    @property
    def commitment_reports(self) -> CommitmentReports: ...


class CommitmentScp(NormalizedScp):
    """Takes N-ACTION, and reports on the same association while that is open."""

    sop_classes = frozenset({COMMITMENT_CLASS})

    def __init__(self, storage: CommitmentStorage, association: NodeAssociation) -> None:
        super().__init__(association)
        self._storage = storage
        self._owed: CommitmentReport | None = None

    def perform(self, request: NormalizedRequest, command: CommandSet) -> str:
        if request.sop_instance_uid != COMMITMENT_INSTANCE:
            raise Refused(NO_SUCH_SOP_INSTANCE, "Only the well-known instance is here.")
        if command.action_type_id != REQUEST_COMMITMENT:
            raise Refused(NO_SUCH_ACTION, "Action Type ID is not 1.")
        transaction_uid = read_transaction_uid(request.dataset)
        references = read_references(request.dataset, "ReferencedSOPSequence")
        if not references:
            raise Refused(MISSING_ATTRIBUTE, "Referenced SOP Sequence has no item.")
        self._owed = self._storage.commitment_reports.owe(
            transaction_uid,
            self.association.peer_ae_title,
            references,
            self.association.name,
            _LEASE_S,
        )
        log.info(
            "commitment_requested",
            transaction_uid=transaction_uid,
            peer=self.association.peer_ae_title,
            instances=len(references),
        )
        return COMMITMENT_INSTANCE

    def after_success(self) -> None:
        report, self._owed = self._owed, None
        if report is None:
            return
        reports = self._storage.commitment_reports
        try:
            if self._stays_open():
                send_report(self.association, self._storage, report)
                reports.reported(report)
                return
        except (MediViewError, OSError) as error:
            log.warning(
                "commitment_report_failed",
                transaction_uid=report.transaction_uid,
                peer=report.peer_ae_title,
                error=type(error).__name__,
            )
        # The reporter goes on, over an association of its own.
        reports.retry_later(report, "The peer ended the association.", utcnow())

    def _stays_open(self) -> bool:
        deadline = time.monotonic() + _RELEASE_GRACE_S
        while time.monotonic() < deadline:
            self.association.read_waiting()
            if not self.association.is_open or self.association.is_release_waiting:
                return False
            time.sleep(_POLL_S)
        return True


def send_report(
    association: NodeAssociation, storage: CommitmentStorage, report: CommitmentReport
) -> None:
    """N-EVENT-REPORT over an association that stands.

    Raises PeerDidNotAnswer unless the peer answers success, StorageUnavailable when
    it cannot be known what to report.
    """
    context_id = next(
        (
            context.context_id
            for context in association.accepted_contexts
            if context.abstract_syntax == COMMITMENT_CLASS
        ),
        None,
    )
    if context_id is None:
        raise PeerDidNotAnswer(f"{report.peer_ae_title} accepted no storage commitment.")
    failed = failures_of(
        storage.engine,
        storage.index,
        storage.instances,
        storage.peers,
        report.references,
        report.peer_ae_title,
        is_bucket_awaited=storage.settings.acknowledge == "bucket",
    )
    dataset = report_data_set(report, failed, storage.settings.ae_title)
    _, transfer_syntax_uid = association.context(context_id) or ("", "")
    command = encode_event_report_request(
        message_id=1,
        sop_class_uid=COMMITMENT_CLASS,
        sop_instance_uid=COMMITMENT_INSTANCE,
        event_type_id=FAILURES_EXIST if failed else ALL_COMMITTED,
    )
    data = encode_data_set(dataset, transfer_syntax_uid)
    association.send_data(context_id, command, memoryview(data))
    status = answer_to_report(association)
    if status != 0:
        outcome = "did not answer" if status is None else f"answered status {status:#06x} to"
        raise PeerDidNotAnswer(f"{report.peer_ae_title} {outcome} the report of commitment.")
    log.info(
        "commitment_reported",
        transaction_uid=report.transaction_uid,
        peer=report.peer_ae_title,
        instances=len(report.references),
        failed=len(failed),
    )


def answer_to_report(association: NodeAssociation) -> int | None:
    """The status with which the peer takes an N-EVENT-REPORT; None where none comes in time."""
    association.read_while(
        lambda: association.dimse.msg_queue.empty() and not association.is_release_waiting,
        _ANSWER_S,
    )
    _, message = association.dimse.get_msg()
    if not isinstance(message, N_EVENT_REPORT) or message.Status is None:
        return None
    return int(message.Status)


def report_data_set(report: CommitmentReport, failed: Mapping[str, int], ae_title: str) -> Dataset:
    """Event information (PS3.4 Table J.3-2)."""
    dataset = Dataset()
    dataset.TransactionUID = report.transaction_uid
    dataset.RetrieveAETitle = ae_title
    dataset.ReferencedSOPSequence = [
        _item(one) for one in report.references if one.sop_instance_uid not in failed
    ]
    if not dataset.ReferencedSOPSequence:
        del dataset.ReferencedSOPSequence
    if failed:
        dataset.FailedSOPSequence = []
        for reference in report.references:
            if reference.sop_instance_uid in failed:
                item = _item(reference)
                item.FailureReason = failed[reference.sop_instance_uid]
                dataset.FailedSOPSequence.append(item)
    return dataset


def read_transaction_uid(dataset: Dataset) -> str:
    """Raises Refused."""
    if "TransactionUID" not in dataset:
        raise Refused(MISSING_ATTRIBUTE, "Transaction UID is missing.")
    return _uid(dataset, "TransactionUID")


def read_references(dataset: Dataset, keyword: str) -> Sequence[Reference]:
    """The items of a sequence of SOP references, each once: every one costs reading what it names.

    Raises Refused.
    """
    return list(
        dict.fromkeys(
            Reference(_uid(item, "ReferencedSOPClassUID"), _uid(item, "ReferencedSOPInstanceUID"))
            for item in dataset.get(keyword) or []
        )
    )


def _uid(dataset: Dataset, keyword: str) -> str:
    try:
        return check_uid(str(dataset.get(keyword) or ""), keyword)
    except InvalidInstance as error:
        raise Refused(ATTRIBUTE_VALUE_INVALID, f"{keyword} is not a UID.") from error


def _item(reference: Reference) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = reference.sop_class_uid
    item.ReferencedSOPInstanceUID = reference.sop_instance_uid
    return item
