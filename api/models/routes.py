"""The models behind the pipelines: cards for all, decisions for administrators."""

from typing import Annotated

import structlog
from fastapi import Path
from pydantic import Field

from api.access.policy import ADMINS, READERS, policy
from api.access.principal import PrincipalDep
from api.audit_rules import MODEL_CHANGED, PUBLIC
from api.base_schemas import RequestBody
from api.deps import StorageDep
from api.models.by_worker import ended_trial, raise_problem
from api.models.first_run import check_first_run
from api.models.schemas import ModelDetail, ModelList
from api.models.serializers import model_detail, model_payloads
from api.parameters import NameFilter, problems
from api.router_factory import new_router
from inference.model_registry import transitions as deciding
from inference.model_registry.status import Standing, model_of, standings
from inference.model_registry.verification import note_failed, note_verified
from inference.models.card import Proof
from inference.refusals import ModelUnusable
from storage.model_registry.registry import ModelStates
from storage.settings import Settings

log = structlog.get_logger(__name__)

router = new_router(prefix="/api/models", tags=["models"])

Name = Annotated[
    str, Path(max_length=160, pattern=r"^[^\x00-\x1f/]+$", description="The model's name.")
]

Version = Annotated[
    str, Path(max_length=80, pattern=r"^[^\x00-\x1f/]+$", description="As it is listed.")
]


class ModelOrder(RequestBody):
    """Which version is meant; needed only where there are several."""

    version: str | None = Field(None, max_length=80, pattern=r"^[^\x00]*$", examples=["1.0.2"])
    reason: str = Field("", max_length=500, pattern=r"^[^\x00-\x1f]*$")


@router.get("", summary="List the models")
@policy(READERS, "api:read", PUBLIC)
def list_models(
    storage: StorageDep, pipeline: NameFilter = None, pipeline_version: NameFilter = None
) -> ModelList:
    """Every version of every model, and why one is not ready; or those of a result."""
    found = [
        one
        for one in standings(storage.settings, storage.model_states)
        if pipeline in (None, one.pipeline.name)
        and pipeline_version in (None, one.pipeline.version)
    ]
    return ModelList(items=model_payloads(found), uploads=storage.settings.model_uploads)


@router.get("/{name}", summary="One model in all its versions", responses=problems(404))
@policy(READERS, "api:read", PUBLIC)
def get_model(storage: StorageDep, name: Name) -> ModelDetail:
    """Card and state of each version, the active one first, and its history."""
    return model_detail(storage.settings, storage.model_states, name)


@router.post("/{name}/verify", summary="Prove a model", responses=problems(404, 409, 422, 429))
@policy(ADMINS, "admin", MODEL_CHANGED)
def verify_model(
    storage: StorageDep, principal: PrincipalDep, name: Name, order: ModelOrder | None = None
) -> ModelDetail:
    """Let a worker check the digests and run the self-test, one at a time on a host.

    422 `model_unusable` says what it failed at; it is out of use then. One that nobody has verified
    before is verified by people alone, who confirm it: what it brings has never run here.
    """
    chosen = _chosen(storage.settings, storage.model_states, name, order)
    check_first_run(storage.confirmations, principal, chosen, "verify")
    tested = ended_trial(storage, chosen, "", principal.name, f"The self-test of {name}")
    if tested.problem and tested.problem["code"] == "self_test_failed":
        note_failed(storage.model_states, chosen, tested.problem["detail"], principal.name)
    raise_problem(tested)
    proof = tested.proof
    if proof is None or proof["digest"] != chosen.pipeline.card.digest:
        raise ModelUnusable(
            f"The worker has other files of {name} than this process.",
            remedy="Wait until it has fetched them, or compare MEDIVIEW_MODELS_DIR of both.",
        )
    shown = Proof(proof["answer"], proof["detail"])
    note_verified(storage.model_states, chosen, shown, principal.name)
    return _answer(storage.settings, storage.model_states, chosen, "verified")


@router.post("/{name}/activate", summary="Activate a model", responses=problems(404, 409))
@policy(ADMINS, "admin", MODEL_CHANGED)
def activate_model(
    storage: StorageDep, principal: PrincipalDep, name: Name, order: ModelOrder | None = None
) -> ModelDetail:
    """Let a verified version make results; the one that did so is retired.

    409 `model_held` where it is not verified, or where the gate of its card does not open;
    the problem names the metric, its value and the threshold.
    """
    chosen = _chosen(storage.settings, storage.model_states, name, order)
    deciding.activate(storage.model_states, storage.shadow_runs, chosen, principal.name)
    return _answer(storage.settings, storage.model_states, chosen, "active")


@router.post("/{name}/shadow", summary="Run a model as a shadow", responses=problems(404, 409))
@policy(ADMINS, "admin", MODEL_CHANGED)
def shadow_model(
    storage: StorageDep, principal: PrincipalDep, name: Name, order: ModelOrder | None = None
) -> ModelDetail:
    """Let a verified version run beside the active one, neither shown nor sent."""
    chosen = _chosen(storage.settings, storage.model_states, name, order)
    deciding.shadow(storage.model_states, storage.shadow_runs, chosen, principal.name)
    return _answer(storage.settings, storage.model_states, chosen, "shadow")


@router.post("/{name}/retire", summary="Retire a model", responses=problems(404, 409))
@policy(ADMINS, "admin", MODEL_CHANGED)
def retire_model(
    storage: StorageDep, principal: PrincipalDep, name: Name, order: ModelOrder | None = None
) -> ModelDetail:
    """Let a version run no more; what it has found stays."""
    chosen = _chosen(storage.settings, storage.model_states, name, order)
    deciding.retire(
        storage.model_states,
        storage.shadow_runs,
        chosen,
        principal.name,
        order.reason if order else "",
    )
    return _answer(storage.settings, storage.model_states, chosen, "retired")


def _chosen(
    settings: Settings, model_states: ModelStates, name: str, order: ModelOrder | None
) -> Standing:
    return model_of(settings, model_states, name, order.version if order else None)


def _answer(
    settings: Settings, model_states: ModelStates, chosen: Standing, became: str
) -> ModelDetail:
    card = chosen.pipeline.card
    log.info("model_changed", model=card.name, version=card.version, became=became)
    return model_detail(settings, model_states, card.name)
