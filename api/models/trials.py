"""Trials of models on stored studies, which a worker runs: asked for, followed, discarded."""

from typing import Annotated

from fastapi import Path, Query, Request, Response

from api.access.policy import ADMINS, policy
from api.access.principal import PrincipalDep
from api.audit.middleware import name_studies
from api.audit_rules import UIDS_ALONE, Audited
from api.deps import StorageDep
from api.models.first_run import check_first_run
from api.models.serializers import trial_payload
from api.models.trial_schemas import (
    ModelTrialDetail,
    ModelTrialList,
    ModelTrialPayload,
    NewModelTrial,
    TrialProblemPayload,
)
from api.parameters import problems
from api.router_factory import new_router
from inference.broker.notify import wake
from inference.model_registry.status import model_of
from storage.audit import Code
from storage.core.clock import utcnow
from storage.model_registry.trials import ModelTrial

router = new_router(prefix="/api/model-trials", tags=["models"])

TrialId = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,64}$", description="The trial's id.")]
_ASKED = Audited(Code.INSTANCES_ACCESSED, "R", via="models try")
_DISCARDED = Audited(Code.INSTANCES_ACCESSED, "D", via="models try")
_LOOKED_AT = Audited(Code.INSTANCES_ACCESSED, "R", via="models try", repeated=True)


@router.post(
    "", status_code=202, summary="Ask for a trial of a model", responses=problems(404, 409, 429)
)
@policy(ADMINS, "admin", _ASKED)
def ask_for_trial(
    request: Request,
    response: Response,
    storage: StorageDep,
    principal: PrincipalDep,
    wanted: NewModelTrial,
) -> ModelTrialPayload:
    """Let a worker run a model, in whatever state it is, on each series of a study that it takes.

    No result is stored or sent. `GET` says how far it is, and what came of it for an hour. One that
    is not verified is tried by people alone, who confirm it: what it brings has never run here.
    """
    name_studies(request, wanted.study_instance_uid)
    # Only what the caller may see; the worker has no caller.
    storage.index.study(wanted.study_instance_uid)
    standing = model_of(storage.settings, storage.model_states, wanted.model, wanted.version)
    check_first_run(storage.confirmations, principal, standing, "try")
    card = standing.pipeline.card
    trial = storage.model_trials.ask(
        (card.name, card.version),
        standing.pipeline.name,
        wanted.study_instance_uid,
        principal.name,
        utcnow(),
    )
    wake(storage.settings)
    response.headers["Location"] = f"/api/model-trials/{trial.trial_id}"
    return _payload(trial)


@router.get("", summary="List trials of a model")
@policy(ADMINS, "admin", UIDS_ALONE)
def list_trials(
    storage: StorageDep,
    model: Annotated[str, Query(max_length=160, pattern=r"^[^\x00-\x1f]+$")],
    version: Annotated[str | None, Query(max_length=80, pattern=r"^[^\x00-\x1f]*$")] = None,
) -> ModelTrialList:
    """Those of the last hour, the newest first."""
    found = storage.model_trials.of_model(model, version, utcnow())
    return ModelTrialList(items=[_payload(one) for one in found])


@router.get("/{trial_id}", summary="What came of a trial", responses=problems(404))
@policy(ADMINS, "admin", _LOOKED_AT)
def get_trial(request: Request, storage: StorageDep, trial_id: TrialId) -> ModelTrialDetail:
    """Its state, and once it is done each series with why it was taken or not, and a picture."""
    trial = storage.model_trials.get(trial_id, utcnow())
    name_studies(request, trial.study_instance_uid)
    tried = storage.model_trials.series(trial_id) if trial.state == "done" else []
    return ModelTrialDetail(
        **_payload(trial).model_dump(), items=[trial_payload(one) for one in tried]
    )


@router.delete("/{trial_id}", status_code=204, summary="Discard a trial", responses=problems(404))
@policy(ADMINS, "admin", _DISCARDED)
def discard_trial(request: Request, storage: StorageDep, trial_id: TrialId) -> Response:
    """What it showed is forgotten now; one that runs comes to nothing."""
    trial = storage.model_trials.get(trial_id, utcnow())
    name_studies(request, trial.study_instance_uid)
    storage.model_trials.discard(trial_id)
    return Response(status_code=204)


def _payload(trial: ModelTrial) -> ModelTrialPayload:
    return ModelTrialPayload(
        trial_id=trial.trial_id,
        model=trial.model,
        version=trial.model_version,
        study_instance_uid=trial.study_instance_uid,
        state=trial.state,
        problem=TrialProblemPayload(**trial.problem) if trial.problem else None,
        asked_by=trial.asked_by,
        asked_at=trial.asked_at,
        ended_at=trial.ended_at,
        took_s=trial.took_ms / 1000 if trial.state == "done" else None,
        memory_bytes=trial.memory_bytes if trial.state == "done" else None,
    )
