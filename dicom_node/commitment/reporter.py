"""Reports of commitment that could not be given on the requester's own association.

A report is a row until the peer has taken it, so that it outlives the process.
"""

import contextlib
from datetime import datetime
from functools import partial

import structlog
from pynetdicom.presentation import build_context

from dicom_node.association.contexts import MESSAGE_TRANSFER_SYNTAXES
from dicom_node.association.peer_reporter import REPORT_TIMEOUTS, PeerReporter
from dicom_node.association.peer_turns import AT_ONCE, TURN_S, Turn
from dicom_node.association.requestor import end, open_association
from dicom_node.commitment.scp import COMMITMENT_CLASS, CommitmentStorage, send_report
from dicom_node.peers import Peer, known_peer
from storage.commitment.entities import CommitmentReport
from storage.core.clock import utcnow
from storage.core.errors import MediViewError
from storage.outbox.leases import LEASE_S, Lease, lease_since
from storage.outbox.retry_policies import retry_policy

log = structlog.get_logger(__name__)


class CommitmentReporter(PeerReporter):
    """Brings due reports to their peers."""

    def __init__(
        self, storage: CommitmentStorage, turn_s: float = TURN_S, at_once: int = AT_ONCE
    ) -> None:
        super().__init__(
            storage.engine,
            "commitment-reporter",
            storage.commitment_reports.due_peers,
            turn_s,
            at_once,
        )
        self._storage = storage

    def _tell(self, peer: str, turn: Turn) -> int:
        reports = self._storage.commitment_reports
        error, taken = "", 0
        while not turn.is_over:
            now = turn.now
            report = reports.claim_due(self._owner, lease_since(now), now, peer)
            if report is None:
                break
            with Lease(partial(self._renew, report), "commitment"):
                # Out of reach for one report, it is so for the others that are due.
                error = error or self._deliver(report)
            if error:
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
            REPORT_TIMEOUTS,
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
