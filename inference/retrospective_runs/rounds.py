"""A few studies of each run have jobs at a time; where these have ended, the next ones follow."""

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import structlog

from inference.failures import explain, place
from inference.input_selection.study_inputs import inputs_of
from inference.model_registry.status import offered
from inference.pipeline import Pipeline
from inference.scheduling.schedule import SchedulingStorage, schedule_pipeline
from storage.container.has import HasRetrospectiveRuns
from storage.core.callers.visibility import as_node
from storage.core.entities import OPEN_STATES, Decision, Job
from storage.core.errors import NotFound, StateConflict, StorageFull, StorageUnavailable
from storage.core.text.outside_text import stored_reason
from storage.retrospective_runs.entities import RetrospectiveRun, RunStudy

log = structlog.get_logger(__name__)

# Headers are read for each study: other work of the round is not to wait for long.
_ROUND_S = 1.0
_THERE = "Its results were there already."


class RunStorage(SchedulingStorage, HasRetrospectiveRuns, Protocol):
    """What of the storage layer studies of runs are offered to their pipeline with."""


@as_node()
def work_on_runs(
    storage: RunStorage, now: datetime, pipelines: Sequence[Pipeline] | None = None
) -> int:
    """How many studies were begun.

    A run whose pipeline is not offered just now waits for it.
    """
    deadline = time.monotonic() + _ROUND_S
    begun = 0
    runs = storage.retrospective_runs.open_runs()
    known = (
        {
            one.pipeline.name: one
            for one in offered(storage.settings, storage.model_states, pipelines)
        }
        if runs
        else {}
    )
    for run in runs:
        open_studies = _settle(storage, run, now)
        if run.state != "RUNNING" or run.pipeline not in known:
            continue
        free = max(0, run.at_once - open_studies)
        waiting = storage.retrospective_runs.in_state(run.run_id, "WAITING", max(1, free))
        if not waiting and not open_studies:
            _complete(storage, run, now)
        for study in waiting[:free]:
            if time.monotonic() >= deadline:
                return begun
            try:
                _begin(storage, study, known[run.pipeline].pipeline, run.priority, now)
            except (StorageFull, StorageUnavailable) as error:
                log.warning("retrospective_run_waits", run_id=run.run_id, error=error.code)
                break
            begun += 1
    return begun


def _complete(storage: RunStorage, run: RetrospectiveRun, now: datetime) -> None:
    try:
        storage.retrospective_runs.change_state(run.run_id, ("RUNNING",), "COMPLETED", now)
    except StateConflict:
        return  # somebody paused or cancelled it meanwhile
    log.info("retrospective_run_completed", run_id=run.run_id)


def _settle(storage: RunStorage, run: RetrospectiveRun, now: datetime) -> int:
    """Note of which studies the jobs have ended; how many have open ones."""
    started = storage.retrospective_runs.in_state(run.run_id, "STARTED", run.at_once)
    uids = [one.study_instance_uid for one in started]
    of_studies = storage.jobs.of_studies(uids) if uids else {}
    still_open = 0
    for study in started:
        jobs = [one for one in of_studies[study.study_instance_uid] if one.pipeline == run.pipeline]
        if any(one.state in OPEN_STATES for one in jobs):
            still_open += 1
            continue
        own = [one for one in jobs if one.job_id in study.job_ids]
        failed = [one for one in own if one.status in ("FAILED", "CANCELLED")]
        if failed:
            storage.retrospective_runs.note(study, "FAILED", now, reason=failed[0].reason)
        else:
            storage.retrospective_runs.note(study, "COMPLETED", now)
    return still_open


def _begin(
    storage: RunStorage, study: RunStudy, pipeline: Pipeline, priority: int, now: datetime
) -> None:
    """Offer it to the pipeline. Raises StorageFull, StorageUnavailable."""
    uid = study.study_instance_uid
    note = storage.retrospective_runs.note
    before = {one.job_id: one for one in _jobs(storage, uid, pipeline)}
    try:
        decisions = _decisions(storage, uid, pipeline, priority)
    except (StorageFull, StorageUnavailable):
        raise
    except NotFound:
        note(study, "REFUSED", now, reason="The study was deleted.")
        return
    except Exception as error:  # noqa: BLE001 - one study must not hold up the others
        log.error("retrospective_study_failed", study_instance_uid=uid, place=place(error))
        note(study, "FAILED", now, reason=stored_reason(explain(error).sentence))
        return
    named = [one.job_id for one in decisions if one.accepted and one.job_id]
    if not named:
        reasons = dict.fromkeys(one.reason for one in decisions)
        why = next(iter(reasons), "No series of it is complete.")
        note(study, "REFUSED", now, reason=stored_reason(why))
        return
    now_there = {one.job_id: one for one in _jobs(storage, uid, pipeline)}
    made = [
        one
        for one in dict.fromkeys(named)
        if one not in before or before[one].status == "SUPERSEDED"
    ]
    if made or any(now_there[one].state in OPEN_STATES for one in named if one in now_there):
        note(study, "STARTED", now, job_ids=made)
        return
    failed = [before[one] for one in named if before[one].status in ("FAILED", "CANCELLED")]
    if failed:
        note(study, "FAILED", now, reason=failed[0].reason)
    else:
        note(study, "COMPLETED", now, reason=_THERE)


def _jobs(storage: RunStorage, study_instance_uid: str, pipeline: Pipeline) -> list[Job]:
    of_study = storage.jobs.of_studies([study_instance_uid])[study_instance_uid]
    return [one for one in of_study if one.pipeline == pipeline.name]


def _decisions(
    storage: RunStorage, study_instance_uid: str, pipeline: Pipeline, priority: int
) -> list[Decision]:
    """On each received series; of a pipeline that takes several, on behalf of any."""
    storage.index.study(study_instance_uid)
    found: list[Decision] = []
    for series in storage.index.series_of(study_instance_uid):
        if series.origin == "generated" or series.state != "COMPLETE":
            continue
        with storage.series_tries.trying(series):
            found.append(schedule_pipeline(storage, series, pipeline, priority))
        if inputs_of(pipeline):
            break
    return found
