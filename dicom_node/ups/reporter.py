"""N-EVENT-REPORT to those who subscribed by DIMSE (PS3.4 CC.2.4), over associations of its own.

The events table is the source, and up to where a subscriber got them is a row, so that it
outlives the process.
"""

import contextlib
import time
from collections.abc import Iterator
from functools import partial
from typing import Protocol

import structlog
from pynetdicom.presentation import build_context
from pynetdicom.sop_class import UnifiedProcedureStepPush

from dicom_node.association.base import NodeAssociation
from dicom_node.association.contexts import MESSAGE_TRANSFER_SYNTAXES, UPS_EVENT_CLASS
from dicom_node.association.peer_reporter import REPORT_TIMEOUTS, PeerReporter
from dicom_node.association.peer_turns import AT_ONCE, TURN_S, Turn
from dicom_node.association.requestor import end, open_association
from dicom_node.commitment.scp import answer_to_report
from dicom_node.network.command_set import encode_event_report_request
from dicom_node.network.data_sets import encode_data_set
from dicom_node.peers import Peer, PeerDidNotAnswer, PeerFailed, caller_of_peer
from dicom_node.ups.audience import Audience, Report
from dicom_node.ups.datasets import sent_dataset
from storage.access_groups.visibility import visibility_of
from storage.container.has import HasEngine, HasEvents, HasHosts, HasPeers, HasSettings
from storage.core.callers.visibility import limited_to
from storage.core.clock import utcnow
from storage.core.errors import MediViewError
from storage.outbox.leases import LEASE_S, Lease, lease_since
from storage.outbox.retry_policies import retry_policy
from storage.peers.entities import KnownPeer
from storage.ups.event_reports import EventReports, ReportedTo
from storage.ups.events import ScpStatus
from storage.ups.search import WorkitemList
from storage.ups.subscriptions import Subscriptions

log = structlog.get_logger(__name__)

PUSH_CLASS = str(UnifiedProcedureStepPush)
_MAX_MESSAGE_ID = 65535
_FAREWELL_S, _LOOK_S = 3.0, 0.05


class ReporterStorage(HasSettings, HasEngine, HasEvents, HasPeers, HasHosts, Protocol):
    """What of the storage layer workitems are reported with."""

    @property
    def workitem_list(self) -> WorkitemList: ...
    @property
    def subscriptions(self) -> Subscriptions: ...
    @property
    def event_reports(self) -> EventReports: ...


class WorkitemReporter(PeerReporter):
    """Reports to subscribers what has happened since the last report."""

    def __init__(
        self, storage: ReporterStorage, turn_s: float = TURN_S, at_once: int = AT_ONCE
    ) -> None:
        super().__init__(
            storage.engine, "workitem-reporter", storage.event_reports.due_peers, turn_s, at_once
        )
        self._storage = storage

    def announce(self, status: ScpStatus) -> None:
        """Report that the service begins or ends, where no other host goes on with it.

        The end is waited for a while, for nobody reports it afterwards. Whatever is wrong with the
        database keeps no node from starting or ending.
        """
        try:
            if any(one.is_alive for one in self._storage.hosts.others()):
                return
            self._storage.event_reports.announce(status)
            until = time.monotonic() + _FAREWELL_S
            while (
                status == "GOING DOWN"
                and time.monotonic() < until
                and self._storage.event_reports.is_any_waiting()
            ):
                time.sleep(_LOOK_S)
        except MediViewError as error:
            log.warning("scp_status_not_reported", status=status, error=error.code)

    def _tell(self, peer: str, turn: Turn) -> int:
        reports = self._storage.event_reports
        reached = 0
        while not turn.is_over:
            now = turn.now
            one = reports.claim_due(self._owner, lease_since(now), now, peer)
            if one is None:
                break
            with Lease(partial(self._renew, one), "workitem reports"):
                is_reached = self._report_to(one, turn)
            if not is_reached:
                break
            reached += 1
        return reached

    def _renew(self, one: ReportedTo) -> bool:
        return self._storage.event_reports.renew(one, self._owner, LEASE_S, utcnow())

    def _report_to(self, one: ReportedTo, turn: Turn) -> bool:
        reports = self._storage.event_reports
        if reports.end_without_subscription(one, self._owner):
            return False
        try:
            sent = self._send_since(one.event_id, self._receiver(one.ae_title), turn)
            reports.reported(one, sent, self._owner)
        except (MediViewError, OSError) as error:
            message = error.message if isinstance(error, MediViewError) else type(error).__name__
            log.warning(
                "workitem_report_failed",
                peer=one.ae_title,
                attempts=one.attempts,
                error=type(error).__name__,
            )
            policy = retry_policy(self._storage.settings, "peer_notification")
            again_at = policy.again_at(one.attempts, utcnow())
            reports.retry_later(one, message, again_at, self._owner)
            return False
        return True

    def _receiver(self, ae_title: str) -> KnownPeer:
        """Raises PeerFailed where no peer of that title can be called any more."""
        known = next((one for one in self._storage.peers.by_ae_title(ae_title) if one.host), None)
        if known is None:
            raise PeerFailed(
                f"No address is configured for {ae_title}.",
                remedy="Add the peer again, with its address, or let it unsubscribe.",
            )
        return known

    def _send_since(self, position: int, known: KnownPeer, turn: Turn) -> int:
        """Send what happened since, until the turn is over; up to where that was.

        Raises PeerFailed.
        """
        with contextlib.ExitStack() as stack:
            channel: _Channel | None = None
            while events := self._storage.events.since(position):
                visibility = visibility_of(self._storage.engine, caller_of_peer(known))
                with limited_to(visibility):
                    audience = Audience(
                        self._storage.workitem_list, self._storage.subscriptions, known.ae_title
                    )
                    found = [(event.event_id, list(audience.reports(event))) for event in events]
                for event_id, reports in found:
                    for report in reports:
                        if channel is None:
                            channel = stack.enter_context(self._channel(known))
                        channel.send(report)
                    position = event_id
                    if turn.is_over:
                        return position
        return position

    @contextlib.contextmanager
    def _channel(self, known: KnownPeer) -> "Iterator[_Channel]":
        settings = self._storage.settings
        association = open_association(
            Peer.known(known, settings),
            settings.ae_title,
            [build_context(UPS_EVENT_CLASS, list(MESSAGE_TRANSFER_SYNTAXES[:2]))],
            REPORT_TIMEOUTS,
            scp_of=[UPS_EVENT_CLASS],
        )
        try:
            yield _Channel(association, known.ae_title)
        finally:
            with contextlib.suppress(OSError):
                end(association)


class _Channel:
    """An association over which reports are sent, one after the other."""

    def __init__(self, association: NodeAssociation, ae_title: str) -> None:
        self._association = association
        self._ae_title = ae_title
        self._message_id = 0

    def send(self, report: Report) -> None:
        """Raises PeerDidNotAnswer; a refusal is an answer, and nothing is repeated after it."""
        context = self._association.accepted_contexts[0]
        event_type, attributes = report.event
        self._message_id = self._message_id % _MAX_MESSAGE_ID + 1
        command = encode_event_report_request(
            message_id=self._message_id,
            sop_class_uid=PUSH_CLASS,
            sop_instance_uid=report.workitem_uid,
            event_type_id=event_type,
        )
        data = encode_data_set(sent_dataset(attributes), str(context.transfer_syntax[0]))
        self._association.send_data(context.context_id, command, memoryview(data))
        status = answer_to_report(self._association)
        if status is None:
            raise PeerDidNotAnswer(f"{self._ae_title} did not answer to a report of a workitem.")
        if status:
            log.warning("workitem_report_refused", peer=self._ae_title, status=f"{status:#06x}")
