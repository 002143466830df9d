"""Whether a peer has every received instance of a study: by deliveries that it confirmed, or asked.

It is asked as destinations are about results: by storage commitment, else by C-FIND or QIDO-RS.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Protocol

import structlog

from dicom_node.peers import PeerDidNotAnswer, PeerLacksService
from inference.deliveries.destinations import Destination, DestinationStorage, open_destination
from storage.container.has import HasRetention, HasStudyAttributes
from storage.core.entities import Instance
from storage.core.errors import MediViewError
from storage.peers.repository import Peers
from storage.retention.repository import Confirmation
from storage.retention.study_attributes import StudyAttributes, StudyAttributesReader

log = structlog.get_logger(__name__)

# A peer may delete as well: its answer is not believed for longer.
_BELIEVED_FOR = timedelta(days=1)
_INCOMPLETE_AGAIN = timedelta(hours=6)
_UNREACHABLE_AGAIN = timedelta(hours=1)


def why_unconfirmed(
    study_attributes: StudyAttributesReader,
    peers: Peers,
    study: StudyAttributes,
    peer: str,
    known: Confirmation | None,
    now: datetime,
) -> str:
    """Why it is not certain that the peer has the study, without asking it; empty where it is."""
    if peers.find(peer) is None:
        return _unknown(peer)
    if not study_attributes.unconfirmed_instances(study.study_instance_uid, peer, limit=1):
        return ""
    if known is None or known.study_updated_at != study.updated_at:
        return f"{peer} has not been asked yet whether it has the instances."
    if not known.is_complete:
        return known.detail
    if not is_fresh(known, now):
        return f"{peer} confirmed the instances on {known.asked_at:%Y-%m-%d} and is asked again."
    return ""


def is_fresh(known: Confirmation, now: datetime) -> bool:
    """Whether the peer need not be asked again yet."""
    return known.asked_at <= now < known.ask_again_at


@dataclass(frozen=True)
class Answer:
    """`why`: as of `why_unconfirmed`. `reached` is False where the peer did not answer at all."""

    why: str
    reached: bool = True


class ConfirmationStorage(DestinationStorage, HasRetention, HasStudyAttributes, Protocol):
    """What of the storage layer peers are asked about studies with."""


def ask_peer(
    storage: ConfirmationStorage, study: StudyAttributes, peer: str, now: datetime
) -> Answer:
    """Ask it, and note what it answers."""
    found = storage.peers.find(peer)
    if found is None:
        return Answer(_unknown(peer))
    uid = study.study_instance_uid
    instances = storage.study_attributes.unconfirmed_instances(uid, peer)
    again, reached = _INCOMPLETE_AGAIN, True
    try:
        missing = _missing(open_destination(storage, found), instances)
        detail = f"{peer} lacks {len(missing)} of {study.instance_count} instances."
    except PeerLacksService as error:
        missing, detail = instances, f"{peer} offers no way to ask: {error.message}"
    except MediViewError as error:
        missing, again, reached = instances, _UNREACHABLE_AGAIN, False
        detail = f"{peer} could not be asked: {error.message}"
    if not missing:
        detail, again = "", _BELIEVED_FOR
    storage.retention.note_confirmation(
        Confirmation(uid, peer, study.updated_at, not missing, detail, now, now + again)
    )
    log.info("peer_asked_for_study", peer=peer, asked=len(instances), missing=len(missing))
    return Answer(detail, reached)


def _missing(destination: Destination, instances: Sequence[Instance]) -> list[Instance]:
    """Those that the destination did not prove. Raises MediViewError where it cannot be asked."""
    try:
        answer = destination.commit(instances)
    except (PeerLacksService, PeerDidNotAnswer):
        answer = None
    if answer is not None:
        return [one for one in instances if one.sop_instance_uid in answer.failed]
    by_series = attrgetter("series_instance_uid")
    listed: set[str] = set()
    for _, series in groupby(sorted(instances, key=by_series), key=by_series):
        listed |= destination.listed(list(series))
    return [one for one in instances if one.sop_instance_uid not in listed]


def _unknown(peer: str) -> str:
    return f"No peer is named {peer}; the rule waits for it."
