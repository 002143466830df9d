"""Begin a run, and end one."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

import structlog

from inference.model_registry.status import standing_named
from storage.container.has import (
    HasIndex,
    HasJobs,
    HasModelStates,
    HasRetrospectiveRuns,
    HasSettings,
)
from storage.core.errors import InvalidRequest, LimitExceeded, NotFound
from storage.retrospective_runs.entities import OPEN_RUNS, RetrospectiveRun
from storage.studies.filter import StudyFilter

log = structlog.get_logger(__name__)

MOST_STUDIES = 50_000
MOST_AT_ONCE = 100
_PAGE = 1000


class StartingStorage(HasSettings, HasModelStates, HasIndex, HasRetrospectiveRuns, Protocol):
    """What of the storage layer runs are started with."""


def check_pipeline(storage: StartingStorage, name: str) -> None:
    """Raises NotFound, InvalidRequest where it takes no stored series, or may not run."""
    standing = standing_named(storage.settings, storage.model_states, name)
    if standing.pipeline.input_kind == "image":
        raise InvalidRequest(
            f"{standing.pipeline.title} takes uploaded pictures, not stored studies.",
            remedy="GET /api/pipelines says what each of them takes.",
        )
    if standing.blocked:
        raise InvalidRequest(standing.blocked, remedy="Make the model active first.")


def studies_that_match(
    storage: StartingStorage, text: str, wanted: StudyFilter
) -> tuple[list[str], int]:
    """UIDs, the newest first, `MOST_STUDIES` at most, and how many there are in all."""
    found: list[str] = []
    while True:
        page, total = storage.index.studies(_PAGE, len(found), text, where=wanted.conditions())
        found += [one.study_instance_uid for one in page]
        if len(page) < _PAGE or len(found) >= MOST_STUDIES:
            return found[:MOST_STUDIES], total


def start_run(
    storage: StartingStorage,
    pipeline: str,
    text: str,
    wanted: StudyFilter,
    query: Mapping[str, Any],
    *,
    at_once: int,
    priority: int,
    sends_results: bool,
    started_by: str,
    now: datetime,
) -> RetrospectiveRun:
    """Over what matches now. Raises NotFound, InvalidRequest where nothing does, LimitExceeded."""
    check_pipeline(storage, pipeline)
    # What arrives meanwhile is offered by itself.
    until = wanted.received_before or now
    found, total = studies_that_match(storage, text, replace(wanted, received_before=until))
    if not found:
        raise InvalidRequest("No study matches.", remedy="Ask for others.")
    if total > len(found):
        raise LimitExceeded(
            f"{total} studies match; a run takes {MOST_STUDIES} at most.",
            remedy="Divide them, by the date of the study for instance.",
        )
    run = storage.retrospective_runs.start(
        pipeline,
        query,
        found,
        at_once=at_once,
        priority=priority,
        sends_results=sends_results,
        started_by=started_by,
        now=now,
    )
    log.info("retrospective_run_started", run_id=run.run_id, pipeline=pipeline, count=len(found))
    return run


class CancellingStorage(HasJobs, HasRetrospectiveRuns, Protocol):
    """What of the storage layer runs are ended with."""


def cancel_run(storage: CancellingStorage, run_id: str, by: str, now: datetime) -> RetrospectiveRun:
    """What waits is not begun, and jobs of its own that nobody works on are cancelled.

    Results that are there stay. Raises NotFound, StateConflict where it has ended.
    """
    run = storage.retrospective_runs.change_state(run_id, OPEN_RUNS, "CANCELLED", now)
    for study in storage.retrospective_runs.in_state(run_id, "STARTED", MOST_AT_ONCE):
        for job_id in study.job_ids:
            try:
                if storage.jobs.get(job_id).state == "SCHEDULED":
                    storage.jobs.cancel(job_id, f"{by} cancelled the run over stored studies.", now)
            except NotFound:
                continue
        storage.retrospective_runs.note(study, "CANCELLED", now)
    log.info("retrospective_run_cancelled", run_id=run_id)
    return run
