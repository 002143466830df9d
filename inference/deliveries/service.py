"""Bring results to every destination until it proves that it holds them.

What a peer has answered success to is not sent again: it is asked whether it holds it,
until it proves so (`inference.deliveries.storage_commitment_check`). Nothing is ever dropped; what
was rejected meanwhile ends with that reason.
"""

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

import structlog

from inference.deliveries import auditing
from inference.deliveries.destinations import DestinationStorage, open_destination
from inference.deliveries.leaving import Leaving
from inference.deliveries.slots import SendingSlots, server_of
from inference.deliveries.storage_commitment_check import Proof, Sending
from inference.deliveries.terms import put_off, rule_of
from inference.failures import explain, place
from inference.rules.sending import SendingTerms
from storage.container.has import HasAudit, HasCircuitBreakers, HasOtherInstances
from storage.core.callers.request_context import serving
from storage.core.clock import utcnow
from storage.core.entities import Delivery, Instance
from storage.core.errors import NotFound, StateConflict
from storage.core.sources import is_own
from storage.deliveries.circuit_breaker import CircuitBreakers
from storage.deliveries.repository import Deliveries
from storage.deliveries.terms import note_sending
from storage.integrity.instance_reader import InstanceReader
from storage.outbox.leases import LEASE_S, Lease
from storage.outbox.retry_policies import retry_policy
from storage.peers.entities import KnownPeer
from storage.peers.repository import Peers
from storage.settings import Settings

log = structlog.get_logger(__name__)

_BATCH = 32
# How long others wait for the one that tries a destination again.
_TRIAL_S = 60.0
_BATCHES_PER_ROUND = 50
_REQUESTS_NAMED = 3
# However long a destination says that it wants to be left alone.
_LEFT_ALONE_AT_MOST_S = 3600.0


class SendingStorage(DestinationStorage, HasOtherInstances, HasCircuitBreakers, HasAudit, Protocol):
    """What of the storage layer deliveries are sent with."""


def deliver_due(
    storage: SendingStorage,
    now: datetime,
    owner: str,
    stopping: Callable[[], bool] = lambda: False,
    slots: SendingSlots | None = None,
) -> int:
    """Send what is due, destination by destination; how many are now with their destination.

    `slots`: those of all senders of this process.
    """
    done = 0
    slots = slots or SendingSlots(1)
    tried_by_others: set[str] = set()
    for _ in range(_BATCHES_PER_ROUND):
        if stopping():
            break
        # A name for each claim: on PostgreSQL two threads of one owner may ask at once.
        claimant = f"{owner}:{uuid.uuid4().hex[:8]}"
        claim = partial(_claim, storage.deliveries, storage.peers, claimant, now, tried_by_others)
        servers = {peer.name: server_of(peer) for peer in storage.peers.recent()}
        failing = {one.destination for one in storage.circuit_breakers.all()}
        with slots.claimed(claim, servers, failing) as deliveries:
            if not deliveries:
                break
            destination = deliveries[0].destination
            if storage.circuit_breakers.may_try(
                destination, now, now + timedelta(seconds=_TRIAL_S)
            ):
                done += _deliver(storage, claimant, deliveries)
                continue
            # Another tries whether it is there again; with it, these go as well.
            storage.deliveries.give_back(claimant, now)
            tried_by_others.add(destination)
    return done


def _claim(
    deliveries: Deliveries,
    peers: Peers,
    claimant: str,
    now: datetime,
    tried_by_others: set[str],
    full: set[str],
) -> list[Delivery]:
    at_most = senders_at_most(peers)
    but_not = tried_by_others | full
    return deliveries.claim_due(claimant, LEASE_S, now, _BATCH, at_most, but_not)


def _deliver(storage: SendingStorage, claimant: str, deliveries: Sequence[Delivery]) -> int:
    try:
        renew = partial(_renew, storage.deliveries, claimant)
        with Lease(renew, "delivery"), serving(_requests_of(deliveries)):
            return _Batch(storage, claimant, deliveries).deliver()
    except Exception as error:  # noqa: BLE001 - the edge of a batch: the next one goes elsewhere
        log.error(
            "delivery_failed",
            destination=deliveries[0].destination,
            error=type(error).__name__,
            place=place(error),
        )
        _postponed(
            storage.settings, storage.deliveries, claimant, deliveries, explain(error).sentence
        )
        return 0


def _renew(deliveries: Deliveries, claimant: str) -> bool:
    return deliveries.renew(claimant, LEASE_S, utcnow())


class _Batch:
    """Claimed deliveries of one study to one destination."""

    def __init__(
        self, storage: SendingStorage, claimant: str, deliveries: Sequence[Delivery]
    ) -> None:
        self._storage = storage
        self._claimant = claimant
        self._deliveries = deliveries
        self._name = deliveries[0].destination
        # Rules and persons name the peer itself, whether it gets results or not.
        self._are_received = deliveries[0].cause != "RESULT"

    def deliver(self) -> int:
        done = 0
        for name in dict.fromkeys(one.rule for one in self._deliveries):
            of_rule = [one for one in self._deliveries if one.rule == name]
            rule = rule_of(self._storage.settings, of_rule[0])
            going = put_off(self._storage, self._claimant, of_rule, rule, utcnow())
            if sendings := self._find_instances(going):
                done += self._deliver(rule, sendings)
        return done

    def _deliver(self, rule: SendingTerms | None, sendings: list[Sending]) -> int:
        peer = self._storage.peers.find(self._name)
        if peer is None or not (peer.is_destination or self._are_received):
            _postponed(
                self._storage.settings,
                self._storage.deliveries,
                self._claimant,
                [one.delivery for one in sendings],
                f"No destination is named {self._name}. Add it by `mediview peers add`,"
                " or name it in MEDIVIEW_DESTINATIONS, and the delivery goes on.",
            )
            return 0
        unsent = [one for one in sendings if one.delivery.sent_at is None]
        arrived = [one for one in sendings if one.delivery.sent_at is not None]
        with self._leaving(rule, self._asked_before_each(unsent), unsent) as leaving:
            for portion in leaving.portions(unsent):
                arrived += self._send(peer, leaving, portion)
        if not arrived:
            return 0
        with self._leaving(rule, self._storage.instances, arrived) as leaving:
            storage = self._storage.with_instances(leaving.reader())
            destination = open_destination(storage, peer)
            return Proof(storage, destination, self._name, self._claimant).ask(arrived)

    def _leaving(
        self, rule: SendingTerms | None, reader: InstanceReader, sendings: Sequence[Sending]
    ) -> Leaving:
        settings = self._storage.settings
        deliveries = {one.instance.sop_instance_uid: one.delivery for one in sendings}
        return Leaving(reader, rule, deliveries, settings.ae_title, settings.data_dir)

    def _find_instances(self, deliveries: Sequence[Delivery]) -> list[Sending]:
        sendings = []
        for delivery in deliveries:
            try:
                instance = self._storage.index.instance(delivery.sop_instance_uid)
            except NotFound as error:
                # Rejected since it was wanted, which ends it; what is lost may be sent again.
                self._storage.deliveries.cancel_hidden([delivery.delivery_id], utcnow())
                _postponed(
                    self._storage.settings,
                    self._storage.deliveries,
                    self._claimant,
                    [delivery],
                    explain(error).sentence,
                )
                continue
            if not self._are_received and not is_own(instance.source):
                # Under a UID of the node's lies what another system has sent.
                self._postpone_foreign(delivery, instance)
                continue
            sendings.append(Sending(delivery, instance))
        return sendings

    def _postpone_foreign(self, delivery: Delivery, instance: Instance) -> None:
        log.warning(
            "delivery_not_own",
            destination=self._name,
            sop_instance_uid=instance.sop_instance_uid,
            source=instance.source,
        )
        _postponed(
            self._storage.settings,
            self._storage.deliveries,
            self._claimant,
            [delivery],
            "What is stored under the UID of this result was sent by another system"
            f" ({instance.source}), and does not leave as a result. Cancel the delivery, and have"
            " the result made again.",
        )

    def _asked_before_each(self, sendings: Sequence[Sending]) -> InstanceReader:
        """A reader by which no instance is opened that is not to be sent any more.

        A sender may have been stopped for longer than its lease, and others gone on meanwhile.
        """
        ids = {one.instance.sop_instance_uid: one.delivery.delivery_id for one in sendings}

        def check(instance: Instance) -> None:
            if not self._storage.deliveries.is_to_be_sent(
                ids[instance.sop_instance_uid], self._claimant
            ):
                raise StateConflict(
                    "Another process sends it, or it was taken out of use.",
                    remedy="The list of deliveries shows what became of it.",
                )

        return self._storage.instances.asking(check)

    def _send(
        self, peer: KnownPeer, leaving: Leaving, sendings: Sequence[Sending]
    ) -> list[Sending]:
        """Those that were answered with success; the others are put off with the reason."""
        destination = open_destination(self._storage.with_instances(leaving.reader()), peer)
        instances = []
        for sending in sendings:
            instance, note = leaving.prepared(sending.instance)
            instances.append(instance)
            if note:
                delivery_ids = [sending.delivery.delivery_id]
                note_sending(self._storage.engine, delivery_ids, self._claimant, note)
        auditing.sending(self._storage.audit, peer, instances)
        results = destination.send(instances)
        accepted_uids = {result.sop_instance_uid for result in results if result.ok}
        auditing.sent(self._storage.audit, peer, instances, accepted_uids)
        accepted = []
        again_at = _together(self._storage.settings, [sending.delivery for sending in sendings])
        for sending, result in zip(sendings, results, strict=True):
            if result.ok:
                accepted.append(sending)
                continue
            deliveries = self._storage.deliveries
            delivery_ids = [sending.delivery.delivery_id]
            if result.is_final:
                deliveries.refused(delivery_ids, self._claimant, result.error)
            else:
                waits_s = min(result.again_after_s or 0.0, _LEFT_ALONE_AT_MOST_S)
                at = max(again_at, utcnow() + timedelta(seconds=waits_s))
                deliveries.retry_later(delivery_ids, self._claimant, result.error, at)
            log.warning(
                "instance_not_delivered",
                destination=self._name,
                sop_instance_uid=result.sop_instance_uid,
                reached=result.reached,
                attempts=sending.delivery.attempts,
                is_final=result.is_final,
            )
        # Whatever becomes of the proof: these are not sent again while it is open.
        accepted_ids = [one.delivery.delivery_id for one in accepted]
        self._storage.deliveries.arrived(accepted_ids, self._claimant, utcnow())
        if any(result.reached for result in results):
            self._storage.circuit_breakers.answered(self._name, utcnow())
        elif results:
            # Its other studies need not wait for the same silence.
            _leave_alone(
                self._storage.settings, self._storage.circuit_breakers, self._name, results[0].error
            )
        return accepted


def _leave_alone(
    settings: Settings, breakers: CircuitBreakers, destination: str, error: str
) -> None:
    """Longer after each call in vain, by the same waits as one delivery."""
    now = utcnow()
    failures = breakers.failed(destination, error, now)
    policy = retry_policy(settings, "delivery")
    breakers.open(destination, policy.again_at(failures, now))
    log.warning("destination_out_of_reach", destination=destination, failures=failures)


def _requests_of(deliveries: Sequence[Delivery]) -> str:
    """The requests that led to the deliveries; nearly always it is one."""
    found = dict.fromkeys(one.request_id for one in deliveries if one.request_id)
    return " ".join(list(found)[:_REQUESTS_NAMED])


def _postponed(
    settings: Settings,
    delivery_repository: Deliveries,
    claimant: str,
    deliveries: Sequence[Delivery],
    error: str,
) -> None:
    at = _together(settings, deliveries)
    delivery_repository.retry_later([one.delivery_id for one in deliveries], claimant, error, at)


def _together(settings: Settings, deliveries: Sequence[Delivery]) -> datetime:
    """One time for what was tried at once: each by its own chance would lose their order."""
    attempts = max(delivery.attempts for delivery in deliveries)
    return retry_policy(settings, "delivery").again_at(attempts, utcnow())


def senders_at_most(peers: Peers) -> dict[str, int]:
    """Destinations that take no more than some senders at once, over all processes."""
    return {peer.name: peer.sendings_at_once for peer in peers.recent() if peer.sendings_at_once}
