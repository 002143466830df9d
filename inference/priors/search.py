"""Ask archives for earlier studies of a patient, and have those fetched that the rule wants."""

import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import structlog

from dicom_node.archives.archive import Archive, Found
from dicom_node.peers import PeerFailed
from inference.failures import explain, place
from inference.patient_identity.cross_references import cross_reference
from inference.priors.selection import choose, newest_first, of_patient
from inference.priors.slow_sources import SlowSources
from inference.priors.sources import label_of, open_archive
from inference.priors.subjects import Subject, subject_of_order, subject_of_study
from inference.rules.file import current_rules
from inference.rules.prior_rule import PriorRule
from storage.audit import NODE, SUCCESS, Audit, AuditEvent, Code
from storage.container.has import (
    HasAudit,
    HasIndex,
    HasPatientChanges,
    HasPeers,
    HasPriorFetches,
    HasPriorSearches,
    HasSettings,
    HasWorklist,
)
from storage.core.clock import utcnow
from storage.core.errors import MediViewError, NotFound
from storage.index.repository import Index
from storage.outbox.leases import LEASE_S, Lease
from storage.outbox.retry_policies import retry_policy
from storage.peers.entities import KnownPeer
from storage.priors.entities import FetchCause, PriorSearch, WantedStudy
from storage.priors.searches import PriorSearches
from storage.settings import Settings
from storage.worklist.repository import Worklist

log = structlog.get_logger(__name__)

_AT_ONCE = 20
_MOST_STUDIES = 500
"""Of one patient; who has more is somebody's test data."""


@dataclass(frozen=True)
class _Nothing(Exception):
    """Why there is nothing to be asked."""

    why: str


class SearchStorage(
    HasSettings,
    HasIndex,
    HasPeers,
    HasPriorSearches,
    HasPriorFetches,
    HasPatientChanges,
    HasWorklist,
    HasAudit,
    Protocol,
):
    """What of the storage layer earlier studies are searched for with."""


def search_due(
    storage: SearchStorage, owner: str, stopping: Callable[[], bool] = lambda: False
) -> int:
    """Ask what is due; how many studies are fetched for it."""
    wanted = 0
    slow = SlowSources()
    for _ in range(_AT_ONCE):
        if stopping():
            break
        claimant = f"{owner}:{uuid.uuid4().hex[:8]}"
        search = storage.prior_searches.claim_due(claimant, LEASE_S, utcnow(), slow.names)
        if search is None:
            break
        renew = partial(_renew, storage.prior_searches, search.search_id, claimant)
        with Lease(renew, "prior-search"), slow.timed(search.source) as attempt:
            found = _search(storage, search, claimant)
            attempt.succeeded = found is not None
        wanted += found or 0
    return wanted


def _renew(prior_searches: PriorSearches, search_id: str, claimant: str) -> bool:
    return prior_searches.renew(search_id, claimant, LEASE_S, utcnow())


def _search(storage: SearchStorage, search: PriorSearch, claimant: str) -> int | None:
    """How many studies are fetched for it; None where the source gave no answer."""
    try:
        found, wanted = _ask(storage, search)
    except _Nothing as reason:
        storage.prior_searches.done(search.search_id, claimant, 0, 0, reason.why)
        return 0
    except Exception as error:  # noqa: BLE001 - the edge of a search: the next one asks elsewhere
        if not isinstance(error, MediViewError):
            log.error("prior_search_failed", error=type(error).__name__, place=place(error))
        _not_answered(
            storage.prior_searches, storage.settings, search, claimant, explain(error).sentence
        )
        return None
    storage.prior_searches.done(search.search_id, claimant, found, wanted)
    log.info("priors_searched", source=search.source, rule=search.rule, found=found, wanted=wanted)
    return wanted


def _ask(storage: SearchStorage, search: PriorSearch) -> tuple[int, int]:
    """How many studies the source has of the patient, and how many of them are fetched."""
    if search.cause == "IDENTITY":
        return cross_reference(storage, search.subject), 0
    rules = {one.name: one for one in current_rules(storage.settings).priors}
    rule = rules.get(search.rule)
    if rule is None:
        raise _Nothing("The rule is in force no more.")
    subject = _subject(storage.index, storage.worklist, search)
    subject = subject.with_links(storage.patient_changes, storage.settings.patient_id_issuer)
    if not subject.patient_id:
        raise _Nothing("There is no patient ID by which to ask.")
    peer = storage.peers.find(search.source)
    if peer is None:
        raise PeerFailed(
            f"No peer is named {search.source}.", remedy="Add it by `mediview peers add`."
        )
    with closing(open_archive(peer, storage.settings)) as archive:
        site_issuer = storage.settings.patient_id_issuer
        studies = ask(storage.audit, archive, peer, subject, site_issuer)
        chosen = choose(subject, studies, rule, archive.series)
    return len(studies), sum(
        storage.prior_fetches.want(wanted_study(study, subject, peer, "RULE", rule))
        for study in chosen
    )


def ask(
    audit: Audit, archive: Archive, peer: KnownPeer, subject: Subject, site_issuer: str
) -> list[Found]:
    """The studies that an archive has of a patient, the newest first; audited.

    `site_issuer`: of patient IDs of which neither the images nor the peer state an issuer.

    Raises PeerFailed.
    """
    listed: dict[str, Found] = {}
    for one in (subject, *map(subject.under, subject.linked)):
        answer = archive.studies({"PatientID": one.patient_id}, _MOST_STUDIES)
        same = of_patient(one, answer.studies, peer.issuer_of_patient_id, site_issuer)
        for study in same:
            listed.setdefault(study.study_instance_uid, study)
    audit.record(
        AuditEvent(
            Code.QUERY,
            "E",
            NODE,
            outcome=SUCCESS,
            study_instance_uids=(subject.study_instance_uid,),
            detail={"source": peer.name, "for": "priors"},
        )
    )
    return newest_first(listed.values())


def wanted_study(
    study: Found,
    subject: Subject,
    peer: KnownPeer,
    cause: FetchCause,
    rule: PriorRule | None = None,
) -> WantedStudy:
    """What is to be fetched of what an archive listed."""
    patient_id = study.text("PatientID")
    key = next((one for one in subject.linked if one.patient_id == patient_id), subject.key)
    if patient_id == subject.patient_id:
        key = subject.key
    return WantedStudy(
        study_instance_uid=study.study_instance_uid,
        source=peer.name,
        label=label_of(peer),
        cause=cause,
        **key._asdict(),
        rule=rule.name if rule else "",
        send_results=rule.send_results if rule else False,
        route=rule.route if rule else False,
        study_date=study.text("StudyDate"),
        study_description=study.text("StudyDescription"),
        modalities=", ".join(study.attributes.get("ModalitiesInStudy", ())),
        instances_total=study.instance_count,
    )


def _subject(index: Index, worklist: Worklist, search: PriorSearch) -> Subject:
    try:
        if search.cause != "ORDER":
            return subject_of_study(index, search.subject)
        return subject_of_order(worklist.get(search.subject))
    except NotFound:
        raise _Nothing("The study or order was deleted.") from None


def _not_answered(
    prior_searches: PriorSearches,
    settings: Settings,
    search: PriorSearch,
    claimant: str,
    error: str,
) -> None:
    at = retry_policy(settings, "prior").next_attempt(search.attempts, utcnow())
    if at is None:
        prior_searches.failed(search.search_id, claimant, error)
    else:
        prior_searches.retry_later(search.search_id, claimant, error, at)
    log.warning("source_not_asked", source=search.source, attempts=search.attempts)
