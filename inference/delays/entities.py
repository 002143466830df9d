"""What holds a study back."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Cause = Literal[
    "disk_full",
    "control_worker_away",
    "instances_missing",
    "host_away",
    "copying",
    "receiving",
    "worker_lost",
    "job_running",
    "job_retried",
    "worker_away",
    "job_queued",
    "rules_unreadable",
    "undecided",
    "job_failed",
    "job_cancelled",
    "imported",
    "model_not_ready",
    "excluded_by_rules",
    "input_missing",
    "no_pipeline_fits",
    "no_destination",
    "destination_removed",
    "awaiting_release",
    "withheld",
    "not_sent",
    "destination_unreachable",
    "destination_refuses",
    "sending",
    "delivery_queued",
    "proof_awaited",
    "in_no_group",
    "rejection_ignored",
    "nothing",
]


@dataclass(frozen=True)
class Delay:
    cause: Cause
    sentence: str
    """For people; names nobody and no attribute of the patient."""
    since: datetime | None = None
    """How long it has been so."""
    expected_at: datetime | None = None
    """When something happens by itself next, where that is known."""
