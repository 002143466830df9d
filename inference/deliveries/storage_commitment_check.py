"""Whether a destination holds what it answered success to.

The proof is its storage commitment (PS3.4 J) where it offers that, and its answer to
C-FIND or QIDO-RS, or its files, where it does not. Only the question is repeated, never
the sending, unless the destination says that it lacks an instance.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog

from dicom_node.peers import PeerDidNotAnswer, PeerFailed, PeerLacksService
from inference.deliveries.destinations import Destination
from storage.container.has import HasDeliveries, HasSettings
from storage.core.clock import utcnow
from storage.core.entities import Delivery, Instance
from storage.outbox.retry_policies import retry_policy

log = structlog.get_logger(__name__)

# Peers that index in the background are asked again before they are sent to again.
_FIND_WAITS_S = (0.0, 0.5, 2.0)
# A peer that is there and never says is not asked for ever.
MAX_QUESTIONS = 5


@dataclass(frozen=True)
class Sending:
    delivery: Delivery
    instance: Instance


class ProofStorage(HasSettings, HasDeliveries, Protocol):
    """What of the storage layer answers about deliveries are noted in."""


@dataclass(frozen=True)
class Proof:
    """Asks one destination about instances of one study."""

    storage: ProofStorage
    destination: Destination
    name: str
    claimant: str

    def ask(self, sendings: Sequence[Sending]) -> int:
        """Settle what can be settled now; how many are with the destination, as far as it says."""
        try:
            answer = self.destination.commit([sending.instance for sending in sendings])
        except (PeerLacksService, PeerDidNotAnswer):
            return self._by_find(sendings)
        except PeerFailed as error:
            self._ask_later(sendings, f"Answered success, but not proved: {error.message}")
            return 0
        if answer is None:
            return self._unanswered(
                sendings,
                f"{self.destination} took the request for storage commitment and did not report.",
            )
        # The deliveries have changed with the answer (`CommitmentRequests.answered`).
        held = len(sendings) - len(answer.failed)
        log.info(
            "instances_committed",
            destination=self.name,
            count=held,
            failed=len(answer.failed),
        )
        return held

    def _by_find(self, sendings: Sequence[Sending]) -> int:
        by_series: dict[str, list[Sending]] = {}
        for sending in sendings:
            by_series.setdefault(sending.instance.series_instance_uid, []).append(sending)
        return sum(self._find_series(series) for series in by_series.values())

    def _find_series(self, sendings: Sequence[Sending]) -> int:
        deliveries = self.storage.deliveries
        try:
            listed = self._listed(sendings)
        except PeerLacksService:
            note = (
                f"{self.destination} answered success and offers no {self.destination.query}"
                " by which it could prove more."
            )
            deliveries.sent(_ids(sendings), self.claimant, utcnow(), note)
            log.info("instances_sent", destination=self.name, count=len(sendings))
            return len(sendings)
        except PeerDidNotAnswer as error:
            return self._unanswered(sendings, error.message)
        except PeerFailed as error:
            self._ask_later(sendings, f"Answered success, but not proved: {error.message}")
            return 0
        proved = [one for one in sendings if one.instance.sop_instance_uid in listed]
        missing = [one for one in sendings if one.instance.sop_instance_uid not in listed]
        if proved:
            deliveries.confirmed(_ids(proved), utcnow())
            log.info("instances_delivered", destination=self.name, count=len(proved))
        for sending in missing:
            deliveries.retry_later(
                _ids([sending]),
                self.claimant,
                f"{self.destination} answered success, but does not list the instance.",
                self._later(sending),
                send_again=True,
            )
        return len(proved)

    def _listed(self, sendings: Sequence[Sending]) -> set[str]:
        instances = [sending.instance for sending in sendings]
        listed: set[str] = set()
        for wait_s in _FIND_WAITS_S:
            time.sleep(wait_s)
            listed = self.destination.listed(instances)
            if len(listed) == len(instances):
                break
        return listed

    def _unanswered(self, sendings: Sequence[Sending], why: str) -> int:
        """The peer was there and did not say: ask again some times, then leave it at SENT."""
        given_up = [one for one in sendings if one.delivery.questions + 1 >= MAX_QUESTIONS]
        again = [one for one in sendings if one.delivery.questions + 1 < MAX_QUESTIONS]
        if given_up:
            note = f"Answered success; asked {MAX_QUESTIONS} times, it never proved more. {why}"
            self.storage.deliveries.sent(_ids(given_up), self.claimant, utcnow(), note)
        self._ask_later(again, f"Answered success, but not proved: {why}", asked=True)
        return len(given_up)

    def _ask_later(self, sendings: Sequence[Sending], why: str, *, asked: bool = False) -> None:
        for sending in sendings:
            at = self._later(sending)
            ids = _ids([sending])
            self.storage.deliveries.ask_later(ids, self.claimant, why, at, asked=asked)

    def _later(self, sending: Sending) -> datetime:
        policy = retry_policy(self.storage.settings, "delivery")
        return policy.again_at(sending.delivery.attempts, utcnow())


def _ids(sendings: Sequence[Sending]) -> list[str]:
    return [sending.delivery.delivery_id for sending in sendings]
