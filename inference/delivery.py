"""Bring results to every destination until it proves that it holds them.

A delivery is SENDING until it is proved: a process that dies in between sends once more,
which a peer answers as a duplicate. Nothing is ever dropped.
"""

import random
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from dicom_node.peers import Peer, PeerFailed, PeerLacksService
from dicom_node.scu import SendItem, holds, send
from dicom_node.upper_layer import Timeouts
from inference.failures import explain, place
from storage.clock import utcnow
from storage.entities import Delivery, Instance
from storage.errors import NotFound
from storage.opening import Storage
from storage.settings import Settings

log = structlog.get_logger(__name__)

# A batch is done well within its lease: sending waits at most the timeouts below.
_LEASE_S = 300.0
_BATCH = 32
_BATCHES_PER_ROUND = 50
_TIMEOUTS = Timeouts(connect_s=5.0, acse_s=15.0, dimse_s=60.0, idle_s=30.0)
# Peers that index in the background are asked again before they are sent to again.
_PROOF_WAITS_S = (0.0, 0.5, 2.0)
_JITTER = 0.2


@dataclass(frozen=True)
class _Sending:
    delivery: Delivery
    instance: Instance


def deliver_due(
    storage: Storage, now: datetime, owner: str, stopping: Callable[[], bool] = lambda: False
) -> int:
    """Send what is due, destination by destination; how many are now with their destination."""
    done = 0
    out_of_reach: dict[str, str] = {}
    for _ in range(_BATCHES_PER_ROUND):
        if stopping():
            break
        # A name for each claim: on PostgreSQL two threads of one owner may ask at once.
        claimant = f"{owner}:{uuid.uuid4().hex[:8]}"
        deliveries = storage.deliveries.claim_due(claimant, _LEASE_S, now, _BATCH)
        if not deliveries:
            break
        destination = deliveries[0].destination
        if destination in out_of_reach:
            # Tried a moment ago: its other studies need not wait for the same silence.
            _put_off(storage, deliveries, out_of_reach[destination])
            continue
        try:
            done += _Batch(storage, deliveries, out_of_reach).deliver()
        except Exception as error:  # noqa: BLE001 - the edge of a batch: the next one goes elsewhere
            log.error(
                "delivery_failed",
                destination=destination,
                error=type(error).__name__,
                place=place(error),
            )
            _put_off(storage, deliveries, explain(error).sentence)
    return done


class _Batch:
    """Claimed deliveries of one study to one destination."""

    def __init__(
        self, storage: Storage, deliveries: Sequence[Delivery], out_of_reach: dict[str, str]
    ) -> None:
        self._storage = storage
        self._deliveries = deliveries
        self._name = deliveries[0].destination
        self._out_of_reach = out_of_reach

    def deliver(self) -> int:
        peer = _peer(self._storage.settings, self._name)
        if peer is None:
            _put_off(
                self._storage,
                self._deliveries,
                f"No destination is named {self._name}."
                " Name it in MEDIVIEW_DESTINATIONS, and the delivery goes on.",
            )
            return 0
        accepted = self._send(peer, self._find_instances())
        return self._prove(peer, accepted) if accepted else 0

    def _find_instances(self) -> list[_Sending]:
        sendings = []
        for delivery in self._deliveries:
            try:
                instance = self._storage.index.instance(delivery.sop_instance_uid)
            except NotFound as error:
                _put_off(self._storage, [delivery], explain(error).sentence)
            else:
                sendings.append(_Sending(delivery, instance))
        return sendings

    def _send(self, peer: Peer, sendings: Sequence[_Sending]) -> list[_Sending]:
        """Those that the peer answered with success; the others are put off with the reason."""
        results = send(
            [_item(self._storage, sending.instance) for sending in sendings],
            peer=peer,
            calling_ae_title=self._storage.settings.ae_title,
            timeouts=_TIMEOUTS,
        )
        accepted = []
        for sending, result in zip(sendings, results, strict=True):
            if result.ok:
                accepted.append(sending)
                continue
            log.warning(
                "instance_not_delivered",
                destination=self._name,
                sop_instance_uid=result.sop_instance_uid,
                status=result.status,
                attempts=sending.delivery.attempts,
            )
            _put_off(self._storage, [sending.delivery], result.error)
        if results and all(result.status is None for result in results):
            self._out_of_reach[self._name] = results[0].error
        return accepted

    def _prove(self, peer: Peer, sendings: Sequence[_Sending]) -> int:
        """Ask the peer what it holds, series by series."""
        by_series: dict[str, list[_Sending]] = {}
        for sending in sendings:
            by_series.setdefault(sending.instance.series_instance_uid, []).append(sending)
        return sum(self._prove_series(peer, series) for series in by_series.values())

    def _prove_series(self, peer: Peer, sendings: Sequence[_Sending]) -> int:
        ids = [sending.delivery.delivery_id for sending in sendings]
        try:
            held = self._ask(peer, sendings)
        except PeerLacksService:
            note = f"{peer} answered success and offers no C-FIND by which it could prove more."
            self._storage.deliveries.sent(ids, utcnow(), note)
            return len(ids)
        except PeerFailed as error:
            _put_off(
                self._storage,
                [sending.delivery for sending in sendings],
                f"Answered success, but not proved: {error.message}",
            )
            return 0
        proved = [s.delivery for s in sendings if s.instance.sop_instance_uid in held]
        missing = [s.delivery for s in sendings if s.instance.sop_instance_uid not in held]
        if proved:
            self._storage.deliveries.held([one.delivery_id for one in proved], utcnow())
            log.info("instances_delivered", destination=self._name, count=len(proved))
        if missing:
            _put_off(
                self._storage,
                missing,
                f"{peer} answered success, but does not list the instance.",
            )
        return len(proved)

    def _ask(self, peer: Peer, sendings: Sequence[_Sending]) -> set[str]:
        first = sendings[0].instance
        wanted = [sending.instance.sop_instance_uid for sending in sendings]
        held: set[str] = set()
        for wait_s in _PROOF_WAITS_S:
            time.sleep(wait_s)
            held = holds(
                peer,
                self._storage.settings.ae_title,
                first.study_instance_uid,
                first.series_instance_uid,
                wanted,
                timeouts=_TIMEOUTS,
            )
            if held.issuperset(wanted):
                break
        return held


def next_attempt(settings: Settings, attempts: int, now: datetime) -> datetime:
    """Twice as long after each attempt, up to the configured maximum, without end.

    Some chance is mixed in, so that many deliveries do not all come back at once.
    """
    doublings = min(max(attempts - 1, 0), 30)
    wait_s = min(settings.delivery_retry_base_s * 2**doublings, settings.delivery_retry_max_s)
    return now + timedelta(seconds=wait_s * random.uniform(1 - _JITTER, 1))  # noqa: S311 - no secret


def _put_off(storage: Storage, deliveries: Sequence[Delivery], error: str) -> None:
    now = utcnow()
    for delivery in deliveries:
        at = next_attempt(storage.settings, delivery.attempts, now)
        storage.deliveries.retry_later([delivery.delivery_id], error, at)


def _peer(settings: Settings, name: str) -> Peer | None:
    return next((Peer.of(one) for one in settings.destinations if one.name == name), None)


def _item(storage: Storage, instance: Instance) -> SendItem:
    return SendItem(
        sop_class_uid=instance.sop_class_uid,
        sop_instance_uid=instance.sop_instance_uid,
        transfer_syntax_uid=instance.transfer_syntax_uid,
        open=lambda: storage.instances.open(instance),
    )
