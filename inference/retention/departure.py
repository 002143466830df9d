"""One study leaves: for good, with its results, in the audit trail under the name of the rule."""

from datetime import datetime
from typing import Literal

import structlog

from inference.retention.verdicts import Retention, Verdict
from storage.audit import Actor, AuditEvent, AuditRecord, Code
from storage.audit.query import AuditFilter, find_events
from storage.container import Storage
from storage.core.errors import MediViewError, NotFound, StateConflict
from storage.deletion.service import Deletion

log = structlog.get_logger(__name__)

ACTOR_NAME = "retention"
Cause = Literal["time", "disk"]
"""Its time was over, or the disk was short."""


def remove_study(
    storage: Storage, retention: Retention, verdict: Verdict, cause: Cause
) -> Deletion | None:
    """None where something came up since the verdict, so that it stays.

    Raises StorageFull, StorageUnavailable; also where the audit trail has to be written and cannot.
    """
    study, rule = verdict.study, verdict.rule
    if rule is None:
        return None
    uid = study.study_instance_uid
    storage.audit.check()
    patients = storage.audit.patients_of([uid])
    still = storage.obligations.check(uid, study.updated_at, retention.counts(verdict))
    try:
        deletion = storage.deletions.study(uid, still)
    except (StateConflict, NotFound):
        return None
    event = AuditEvent(
        Code.STUDY_DELETED,
        "D",
        Actor("node", ACTOR_NAME, id=f"rule:{rule.name}"),
        study_instance_uids=(uid,),
        patient_ids=patients,
        detail={
            "via": ACTOR_NAME,
            "rule": rule.name,
            "cause": cause,
            "instances": deletion.instance_count,
            "size_bytes": deletion.size_bytes,
            "last_needed": _day(study.last_needed_at),
        },
    )
    try:
        storage.audit.record(event)
    except MediViewError as error:
        # It is gone; the log and its event show it.
        log.error("audit_not_written", error=error.code)
    log.info(
        "study_removed_by_rule",
        rule=rule.name,
        cause=cause,
        instances=deletion.instance_count,
        size_bytes=deletion.size_bytes,
    )
    return deletion


def _day(at: datetime) -> str:
    return at.date().isoformat()


def removals(storage: Storage, limit: int, offset: int) -> tuple[list[AuditRecord], int]:
    """What has left by rule, the newest first, as far back as the audit trail reaches."""
    wanted = AuditFilter(actor_kind="node", actor=ACTOR_NAME, code=Code.STUDY_DELETED)
    return find_events(storage.engine, wanted, limit, offset)
