"""Reports of commitment that could not be given on the requester's own association.

A report is a row until the peer has taken it, so that it outlives the process.
"""

import contextlib
import uuid
from datetime import datetime
from functools import partial

import structlog
from pynetdicom.presentation import build_context

from dicom_node.association.contexts import MESSAGE_TRANSFER_SYNTAXES
from dicom_node.association.pynetdicom_adapter import Timeouts
from dicom_node.association.requestor import end, open_association
from dicom_node.commitment.scp import COMMITMENT_CLASS, CommitmentStorage, send_report
from dicom_node.peers import Peer, known_peer
from storage.commitment.entities import CommitmentReport
from storage.core.clock import utcnow
from storage.core.errors import MediViewError
from storage.db.due.thread import DueThread
from storage.outbox.leases import LEASE_S, Lease, lease_since
from storage.outbox.retry_policies import retry_policy

log = structlog.get_logger(__name__)

_TIMEOUTS = Timeouts(connect_s=5.0, acse_s=10.0, dimse_s=15.0, idle_s=15.0)


class CommitmentReporter:
    """A thread that brings due reports to their peers, and again until they are taken."""

    def __init__(self, storage: CommitmentStorage) -> None:
        self._storage = storage
        self._owner = f"reporter-{uuid.uuid4().hex[:12]}"
        self._thread = DueThread(storage.engine, "commitment-reporter", self.report_due)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._thread.stop()

    def report_due(self, now: datetime) -> int:
        """Send every report that is due; how many were taken."""
        reports = self._storage.commitment_reports
        out_of_reach: dict[str, str] = {}
        taken = 0
        while not self._thread.is_stopping and reports.is_due(now):
            report = reports.claim_due(self._owner, lease_since(now), now)
            if report is None:
                break
            peer_ae_title = report.peer_ae_title
            with Lease(partial(self._renew, report), "commitment"):
                error = out_of_reach.get(peer_ae_title) or self._deliver(report)
            if error:
                out_of_reach[peer_ae_title] = error
                reports.retry_later(report, error, self._next_attempt(report))
            else:
                reports.reported(report)
                taken += 1
        return taken

    def _renew(self, report: CommitmentReport) -> bool:
        return self._storage.commitment_reports.renew(report, self._owner, LEASE_S, utcnow())

    def _deliver(self, report: CommitmentReport) -> str:
        """Why the peer has not taken the report, '' when it has."""
        peer = known_peer(self._storage.settings, self._storage.peers, report.peer_ae_title)
        if peer is None:
            log.warning(
                "commitment_report_has_no_address",
                peer=report.peer_ae_title,
                transaction_uid=report.transaction_uid,
                remedy="Configure the peer's address, or let it keep its association open.",
            )
            return f"No address is configured for {report.peer_ae_title}."
        try:
            self._report_to(peer, report)
        except (MediViewError, OSError) as error:
            message = error.message if isinstance(error, MediViewError) else type(error).__name__
            log.warning(
                "commitment_report_failed",
                peer=str(peer),
                transaction_uid=report.transaction_uid,
                attempts=report.attempts + 1,
                error=type(error).__name__,
            )
            return message
        return ""

    def _report_to(self, peer: Peer, report: CommitmentReport) -> None:
        association = open_association(
            peer,
            self._storage.settings.ae_title,
            [build_context(COMMITMENT_CLASS, list(MESSAGE_TRANSFER_SYNTAXES[:2]))],
            _TIMEOUTS,
            scp_of=[COMMITMENT_CLASS],
        )
        try:
            send_report(association, self._storage, report)
        finally:
            with contextlib.suppress(OSError):
                end(association)

    def _next_attempt(self, report: CommitmentReport) -> datetime:
        """A report is owed until its peer has taken it or is gone for 30 days."""
        policy = retry_policy(self._storage.settings, "commitment_report")
        return policy.again_at(report.attempts + 1, utcnow())
