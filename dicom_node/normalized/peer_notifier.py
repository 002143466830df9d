"""Notify peers of procedure steps and of available instances, again until they have taken it.

What they are to learn is a row (`storage.peers.notifications`), so that it outlives the process.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterator
from functools import partial
from typing import Protocol

import structlog
from pynetdicom.presentation import build_context

from dicom_node.association.base import NodeAssociation
from dicom_node.association.contexts import MESSAGE_TRANSFER_SYNTAXES
from dicom_node.association.peer_reporter import REPORT_TIMEOUTS, PeerReporter
from dicom_node.association.peer_turns import AT_ONCE, TURN_S, Turn
from dicom_node.association.requestor import end, open_association
from dicom_node.normalized.availability_scp import AVAILABILITY_CLASS
from dicom_node.normalized.availability_scu import availability, tell_availability
from dicom_node.normalized.procedure_step_scp import PROCEDURE_STEP_CLASS
from dicom_node.normalized.procedure_step_scu import tell_step
from dicom_node.peers import Peer, PeerFailed, PeerLacksService
from storage.container.has import (
    HasDamaged,
    HasEngine,
    HasHosts,
    HasIndex,
    HasPeerNotifications,
    HasPeers,
    HasSettings,
)
from storage.core.clock import utcnow
from storage.core.errors import MediViewError
from storage.integrity.known_damage import Availability
from storage.integrity.offline import offline_in_study
from storage.mpps.of_study import steps_of
from storage.mpps.repository import ProcedureSteps
from storage.outbox.leases import LEASE_S, Lease, lease_since
from storage.outbox.retry_policies import retry_policy
from storage.peers.notifications import (
    NotificationKind,
    PeerNotification,
    by_series,
)

log = structlog.get_logger(__name__)

_CLASSES: dict[NotificationKind, str] = {"mpps": PROCEDURE_STEP_CLASS, "ian": AVAILABILITY_CLASS}


class NotifierStorage(
    HasSettings,
    HasEngine,
    HasHosts,
    HasDamaged,
    HasIndex,
    HasPeers,
    HasPeerNotifications,
    Protocol,
):
    """What of the storage layer peers are notified with."""

    @property
    def procedure_steps(self) -> ProcedureSteps: ...


class PeerNotifier(PeerReporter):
    """Notifies peers of what is due."""

    def __init__(
        self, storage: NotifierStorage, turn_s: float = TURN_S, at_once: int = AT_ONCE
    ) -> None:
        super().__init__(
            storage.engine, "peer-notifier", storage.peer_notifications.due_peers, turn_s, at_once
        )
        self._storage = storage

    def _tell(self, peer: str, turn: Turn) -> int:
        notifications = self._storage.peer_notifications
        out_of_reach, taken = "", 0
        while not turn.is_over:
            now = turn.now
            one = notifications.claim_due(self._owner, lease_since(now), now, peer)
            if one is None:
                break
            with Lease(partial(self._renew, one), "peer notification"):
                if out_of_reach:
                    known, error = "", out_of_reach
                else:
                    known, error, is_away = self._notify(one)
                    out_of_reach = error if is_away else ""
            if error:
                policy = retry_policy(self._storage.settings, "peer_notification")
                again_at = policy.next_attempt(one.attempts, now, one.created_at)
                notifications.retry_later(one, error, again_at, self._owner)
            else:
                notifications.notified(one, known, self._owner)
                taken += 1
        return taken

    def _renew(self, one: PeerNotification) -> bool:
        return self._storage.peer_notifications.renew(one, self._owner, LEASE_S, utcnow())

    def _notify(self, one: PeerNotification) -> tuple[str, str, bool]:
        """The digest of what the peer knows then; otherwise why it has not taken it, and whether
        it would take nothing else either.
        """
        try:
            return self._bring_up_to_date(one), "", False
        except (MediViewError, OSError) as error:
            message = error.message if isinstance(error, MediViewError) else type(error).__name__
            log.warning(
                "peer_not_notified",
                peer=one.peer_name,
                kind=one.kind,
                attempts=one.attempts,
                error=type(error).__name__,
            )
            lacks_service = isinstance(error, PeerLacksService)
            return "", message, isinstance(error, PeerFailed | OSError) and not lacks_service
        except Exception as error:
            # The edge of one notification, such as a step that cannot be encoded: others go on.
            log.error("peer_not_notified", peer=one.peer_name, kind=one.kind, exc_info=True)
            message = f"An unexpected {type(error).__name__}; the log of the receiver has more."
            return "", message, False

    def _bring_up_to_date(self, one: PeerNotification) -> str:
        """What the peer has taken already is not sent again."""
        known = self._storage.peers.find(one.peer_name)
        if known is None or one.kind not in known.notifications:
            # It is not to be notified any more.
            return one.known_digest
        peer = Peer.known(known, self._storage.settings)
        if one.kind == "mpps":
            return self._tell_step(peer, one)
        return self._tell_availability(peer, one)

    def _tell_step(self, peer: Peer, one: PeerNotification) -> str:
        step = self._storage.procedure_steps.get(one.subject_uid)
        digest = _digest([step.state, step.attributes])
        if digest != one.known_digest:
            with self._association(peer, one.kind) as association:
                tell_step(association, peer, step, is_known=bool(one.known_digest))
            log.info("procedure_step_passed_on", peer=one.peer_name, state=step.state)
        return digest

    def _tell_availability(self, peer: Peer, one: PeerNotification) -> str:
        here = by_series(self._storage.index.instances_of(one.subject_uid))
        not_online = self._not_online(one.subject_uid)
        digest = _digest([here, not_online] if not_online else here)
        if digest != one.known_digest or one.gone:
            dataset = availability(
                one.subject_uid,
                here,
                one.gone,
                self._storage.settings.ae_title,
                not_online,
                steps_of(self._storage.engine, one.subject_uid),
            )
            with self._association(peer, one.kind) as association:
                tell_availability(association, peer, dataset)
            log.info("availability_notified", peer=one.peer_name, series=len(here))
        return digest

    def _not_online(self, study_instance_uid: str) -> dict[str, Availability]:
        """Of instances that are here but cannot be had just now."""
        storage = self._storage
        offline = offline_in_study(storage.engine, storage.hosts, study_instance_uid)
        noted = storage.damaged.of_studies([study_instance_uid]).get(study_instance_uid, [])
        lost = [one.sop_instance_uid for one in noted if not one.has_copy]
        return {**dict.fromkeys(offline, "OFFLINE"), **dict.fromkeys(lost, "UNAVAILABLE")}

    @contextlib.contextmanager
    def _association(self, peer: Peer, kind: NotificationKind) -> Iterator[NodeAssociation]:
        association = open_association(
            peer,
            self._storage.settings.ae_title,
            [build_context(_CLASSES[kind], list(MESSAGE_TRANSFER_SYNTAXES[:2]))],
            REPORT_TIMEOUTS,
        )
        try:
            yield association
        finally:
            with contextlib.suppress(OSError):
                end(association)


def _digest(known: object) -> str:
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()
