"""The tables of the index and of the ledger of work.

One schema for SQLite and PostgreSQL. Column names are DICOM keywords in
snake_case. Alembic's migrations create it; a test holds both alike. A module has the tables of
one folder of `storage/`, and its name; the folders here group them.
"""

from storage.tables.access.access_groups import (
    access_group,
    access_group_member,
    access_state,
    emergency_access,
    former_study_group,
    study_group,
    study_sender,
)
from storage.tables.access.accounts import (
    account,
    api_key,
    failed_attempt,
    logout_token,
    preference,
    recovery_code,
    second_factor,
    session,
    shown_name,
)
from storage.tables.access.audit import audit_chain, audit_event, audit_subject, series_request
from storage.tables.access.idempotency import idempotency_key
from storage.tables.base import UtcDateTime, metadata
from storage.tables.exchange.commitment import commitment_report, commitment_request
from storage.tables.exchange.deliveries import breaker, delivery
from storage.tables.exchange.dimse import dimse_traffic
from storage.tables.exchange.fhir_subscriptions import fhir_subscription
from storage.tables.exchange.fhircast import (
    fhircast_context,
    fhircast_event,
    fhircast_subscription,
    fhircast_topic,
)
from storage.tables.exchange.mpps import (
    availability_notice,
    peer_notification,
    procedure_step,
)
from storage.tables.exchange.peers import peer
from storage.tables.exchange.ups import (
    gone_work_item,
    subscriber,
    subscription,
    work_item,
    work_item_study,
)
from storage.tables.exchange.webhooks import webhook, webhook_delivery
from storage.tables.exchange.worklist import order_due, worklist_item
from storage.tables.results.findings import feedback_report, finding, finding_feedback
from storage.tables.results.language import answer, passage
from storage.tables.results.lesions import lesion, lesion_match
from storage.tables.results.reports import (
    alert,
    hl7_message,
    report,
    report_due,
    report_template,
    report_version,
)
from storage.tables.studies.durability import (
    UNPURGED,
    conflict,
    conflict_copy,
    damaged_instance,
    discarded_content,
    refused_row,
    scrub,
    tombstone,
    uncopied_deletion,
    unwritten_tombstone,
    volume,
)
from storage.tables.studies.index import (
    NOT_UPLOADED,
    ROLES_UNKNOWN,
    expectation,
    generated_instance,
    instance,
    patient,
    series,
    study,
    unreadable_instance,
)
from storage.tables.studies.patient_identity import (
    patient_change,
    patient_message,
    received_patient,
)
from storage.tables.studies.priors import prior_due, prior_fetch, prior_pause, prior_search
from storage.tables.studies.projects import (
    project,
    project_export,
    project_export_instance,
    project_study,
)
from storage.tables.studies.rejection_notes import rejection, rejection_note
from storage.tables.studies.retention import (
    disk_sample,
    legal_hold,
    retention_state,
    study_confirmation,
    study_retention,
    study_use,
)
from storage.tables.studies.shared_views import shared_view
from storage.tables.studies.uploads import upload
from storage.tables.work.events import event
from storage.tables.work.interactive import interactive_session
from storage.tables.work.jobs import decision, job, job_input, result_due, series_try
from storage.tables.work.models import (
    drift_alert,
    drift_baseline,
    drift_observation,
    model_change,
    model_package,
    model_state,
    model_trial,
    shadow_run,
)
from storage.tables.work.processes import (
    clock_step,
    component,
    deletion_number,
    gpu_memory,
    heartbeat,
    host,
    host_key,
    last_backup,
    node_condition,
)
from storage.tables.work.retrospective_runs import retrospective_run, retrospective_study
from storage.tables.work.rules import rule_version
from storage.tables.work.stage_times import stage_time, trace_position

__all__ = [
    "NOT_UPLOADED",
    "ROLES_UNKNOWN",
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
    "clock_step",
    "commitment_report",
    "commitment_request",
    "component",
    "conflict",
    "conflict_copy",
    "damaged_instance",
    "decision",
    "deletion_number",
    "delivery",
    "dimse_traffic",
    "discarded_content",
    "disk_sample",
    "drift_alert",
    "drift_baseline",
    "drift_observation",
    "emergency_access",
    "event",
    "expectation",
    "failed_attempt",
    "feedback_report",
    "fhir_subscription",
    "fhircast_context",
    "fhircast_event",
    "fhircast_subscription",
    "fhircast_topic",
    "finding",
    "finding_feedback",
    "former_study_group",
    "generated_instance",
    "gone_work_item",
    "gpu_memory",
    "heartbeat",
    "hl7_message",
    "host",
    "host_key",
    "idempotency_key",
    "instance",
    "interactive_session",
    "job",
    "job_input",
    "last_backup",
    "legal_hold",
    "lesion",
    "lesion_match",
    "logout_token",
    "metadata",
    "model_change",
    "model_package",
    "model_state",
    "model_trial",
    "node_condition",
    "order_due",
    "passage",
    "patient",
    "patient_change",
    "patient_message",
    "peer",
    "peer_notification",
    "preference",
    "prior_due",
    "prior_fetch",
    "prior_pause",
    "prior_search",
    "procedure_step",
    "project",
    "project_export",
    "project_export_instance",
    "project_study",
    "received_patient",
    "recovery_code",
    "refused_row",
    "rejection",
    "rejection_note",
    "report",
    "report_due",
    "report_template",
    "report_version",
    "result_due",
    "retention_state",
    "retrospective_run",
    "retrospective_study",
    "rule_version",
    "scrub",
    "second_factor",
    "series",
    "series_request",
    "series_try",
    "session",
    "shadow_run",
    "shared_view",
    "shown_name",
    "stage_time",
    "study",
    "study_confirmation",
    "study_group",
    "study_retention",
    "study_sender",
    "study_use",
    "subscriber",
    "subscription",
    "tombstone",
    "trace_position",
    "uncopied_deletion",
    "unreadable_instance",
    "unwritten_tombstone",
    "upload",
    "volume",
    "webhook",
    "webhook_delivery",
    "work_item",
    "work_item_study",
    "worklist_item",
]
