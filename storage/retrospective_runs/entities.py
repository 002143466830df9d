"""A run and its studies."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

RunState = Literal["RUNNING", "PAUSED", "COMPLETED", "CANCELLED"]
OPEN_RUNS: tuple[RunState, ...] = ("RUNNING", "PAUSED")
RunStudyState = Literal["WAITING", "STARTED", "COMPLETED", "REFUSED", "FAILED", "CANCELLED"]
RUN_STUDY_STATES: tuple[RunStudyState, ...] = get_args(RunStudyState)


@dataclass(frozen=True)
class RetrospectiveRun:
    run_id: str
    pipeline: str
    query: Mapping[str, Any]
    """By which conditions the studies were chosen when it was started."""
    state: RunState
    at_once: int
    """Of how many studies jobs wait or run at a time."""
    priority: int
    """Of its jobs."""
    sends_results: bool
    """Whether results leave, and reports and alerts are made of them, as of any other job."""
    started_by: str
    created_at: datetime
    updated_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True)
class RunStudy:
    run_id: str
    study_instance_uid: str
    position: int
    state: RunStudyState
    job_ids: tuple[str, ...]
    """Those that the run made."""
    reason: str
    """Why nothing was made, or what failed."""
    updated_at: datetime
