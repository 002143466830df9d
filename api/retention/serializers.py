"""Retention as the API tells it."""

from datetime import datetime
from typing import cast

from api.retention.schemas import (
    BlockedStudies,
    PlannedStudyPayload,
    QuotaUse,
    ReasonPayload,
    RemovedStudy,
    RetentionStatus,
)
from inference.retention.departure import DepartureDetail
from inference.retention.dry_run import PlannedStudy
from inference.retention.outlook import DiskOutlook
from storage.audit import AuditRecord


def planned_payload(planned: PlannedStudy) -> PlannedStudyPayload:
    assessment, study = planned.assessment, planned.assessment.study
    return PlannedStudyPayload(
        study_instance_uid=study.study_instance_uid,
        outcome=planned.outcome,
        leaves_when_short=planned.leaves_when_short,
        rule=None if assessment.rule is None else assessment.rule.name,
        leaves_at=assessment.leaves_at,
        last_instance_at=study.last_instance_at,
        last_used_at=study.last_used_at,
        instance_count=study.instance_count,
        size_bytes=study.size_bytes,
        reasons=[
            ReasonPayload(kind=one.kind, text=one.text, owed_to=one.owed_to)
            for one in planned.reasons
        ],
    )


def removed_payload(record: AuditRecord) -> RemovedStudy:
    left = cast(DepartureDetail, record.detail)
    return RemovedStudy(
        at=record.at,
        study_instance_uid=record.study_instance_uids[0],
        rule=left["rule"],
        cause=left["cause"],
        instance_count=left["instances"],
        size_bytes=left["size_bytes"],
    )


def status_payload(outlook: DiskOutlook, legal_holds: int) -> RetentionStatus:
    forecast, last = outlook.forecast, outlook.last_round
    return RetentionStatus(
        free_bytes=outlook.free_bytes,
        disk_bytes=outlook.disk_bytes,
        warn_bytes=outlook.marks.warn_bytes,
        evict_bytes=outlook.marks.evict_bytes,
        refuse_bytes=outlook.marks.refuse_bytes,
        filled_bytes_per_day=None if forecast is None else forecast.filled_bytes_per_day,
        full_at=None if forecast is None else forecast.full_at,
        evictable_bytes=outlook.evictable_bytes,
        legal_holds=legal_holds,
        last_round_at=datetime.fromisoformat(last["at"]) if last else None,
        missing_bytes=last.get("missing_bytes", 0),
        blocked=[BlockedStudies(**one) for one in last.get("blocked", ())],
        quotas=[
            QuotaUse(**{**one, "blocked": [BlockedStudies(**each) for each in one["blocked"]]})
            for one in last.get("quotas", ())
        ],
        detail=" ".join(filter(None, (outlook.warning(), outlook.quotas(), outlook.stuck()))),
    )
