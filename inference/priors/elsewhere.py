"""What other archives have of a study's patient, for people who look at it; fetched when asked."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Engine

from dicom_node.archives.archive import Found
from dicom_node.peers import PeerFailed, caller_of_peer
from inference.failures import explain
from inference.priors.search import ask, wanted_study
from inference.priors.sources import open_archive
from inference.priors.subjects import Subject, subject_of_study
from storage.access_groups.visibility import visibility_of
from storage.audit import Audit
from storage.container.has import (
    HasAudit,
    HasEngine,
    HasIndex,
    HasPatientChanges,
    HasPeers,
    HasPriorFetches,
    HasSettings,
)
from storage.core.callers.shares import Shares
from storage.core.callers.visibility import EVERYONE, as_node, current_visibility
from storage.core.errors import InvalidRequest, MediViewError, NotFound
from storage.index.repository import Index
from storage.patient_identity.entities import PatientKey
from storage.peers.entities import KnownPeer
from storage.peers.repository import Peers
from storage.priors.entities import PriorFetch
from storage.priors.fetches import PriorFetches
from storage.settings import Settings

_AT_ONCE = 4
_OF_ONE = 2
_UNDER_WAY = Shares(_AT_ONCE, most=_OF_ONE)
_WAIT_S = 10.0


@dataclass(frozen=True)
class StudyElsewhere:
    """A study that is not here, or not yet. `fetch`: how far it is, where it is wanted."""

    source: str
    study: Found
    fetch: PriorFetch | None


@dataclass(frozen=True)
class Elsewhere:
    """`failures`: archives that could not be asked, by name, and why."""

    studies: Sequence[StudyElsewhere]
    failures: dict[str, str]


class ElsewhereStorage(
    HasSettings,
    HasEngine,
    HasIndex,
    HasPatientChanges,
    HasPeers,
    HasPriorFetches,
    HasAudit,
    Protocol,
):
    """What of the storage layer earlier studies are looked for in other archives with."""


def look_elsewhere(storage: ElsewhereStorage, study_instance_uid: str) -> Elsewhere:
    """Ask every archive that the one who looks may know of; the newest studies first.

    Raises NotFound.
    """
    subject = _subject(storage, study_instance_uid)
    found: dict[str, StudyElsewhere] = {}
    failures = {}
    for peer in archives_for_caller(storage.peers, storage.engine) if subject.patient_id else ():
        try:
            studies = _ask(storage.audit, storage.settings, peer, subject)
        except MediViewError as error:
            failures[peer.name] = explain(error).sentence
            continue
        for study in studies:
            uid = study.study_instance_uid
            fetch, is_here = _how_far(storage.index, storage.prior_fetches, uid)
            if uid not in found and not is_here:
                found[uid] = StudyElsewhere(peer.name, study, fetch)
    studies_by_date = sorted(
        found.values(), key=lambda one: one.study.text("StudyDate"), reverse=True
    )
    return Elsewhere(studies_by_date, failures)


def fetch_from_elsewhere(
    storage: ElsewhereStorage, study_instance_uid: str, prior: str, source: str
) -> PriorFetch:
    """Have a study fetched that an archive has of the same patient; again where it failed.

    Raises NotFound, InvalidRequest, PeerFailed.
    """
    subject = _subject(storage, study_instance_uid)
    peers = {peer.name: peer for peer in archives_for_caller(storage.peers, storage.engine)}
    if source not in peers:
        raise NotFound(
            f"No archive that may be asked is named '{source}'.",
            remedy="GET /api/studies/{study_instance_uid}/elsewhere lists the archives.",
        )
    if not subject.patient_id:
        raise InvalidRequest(
            "The study has no patient ID by which to ask.",
            remedy="Correct the patient of the study first.",
        )
    studies = {
        one.study_instance_uid: one
        for one in _ask(storage.audit, storage.settings, peers[source], subject)
    }
    if prior not in studies:
        raise NotFound(
            f"{source} has no such study of this patient.", remedy="Search the archive again."
        )
    with as_node():
        storage.prior_fetches.want(wanted_study(studies[prior], subject, peers[source], "PERSON"))
        fetch = storage.prior_fetches.find(prior)
    if fetch is None:
        raise InvalidRequest("The study is here already.", remedy="Open it.")
    return fetch


def fetch_of_patient(storage: ElsewhereStorage, study_instance_uid: str, prior: str) -> PriorFetch:
    """How far a study of the same patient is, without asking any archive. Raises NotFound."""
    subject = _subject(storage, study_instance_uid)
    known = {peer.name for peer in archives_for_caller(storage.peers, storage.engine)}
    with as_node():
        fetch = storage.prior_fetches.get(prior)
    of_patient = PatientKey(fetch.patient_id, fetch.issuer_of_patient_id)
    if of_patient not in (subject.key, *subject.linked) or fetch.source not in known:
        raise NotFound(
            "No such study of this patient is fetched.", remedy="Search the archives again."
        )
    return fetch


def _subject(storage: ElsewhereStorage, study_instance_uid: str) -> Subject:
    subject = subject_of_study(storage.index, study_instance_uid)
    return subject.with_links(storage.patient_changes, storage.settings.patient_id_issuer)


def archives_for_caller(peers: Peers, engine: Engine) -> list[KnownPeer]:
    """Where access groups are enforced, those that share a group with the one who asks.

    What an archive has of a patient is in no group yet; who belongs to the archive's group may
    know of it.
    """
    visibility = current_visibility()
    archives = peers.archives()
    if visibility is None:
        return archives
    known = set(visibility.group_ids) - {EVERYONE}
    return [peer for peer in archives if known.intersection(_groups_of(engine, peer))]


def _groups_of(engine: Engine, peer: KnownPeer) -> tuple[int, ...]:
    visibility = visibility_of(engine, caller_of_peer(peer))
    return visibility.group_ids if visibility else ()


def _ask(audit: Audit, settings: Settings, peer: KnownPeer, subject: Subject) -> list[Found]:
    """Raises PeerFailed, also where too many are being asked: an archive may take its time."""
    with _UNDER_WAY.turn(_WAIT_S) as has_turn:
        if not has_turn:
            raise PeerFailed(
                f"{peer.name} was not asked: {_AT_ONCE} questions to archives are under way, or"
                f" {_OF_ONE} of yours.",
                remedy="Ask again in a moment.",
            )
        with closing(open_archive(peer, settings)) as archive:
            return ask(audit, archive, peer, subject, settings.patient_id_issuer)


@as_node()
def _how_far(
    index: Index, prior_fetches: PriorFetches, study_instance_uid: str
) -> tuple[PriorFetch | None, bool]:
    """Its fetch, and whether it is here; also where the one who looks may not see it."""
    fetch = prior_fetches.find(study_instance_uid)
    if fetch is not None and fetch.state != "DONE":
        return fetch, False
    try:
        index.study(study_instance_uid)
    except NotFound:
        return fetch, False
    return fetch, True
