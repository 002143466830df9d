"""Claim another system's workitems, and say there what becomes of them here.

A claimed item has a copy here, which the node performs as its own (`inference.scheduling`). What
changes of the copy is reported; what the source will not hear of any more is let go.
"""

from collections.abc import Sequence
from typing import Protocol

import structlog

from inference.model_registry.status import offered
from inference.pipeline import Pipeline
from inference.scheduling.workitem_input import names_a_source
from inference.ups_sources.source import WorkitemSource
from storage.audit import NODE, SUCCESS, AuditEvent, Code
from storage.container.has import (
    HasAudit,
    HasClaimedElsewhere,
    HasIndex,
    HasModelStates,
    HasPeers,
    HasSettings,
)
from storage.core.clock import utcnow
from storage.core.entities import ENDED_STATES
from storage.core.errors import InvalidInstance, InvalidRequest
from storage.core.uids import check_uid, derive_uid
from storage.crypto.derived_keys import derived_key
from storage.settings import Settings
from storage.ups.claimed_elsewhere import Claimed
from storage.ups.dicom_json import JsonAttributes, tag_of, text_of
from storage.ups.requests import WorkitemStorage, cancel_claimed
from storage.ups.validation import performer_of, study_of

log = structlog.get_logger(__name__)

_REPORTED = (
    "ProcedureStepProgressInformationSequence",
    "UnifiedProcedureStepPerformedProcedureSequence",
)
_AT_ONCE = 50


class SourceStorage(
    WorkitemStorage,
    HasSettings,
    HasIndex,
    HasModelStates,
    HasClaimedElsewhere,
    HasPeers,
    HasAudit,
    Protocol,
):
    """What of the storage layer workitems of others are performed with."""


def claim_new(
    storage: SourceStorage, source: WorkitemSource, pipelines: Sequence[Pipeline] | None = None
) -> int:
    """Claim what the node can perform now; how many. Raises PeerFailed."""
    found = _ours(storage, source.search("SCHEDULED"), pipelines)
    claimed = 0
    for uid, attributes in found.items():
        if source.is_refused(uid):
            continue
        transaction_uid = transaction_of(storage.settings, source.name, uid)
        if source.claim(uid, transaction_uid):
            claimed += _take_over(storage, source, uid, attributes, transaction_uid)
    return claimed


def resume(
    storage: SourceStorage, source: WorkitemSource, pipelines: Sequence[Pipeline] | None = None
) -> int:
    """Take over what was claimed when the node ended before it had its copy. Raises PeerFailed."""
    begun = source.search("IN PROGRESS")
    as_new = [
        one | {tag_of("ProcedureStepState"): {"vr": "CS", "Value": ["SCHEDULED"]}} for one in begun
    ]
    resumed = 0
    for uid, attributes in _ours(storage, as_new, pipelines).items():
        transaction_uid = transaction_of(storage.settings, source.name, uid)
        # Only who knows the claim may change it.
        if source.update(uid, transaction_uid, {}):
            resumed += _take_over(storage, source, uid, attributes, transaction_uid)
    return resumed


def report(storage: SourceStorage, source: WorkitemSource) -> int:
    """Say what has changed of claimed items; how many. Raises PeerFailed."""
    reported = 0
    for claimed in storage.claimed_elsewhere.unreported(source.name, _AT_ONCE):
        if _report(source, claimed):
            storage.claimed_elsewhere.reported(claimed.item)
            reported += 1
            continue
        storage.claimed_elsewhere.released(claimed.item)
        log.warning(
            "work_item_released",
            workitem_uid=claimed.item.sop_instance_uid,
            source=source.name,
            state=claimed.item.state,
        )
        if claimed.item.state not in ENDED_STATES:
            cancel_claimed(storage, claimed.item.sop_instance_uid, source.name, {})
    return reported


def transaction_of(settings: Settings, source: str, uid: str) -> str:
    """The claim of an item: the same after a crash, and known to nobody without the secret."""
    secret = settings.ups_authorization_of(source)
    # By DIMSE there is none; a claim that can be guessed is one that others can end.
    secret = secret or derived_key(settings.data_dir, "ups claim").hex()
    return str(derive_uid("ups claim", settings.ae_title, source, secret, uid))


def _ours(
    storage: SourceStorage,
    listed: Sequence[JsonAttributes],
    pipelines: Sequence[Pipeline] | None,
) -> dict[str, JsonAttributes]:
    """By UID those for a pipeline of the node whose study is here or can be fetched, and of which
    it has no copy.
    """
    names = {
        one.pipeline.name for one in offered(storage.settings, storage.model_states, pipelines)
    }
    found: dict[str, JsonAttributes] = {}
    now = utcnow()
    for attributes in listed:
        uid = text_of(attributes, "SOPInstanceUID")
        if performer_of(attributes) not in names:
            continue
        # What cannot be fetched after all ends it with the reason, instead of nobody doing it.
        if not (_is_here(storage, attributes) or names_a_source(attributes)):
            continue
        given = {name: value for name, value in attributes.items() if name not in _NOT_COPIED}
        try:
            storage.claimed_elsewhere.check(check_uid(uid, "SOPInstanceUID"), given, now)
        except (InvalidInstance, InvalidRequest) as error:
            log.warning("work_item_not_claimed", reason=error.code)
            continue
        found[uid] = given
    known = storage.claimed_elsewhere.known(found)
    return {uid: given for uid, given in found.items() if uid not in known}


_NOT_COPIED = frozenset(tag_of(one) for one in ("TransactionUID", *_REPORTED))


def _is_here(storage: SourceStorage, attributes: JsonAttributes) -> bool:
    study = study_of(attributes)
    return bool(study) and any(one.origin == "received" for one in storage.index.series_of(study))


def _take_over(
    storage: SourceStorage,
    source: WorkitemSource,
    uid: str,
    attributes: JsonAttributes,
    transaction_uid: str,
) -> bool:
    taken = storage.claimed_elsewhere.add(uid, attributes, source.name, transaction_uid, utcnow())
    if taken:
        log.info("work_item_claimed_elsewhere", workitem_uid=uid, source=source.name)
        storage.audit.record(
            AuditEvent(
                Code.PROCEDURE_RECORD,
                "U",
                NODE,
                outcome=SUCCESS,
                study_instance_uids=(study_of(attributes),),
                detail={"claimed_from": source.name, "workitem": uid},
            )
        )
    return taken


def _report(source: WorkitemSource, claimed: Claimed) -> bool:
    """Whether the source took it."""
    item, transaction_uid = claimed.item, claimed.source_transaction_uid
    changes = {
        tag_of(one): item.attributes[tag_of(one)]
        for one in _REPORTED
        if item.attributes.get(tag_of(one), {}).get("Value")
    }
    if changes and not source.update(item.sop_instance_uid, transaction_uid, changes):
        return False
    if item.state in ENDED_STATES:
        return source.end(item.sop_instance_uid, transaction_uid, item.state)
    return True
