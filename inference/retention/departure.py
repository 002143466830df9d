"""One study leaves: for good, with its results, in the audit trail under the name of the rule."""

from datetime import datetime
from typing import Literal, TypedDict

import structlog
from sqlalchemy import ColumnElement, Engine

from inference.retention.assessment import Assessment, Retention
from storage.audit import Actor, Audit, AuditEvent, AuditRecord, Code
from storage.audit.change_event import JoinedRecord
from storage.audit.query import AuditFilter, find_events
from storage.core.errors import NotFound, StateConflict
from storage.deletion.service import Deletion, Deletions
from storage.retention.obligations import Obligations

log = structlog.get_logger(__name__)

ACTOR_NAME = "retention"
Cause = Literal["time", "disk", "quota"]
"""Its time was over, the disk was short, or the studies of its rule were beyond their quota."""


class DepartureDetail(TypedDict):
    """What the audit trail has of a study that left by rule."""

    via: str
    rule: str
    cause: Cause
    instances: int
    size_bytes: int
    last_needed: str
    """The day, as ISO 8601 has it."""


def remove_study(
    deletions: Deletions,
    obligations: Obligations,
    audit: Audit,
    retention: Retention,
    assessment: Assessment,
    cause: Cause,
) -> Deletion | None:
    """None where something came up since the assessment, so that it stays.

    Raises StorageFull, StorageUnavailable; also where the audit trail has to be written and cannot.
    """
    study, rule = assessment.study, assessment.rule
    if rule is None:
        return None
    uid, name = study.study_instance_uid, rule.name
    audit.check()
    patients = audit.patients_of([uid])
    still = obligations.check(uid, study.updated_at, retention.counts(assessment))
    going: list[Deletion] = []

    def event() -> AuditEvent | None:
        return _event(assessment, name, cause, patients, going[-1]) if going else None

    with JoinedRecord(audit, event).with_change():
        try:
            deletion = deletions.study(uid, still, going.append)
        except (StateConflict, NotFound):
            return None
    log.info(
        "study_removed_by_rule",
        rule=name,
        cause=cause,
        instances=deletion.instance_count,
        size_bytes=deletion.size_bytes,
    )
    return deletion


def _event(
    assessment: Assessment,
    rule_name: str,
    cause: Cause,
    patients: tuple[str, ...],
    deletion: Deletion,
) -> AuditEvent:
    study = assessment.study
    return AuditEvent(
        Code.STUDY_DELETED,
        "D",
        Actor("node", ACTOR_NAME, id=f"rule:{rule_name}"),
        study_instance_uids=(study.study_instance_uid,),
        patient_ids=patients,
        detail=DepartureDetail(
            via=ACTOR_NAME,
            rule=rule_name,
            cause=cause,
            instances=deletion.instance_count,
            size_bytes=deletion.size_bytes,
            last_needed=_day(study.last_needed_at),
        ),
    )


def _day(at: datetime) -> str:
    return at.date().isoformat()


def removals(
    engine: Engine, limit: int, offset: int, *, beyond: ColumnElement[bool] | None = None
) -> tuple[list[AuditRecord], int]:
    """What has left by rule, the newest first, as far back as the audit trail reaches."""
    wanted = AuditFilter(actor_kind="node", actor=ACTOR_NAME, code=Code.STUDY_DELETED)
    return find_events(engine, wanted, limit, offset, beyond=beyond)
