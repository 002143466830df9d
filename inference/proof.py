"""Whether a destination holds what it answered success to.

The proof is its storage commitment (PS3.4 J) where it offers that, and its answer to
C-FIND where it does not. Only the question is repeated, never the sending, unless the
peer says that it lacks an instance.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from dicom_node import commitment_scu
from dicom_node.peers import Peer, PeerDidNotAnswer, PeerFailed, PeerLacksService
from dicom_node.scu import holds
from dicom_node.upper_layer import Timeouts
from storage.clock import utcnow
from storage.entities import Delivery, Instance
from storage.opening import Storage
from storage.settings import Settings

log = structlog.get_logger(__name__)

# A report that comes later is taken by the SCP, and changes the delivery by itself.
_COMMITMENT_WAIT_S = 5.0
# Peers that index in the background are asked again before they are sent to again.
_FIND_WAITS_S = (0.0, 0.5, 2.0)
# A peer that is there and never says is not asked for ever.
MAX_QUESTIONS = 5


@dataclass(frozen=True)
class Sending:
    delivery: Delivery
    instance: Instance


@dataclass(frozen=True)
class Proof:
    """Asks one destination about instances of one study."""

    storage: Storage
    peer: Peer
    destination: str
    timeouts: Timeouts
    next_attempt: Callable[[Settings, int, datetime], datetime]

    def ask(self, sendings: Sequence[Sending]) -> int:
        """Settle what can be settled now; how many are with the destination, as far as it says."""
        try:
            answer = commitment_scu.request(
                self.peer,
                [sending.instance for sending in sendings],
                destination=self.destination,
                requests=self.storage.commitment_requests,
                calling_ae_title=self.storage.settings.ae_title,
                wait_s=_COMMITMENT_WAIT_S,
                timeouts=self.timeouts,
            )
        except (PeerLacksService, PeerDidNotAnswer):
            return self._by_find(sendings)
        except PeerFailed as error:
            self._ask_later(sendings, f"Answered success, but not proved: {error.message}")
            return 0
        if answer is None:
            return self._unanswered(
                sendings, f"{self.peer} took the request for storage commitment and did not report."
            )
        # The deliveries have changed with the answer (`CommitmentRequests.answered`).
        held = len(sendings) - len(answer.failed)
        log.info(
            "instances_committed",
            destination=self.destination,
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
                f"{self.peer} answered success and offers no C-FIND by which it could prove more."
            )
            deliveries.sent(_ids(sendings), utcnow(), note)
            return len(sendings)
        except PeerDidNotAnswer as error:
            return self._unanswered(sendings, error.message)
        except PeerFailed as error:
            self._ask_later(sendings, f"Answered success, but not proved: {error.message}")
            return 0
        proved = [one for one in sendings if one.instance.sop_instance_uid in listed]
        missing = [one for one in sendings if one.instance.sop_instance_uid not in listed]
        if proved:
            deliveries.held(_ids(proved), utcnow())
            log.info("instances_delivered", destination=self.destination, count=len(proved))
        for sending in missing:
            deliveries.retry_later(
                _ids([sending]),
                f"{self.peer} answered success, but does not list the instance.",
                self._later(sending),
                send_again=True,
            )
        return len(proved)

    def _listed(self, sendings: Sequence[Sending]) -> set[str]:
        first = sendings[0].instance
        wanted = [sending.instance.sop_instance_uid for sending in sendings]
        listed: set[str] = set()
        for wait_s in _FIND_WAITS_S:
            time.sleep(wait_s)
            listed = holds(
                self.peer,
                self.storage.settings.ae_title,
                first.study_instance_uid,
                first.series_instance_uid,
                wanted,
                timeouts=self.timeouts,
            )
            if listed.issuperset(wanted):
                break
        return listed

    def _unanswered(self, sendings: Sequence[Sending], why: str) -> int:
        """The peer was there and did not say: ask again some times, then leave it at SENT."""
        given_up = [one for one in sendings if one.delivery.questions + 1 >= MAX_QUESTIONS]
        again = [one for one in sendings if one.delivery.questions + 1 < MAX_QUESTIONS]
        if given_up:
            note = f"Answered success; asked {MAX_QUESTIONS} times, it never proved more. {why}"
            self.storage.deliveries.sent(_ids(given_up), utcnow(), note)
        self._ask_later(again, f"Answered success, but not proved: {why}", asked=True)
        return len(given_up)

    def _ask_later(self, sendings: Sequence[Sending], why: str, *, asked: bool = False) -> None:
        for sending in sendings:
            at = self._later(sending)
            self.storage.deliveries.ask_later(_ids([sending]), why, at, asked=asked)

    def _later(self, sending: Sending) -> datetime:
        return self.next_attempt(self.storage.settings, sending.delivery.attempts, utcnow())


def _ids(sendings: Sequence[Sending]) -> list[str]:
    return [sending.delivery.delivery_id for sending in sendings]
