"""Run a pipeline over many stored studies, a few at a time; pause, go on, cancel."""

from functools import partial
from typing import Annotated

from fastapi import Path, Response

from api.access.policy import ADMINS, policy
from api.access.principal import PrincipalDep
from api.audit_rules import UIDS_ALONE, Audited
from api.deps import StorageDep
from api.jobs.priority import priority_number
from api.lists.cursors import CursorPagingDep
from api.parameters import problems
from api.request_rules.enum_spelling import RunStudyStateWord
from api.retrospective_runs.schemas import (
    NewRun,
    RunAnswer,
    RunCounts,
    RunPage,
    RunPayload,
    RunStudyPage,
    RunStudyPayload,
    StudyConditions,
)
from api.router_factory import new_router
from inference.broker.notify import wake
from inference.retrospective_runs import starting
from inference.retrospective_runs.starting import (
    check_pipeline,
    studies_that_match,
)
from storage.audit import Code
from storage.core.clock import utcnow
from storage.retrospective_runs.entities import RetrospectiveRun, RunStudy
from storage.retrospective_runs.repository import IN_TURN, NEWEST_RUNS, RetrospectiveRuns

router = new_router(prefix="/api/runs", tags=["runs"])

RunId = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,64}$", description="The run's id.")]
_STARTED = Audited(Code.PROCEDURE_RECORD, "C", with_change=True)
_CHANGED = Audited(Code.PROCEDURE_RECORD, "U", with_change=True)


@router.post(
    "", status_code=202, summary="Run a pipeline over stored studies", responses=problems(404, 413)
)
@policy(ADMINS, "admin", _STARTED)
def start_run(
    response: Response, storage: StorageDep, principal: PrincipalDep, wanted: NewRun
) -> RunAnswer:
    """Over all studies that match now, a few at a time, after everything else that waits.

    The pipeline decides on each series as on a person's request; a job that is there already is not
    made again. Unless `sends_results`, results stay here, and neither reports nor alerts are made
    of them.
    """
    text, conditions = wanted.studies.q, wanted.studies.filter()
    if wanted.dry_run:
        check_pipeline(storage, wanted.pipeline)
        response.status_code = 200
        return RunAnswer(matching=studies_that_match(storage, text, conditions)[1], run=None)
    run = starting.start_run(
        storage,
        wanted.pipeline,
        text,
        conditions,
        wanted.studies.model_dump(mode="json", exclude_defaults=True),
        at_once=wanted.at_once,
        priority=priority_number(wanted.priority),
        sends_results=wanted.sends_results,
        started_by=principal.name,
        now=utcnow(),
    )
    wake(storage.settings)
    response.headers["Location"] = f"/api/runs/{run.run_id}"
    payload = _payload(storage.retrospective_runs, run)
    return RunAnswer(matching=payload.total, run=payload)


@router.get("", summary="List runs over stored studies")
@policy(ADMINS, "admin", UIDS_ALONE)
def list_runs(storage: StorageDep, paging: CursorPagingDep) -> RunPage:
    """The newest first."""
    rows, total = storage.retrospective_runs.page(
        paging.limit, paging.offset, beyond=paging.beyond(NEWEST_RUNS)
    )
    counts = storage.retrospective_runs.counts([one.run_id for one in rows])
    items = [_with_counts(one, counts[one.run_id]) for one in rows]
    return paging.page_of(RunPage, items, total, rows, NEWEST_RUNS)


@router.get("/{run_id}", summary="How far a run is", responses=problems(404))
@policy(ADMINS, "admin", UIDS_ALONE)
def get_run(storage: StorageDep, run_id: RunId) -> RunPayload:
    return _payload(storage.retrospective_runs, storage.retrospective_runs.get(run_id))


@router.get("/{run_id}/studies", summary="List the studies of a run", responses=problems(404))
@policy(ADMINS, "admin", UIDS_ALONE)
def list_studies_of_run(
    storage: StorageDep,
    run_id: RunId,
    paging: CursorPagingDep,
    state: RunStudyStateWord | None = None,
) -> RunStudyPage:
    """In the order in which their turn comes."""
    storage.retrospective_runs.get(run_id)
    return paging.read(
        RunStudyPage, IN_TURN, partial(storage.retrospective_runs.studies, run_id, state), _study
    )


@router.post("/{run_id}/pause", summary="Pause a run", responses=problems(404, 409))
@policy(ADMINS, "admin", _CHANGED)
def pause_run(storage: StorageDep, run_id: RunId) -> RunPayload:
    """Nothing new is begun; jobs that are there go on."""
    runs = storage.retrospective_runs
    return _payload(runs, runs.change_state(run_id, ("RUNNING",), "PAUSED", utcnow()))


@router.post("/{run_id}/resume", summary="Go on with a run", responses=problems(404, 409))
@policy(ADMINS, "admin", _CHANGED)
def resume_run(storage: StorageDep, run_id: RunId) -> RunPayload:
    runs = storage.retrospective_runs
    run = runs.change_state(run_id, ("PAUSED",), "RUNNING", utcnow())
    wake(storage.settings)
    return _payload(runs, run)


@router.post("/{run_id}/cancel", summary="Cancel a run", responses=problems(404, 409))
@policy(ADMINS, "admin", _CHANGED)
def cancel_run(storage: StorageDep, principal: PrincipalDep, run_id: RunId) -> RunPayload:
    """What waits is not begun, and jobs of its own that no worker has begun are cancelled.

    Results that are there stay.
    """
    run = starting.cancel_run(storage, run_id, principal.name, utcnow())
    return _payload(storage.retrospective_runs, run)


def _payload(runs: RetrospectiveRuns, run: RetrospectiveRun) -> RunPayload:
    return _with_counts(run, runs.counts([run.run_id])[run.run_id])


def _with_counts(run: RetrospectiveRun, counts: dict[str, int]) -> RunPayload:
    return RunPayload(
        run_id=run.run_id,
        pipeline=run.pipeline,
        state=run.state,
        studies=StudyConditions.model_validate(run.query),
        at_once=run.at_once,
        priority=run.priority,
        sends_results=run.sends_results,
        started_by=run.started_by,
        created_at=run.created_at,
        ended_at=run.ended_at,
        total=sum(counts.values()),
        counts=RunCounts(**{state.lower(): count for state, count in counts.items()}),
    )


def _study(one: RunStudy) -> RunStudyPayload:
    return RunStudyPayload(
        study_instance_uid=one.study_instance_uid,
        state=one.state,
        job_ids=list(one.job_ids),
        reason=one.reason,
        updated_at=one.updated_at,
    )
