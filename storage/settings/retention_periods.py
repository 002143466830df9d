"""How long what is not an image is kept, in seconds; the audit trail, in days.

Studies stay by the rules of the site: `keep_days` in `inference.rules.retention_rule`.
"""

from pydantic import BaseModel, Field


class RetentionSettings(BaseModel):
    upload_retention_s: int = Field(
        604_800, ge=1, description="How long a finished upload waits to be started."
    )
    event_retention_s: int = Field(
        30 * 86_400, ge=60, description="How far back a stream of events can be resumed."
    )
    workitem_retention_s: int = Field(
        365 * 86_400,
        ge=0,
        description="How long an ended workitem or retrospective run is kept; 0: for ever.",
    )
    commitment_retention_s: float = Field(
        30 * 86_400.0,
        gt=0,
        description="How long a storage commitment report waits for a peer to take it, and a"
        " request for its answer.",
    )
    webhook_retention_s: float = Field(
        30 * 86_400.0, gt=0, description="How long delivered and failed notices stay listed."
    )
    idempotency_retention_s: float = Field(
        86_400.0, gt=0, description="How long an answer is kept under its Idempotency-Key."
    )
    answer_retention_s: float = Field(
        86_400.0, gt=0, description="How long a question and its answer are kept."
    )
    audit_retention_days: int = Field(
        0, ge=0, description="Remove audit events older than this; 0: keep them for ever."
    )
