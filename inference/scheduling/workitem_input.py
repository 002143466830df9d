"""Have the input of a workitem fetched from where the item says that it lies (PS3.3 10-3b).

Only archives that an administrator entered are asked: what an item names is an address that
somebody else wrote. Fetching itself is the queue's of `inference.priors`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

import structlog

from inference.deliveries.destinations import kind_of
from inference.priors.sources import label_of
from storage.container.has import HasPeers, HasPriorFetches
from storage.peers.entities import KnownPeer
from storage.priors.entities import PriorFetch, WantedStudy
from storage.ups.dicom_json import items_of, text_of
from storage.ups.rows import Workitem

log = structlog.get_logger(__name__)

_BY_DIMSE, _BY_WEB = "DICOMRetrievalSequence", "WADORSRetrievalSequence"
_WHOLE_STUDY = "/studies/"


class InputStorage(HasPeers, HasPriorFetches, Protocol):
    """What of the storage layer input is fetched with."""


@dataclass(frozen=True)
class NotFetched:
    """Why a study that the item names will not come."""

    reason: str


def names_a_source(attributes: Mapping[str, Any]) -> bool:
    """Whether the item says from where its input may be had."""
    return any(
        items_of(one, keyword)
        for one in items_of(attributes, "InputInformationSequence")
        for keyword in (_BY_DIMSE, _BY_WEB)
    )


def fetch_study(
    storage: InputStorage, item: Workitem, study_instance_uid: str, *, is_here: bool
) -> NotFetched | None:
    """Have a study fetched; None while it is under way, or nobody says where it lies.

    `is_here`: something of it is, and it is not asked for. It is looked at again in each round, so
    that this asks no archive by itself.
    """
    fetch = storage.prior_fetches.find(study_instance_uid)
    if fetch is not None and fetch.state in ("PENDING", "RUNNING"):
        return None
    if fetch is not None and fetch.state == "FAILED" and _was_for(item, fetch):
        return NotFetched(
            f"Its input, study {study_instance_uid}, could not be fetched from"
            f" {fetch.source}: {fetch.last_error}"
        )
    if is_here:
        return None
    sources = list(dict.fromkeys(_sources(item.attributes, study_instance_uid)))
    if not sources:
        return None
    archives = storage.peers.archives()
    peer = next((one for source in sources for one in archives if _is(one, source)), None)
    if peer is None:
        named = ", ".join(source.name for source in sources)
        return NotFetched(
            f"Its input, study {study_instance_uid}, is not here, and lies at {named}, which is no"
            " archive of this node."
        )
    storage.prior_fetches.want(
        WantedStudy(
            study_instance_uid=study_instance_uid,
            source=peer.name,
            label=label_of(peer),
            cause="REQUEST",
            patient_id=text_of(item.attributes, "PatientID"),
            issuer_of_patient_id=text_of(item.attributes, "IssuerOfPatientID"),
        )
    )
    log.info("work_item_input_wanted", workitem_uid=item.sop_instance_uid, source=peer.name)
    return None


def _was_for(item: Workitem, fetch: PriorFetch) -> bool:
    """Whether it was tried for this item, or since it is there."""
    return fetch.cause == "REQUEST" and fetch.updated_at >= item.created_at


@dataclass(frozen=True)
class _Source:
    """An AE title, or the address of a DICOMweb service."""

    name: str
    is_web: bool


def _sources(attributes: Mapping[str, Any], study_instance_uid: str) -> Iterator[_Source]:
    for one in items_of(attributes, "InputInformationSequence"):
        if text_of(one, "StudyInstanceUID") != study_instance_uid:
            continue
        for retrieval in items_of(one, _BY_DIMSE):
            if title := text_of(retrieval, "RetrieveAETitle").strip():
                yield _Source(title[:16], is_web=False)
        for retrieval in items_of(one, _BY_WEB):
            # Without what it asks of the service, which may name a patient.
            parts = urlsplit(text_of(retrieval, "RetrieveURL"))
            base = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
            if parts.netloc:
                yield _Source(base.partition(_WHOLE_STUDY)[0][:200], is_web=True)


def _is(peer: KnownPeer, source: _Source) -> bool:
    kind = kind_of(peer)
    if kind.open_archive is None or (kind.why_unreachable and kind.why_unreachable(peer)):
        return False
    if source.is_web:
        return bool(peer.url) and peer.url.rstrip("/").lower() == source.name.rstrip("/").lower()
    return bool(peer.ae_title) and peer.ae_title == source.name
