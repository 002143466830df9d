"""Fetch the studies that are wanted from other archives, few at a time."""

import time
import uuid
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Protocol

import structlog

from dicom_node.archives.archive import Fetched
from dicom_node.archives.receiving import Receiving
from dicom_node.peers import PeerFailed
from inference.failures import Failure, explain, place
from inference.priors.slow_sources import SlowSources
from inference.priors.sources import open_archive
from storage.audit import MINOR_FAILURE, NODE, SUCCESS, AuditEvent, Code
from storage.container.has import HasAudit, HasIngest, HasPeers, HasPriorFetches, HasSettings
from storage.core.clock import utcnow
from storage.core.errors import InvalidInstance, MediViewError
from storage.dicom.part10 import Header
from storage.outbox.leases import LEASE_S, Lease, LeaseLost
from storage.outbox.retry_policies import retry_policy
from storage.priors.entities import PriorFetch
from storage.priors.fetches import PriorFetches

log = structlog.get_logger(__name__)

_AT_ONCE = 20
_PROGRESS_EVERY_S = 1.0


class FetchStorage(HasSettings, HasIngest, HasPeers, HasPriorFetches, HasAudit, Protocol):
    """What of the storage layer earlier studies are fetched with."""


def fetch_due(
    storage: FetchStorage,
    owner: str,
    stopping: Callable[[], bool] = lambda: False,
    *,
    for_persons: bool = False,
) -> int:
    """Fetch what is due, one study after the other; how many are here now.

    `for_persons`: only what a person asked for.
    """
    done = 0
    slow = SlowSources()
    for _ in range(_AT_ONCE):
        if stopping():
            break
        claimant = f"{owner}:{uuid.uuid4().hex[:8]}"
        fetch = storage.prior_fetches.claim_due(
            claimant,
            LEASE_S,
            utcnow(),
            storage.settings.priors_at_once,
            for_persons=for_persons,
            but_not=slow.names,
        )
        if fetch is None:
            break
        renew = partial(_renew, storage.prior_fetches, fetch, claimant)
        with Lease(renew, "prior-fetch") as lease, slow.timed(fetch.source) as attempt:
            attempt.succeeded = _Fetching(storage, fetch, claimant, lease, stopping).run()
        done += attempt.succeeded
    return done


def _renew(prior_fetches: PriorFetches, fetch: PriorFetch, claimant: str) -> bool:
    return prior_fetches.renew(fetch.study_instance_uid, claimant, LEASE_S, utcnow())


class _Stopped(MediViewError):
    """This process ends: another fetches the study from its beginning."""


class _Fetching:
    """One study from one archive."""

    def __init__(
        self,
        storage: FetchStorage,
        fetch: PriorFetch,
        claimant: str,
        lease: Lease,
        stopping: Callable[[], bool],
    ) -> None:
        self._storage = storage
        self._fetch = fetch
        self._uid = fetch.study_instance_uid
        self._claimant = claimant
        self._lease = lease
        self._stopping = stopping
        self._told_next_s = 0.0

    def run(self) -> bool:
        """Whether the whole study is here."""
        try:
            fetched = self._from_archive()
        except LeaseLost:
            return False
        except _Stopped as error:
            self._storage.prior_fetches.retry_later(
                self._uid, self._claimant, error.message, utcnow()
            )
            return False
        except Exception as error:  # noqa: BLE001 - the edge of a fetch: the next is elsewhere
            if not isinstance(error, MediViewError):
                log.error("prior_fetch_failed", error=type(error).__name__, place=place(error))
            self._not_fetched(explain(error))
            return False
        self._storage.prior_fetches.done(self._uid, self._claimant, fetched.service, fetched.came)
        self._audit(SUCCESS)
        log.info(
            "prior_fetched",
            study_instance_uid=self._uid,
            source=self._fetch.source,
            service=fetched.service,
            instances=fetched.came,
        )
        return True

    def _from_archive(self) -> Fetched:
        peer = self._storage.peers.find(self._fetch.source)
        if peer is None:
            raise PeerFailed(
                f"No peer is named {self._fetch.source}.",
                remedy="Add it by `mediview peers add`.",
            )
        site_issuer = self._storage.settings.patient_id_issuer
        check = partial(_check, self._fetch, peer.issuer_of_patient_id, site_issuer)
        receiving = Receiving(self._storage.ingest, self._fetch.label, check)
        with closing(open_archive(peer, self._storage.settings)) as archive:
            fetched = archive.fetch(self._uid, receiving, self._came)
        if refused := receiving.counts.refused:
            raise PeerFailed(f"{len(refused)} instances were not taken: {refused[0][1]}")
        if fetched.failed:
            raise PeerFailed(
                f"{archive} could not send {fetched.failed} instances.",
                remedy="Its log says why.",
            )
        if not (fetched.came or receiving.counts.total):
            raise PeerFailed(f"{archive} has nothing of the study any more.")
        return fetched

    def _came(self, instances: int, total: int) -> None:
        self._lease.check()
        if self._stopping():
            raise _Stopped("The node stopped in the middle, so the study is fetched again.")
        if time.monotonic() >= self._told_next_s:
            self._told_next_s = time.monotonic() + _PROGRESS_EVERY_S
            self._storage.prior_fetches.came(self._uid, self._claimant, instances, total)

    def _not_fetched(self, failure: Failure) -> None:
        """A full disk is no fault of the archive's, and is waited for."""
        fetches, attempts = self._storage.prior_fetches, self._fetch.attempts
        policy = retry_policy(self._storage.settings, "prior")
        if failure.counts and policy.is_spent(attempts, utcnow()):
            fetches.failed(self._uid, self._claimant, failure.sentence)
        else:
            at = policy.again_at(attempts, utcnow())
            fetches.retry_later(self._uid, self._claimant, failure.sentence, at)
        self._audit(MINOR_FAILURE)
        log.warning(
            "prior_not_fetched",
            study_instance_uid=self._uid,
            source=self._fetch.source,
            attempts=self._fetch.attempts,
        )

    def _audit(self, outcome: int) -> None:
        self._storage.audit.record(
            AuditEvent(
                Code.IMPORT,
                "C",
                NODE,
                outcome=outcome,
                study_instance_uids=(self._uid,),
                detail={"source": self._fetch.source, "rule": self._fetch.rule},
            )
        )


def _check(fetch: PriorFetch, default_issuer: str, site_issuer: str, header: Header) -> None:
    """An archive that is asked for one study brings no other by the way, and of nobody else.

    `site_issuer`: of IDs of which nobody states another.
    """
    if header.study_instance_uid != fetch.study_instance_uid:
        raise InvalidInstance("It belongs to another study than was asked for.")
    issuer = header.text("IssuerOfPatientID") or default_issuer or site_issuer
    wanted = fetch.patient_id, fetch.issuer_of_patient_id or site_issuer
    if fetch.cause == "REQUEST":
        # A workitem names the study, and of its patient what it knows.
        wanted = wanted[0] or header.text("PatientID"), fetch.issuer_of_patient_id or issuer
    if (header.text("PatientID"), issuer) != wanted:
        raise InvalidInstance(
            "Its patient ID or the issuer of it is not the one that was asked for.",
            remedy="See whether the archive has merged patients.",
        )
