"""The tables of the index and of the ledger of work.

One schema for SQLite and PostgreSQL. Column names are DICOM keywords in
snake_case. Alembic's migrations create it; a test holds both alike.
"""

from storage.tables.access_groups import (
    access_group,
    access_group_member,
    access_state,
    emergency_access,
    former_study_group,
    study_group,
)
from storage.tables.accounts import (
    account,
    api_key,
    failed_attempt,
    recovery_code,
    second_factor,
    session,
)
from storage.tables.audit import audit_chain, audit_event, audit_subject, series_request
from storage.tables.base import UtcDateTime, metadata
from storage.tables.deliveries import breaker, delivery
from storage.tables.events import event
from storage.tables.findings import feedback_report, finding, finding_feedback
from storage.tables.holdings import (
    NOT_UPLOADED,
    UNPURGED,
    conflict,
    damaged_instance,
    instance,
    patient,
    scrub,
    series,
    study,
    tombstone,
    unreadable_instance,
    volume,
)
from storage.tables.idempotency import idempotency_key
from storage.tables.jobs import decision, job, job_input
from storage.tables.language import answer, passage
from storage.tables.lesions import lesion, lesion_match
from storage.tables.models import model_change, model_state
from storage.tables.preferences import preference
from storage.tables.processes import component, heartbeat
from storage.tables.reports import alert, hl7_message, report, report_due, report_version
from storage.tables.retention import (
    disk_sample,
    legal_hold,
    retention_state,
    study_confirmation,
    study_retention,
    study_use,
)
from storage.tables.traffic import dimse_traffic
from storage.tables.uploads import upload
from storage.tables.watching import (
    drift_alert,
    drift_baseline,
    drift_observation,
    shadow_run,
)
from storage.tables.webhooks import webhook, webhook_delivery
from storage.tables.workflow import (
    availability_notice,
    commitment_report,
    commitment_request,
    expectation,
    peer,
    procedure_step,
    worklist_item,
)
from storage.tables.workitems import gone_work_item, subscriber, subscription, work_item

__all__ = [
    "NOT_UPLOADED",
    "UNPURGED",
    "UtcDateTime",
    "access_group",
    "access_group_member",
    "access_state",
    "account",
    "alert",
    "answer",
    "api_key",
    "audit_chain",
    "audit_event",
    "audit_subject",
    "availability_notice",
    "breaker",
    "commitment_report",
    "commitment_request",
    "component",
    "conflict",
    "damaged_instance",
    "decision",
    "delivery",
    "dimse_traffic",
    "disk_sample",
    "drift_alert",
    "drift_baseline",
    "drift_observation",
    "emergency_access",
    "event",
    "expectation",
    "failed_attempt",
    "feedback_report",
    "finding",
    "finding_feedback",
    "former_study_group",
    "gone_work_item",
    "heartbeat",
    "hl7_message",
    "idempotency_key",
    "instance",
    "job",
    "job_input",
    "legal_hold",
    "lesion",
    "lesion_match",
    "metadata",
    "model_change",
    "model_state",
    "passage",
    "patient",
    "peer",
    "preference",
    "procedure_step",
    "recovery_code",
    "report",
    "report_due",
    "report_version",
    "retention_state",
    "scrub",
    "second_factor",
    "series",
    "series_request",
    "session",
    "shadow_run",
    "study",
    "study_confirmation",
    "study_group",
    "study_retention",
    "study_use",
    "subscriber",
    "subscription",
    "tombstone",
    "unreadable_instance",
    "upload",
    "volume",
    "webhook",
    "webhook_delivery",
    "work_item",
    "worklist_item",
]
