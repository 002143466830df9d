"""How models do over time: agreement of shadows, and drift."""

from dataclasses import asdict

from api.access.policy import ADMINS, READERS, policy
from api.access.principal import PrincipalDep
from api.audit_rules import MODEL_CHANGED, PUBLIC
from api.deps import StorageDep
from api.models.monitoring_schemas import (
    AgreementList,
    AgreementPayload,
    BaselinePayload,
    DriftList,
    NewBaseline,
    ShiftPayload,
)
from api.models.routes import Name
from api.parameters import NameFilter, problems
from api.router_factory import new_router
from inference.model_registry.drift import Shift, all_shifts
from inference.model_registry.status import models_named, standing_named
from inference.scheduling.shadow_agreement import summarised
from storage.core.clock import utcnow

router = new_router(prefix="/api", tags=["models"])


@router.get(
    "/models/{name}/agreement",
    summary="How far shadows agree with the active version",
    responses=problems(404),
)
@policy(READERS, "api:read", PUBLIC)
def get_agreement(storage: StorageDep, name: Name) -> AgreementList:
    """By version that has run as a shadow; of what it found, only numbers."""
    items = []
    for version in dict.fromkeys(
        one.pipeline.card.version
        for one in models_named(storage.settings, storage.model_states, name)
    ):
        runs = storage.shadow_runs.of_model(name, version)
        if runs:
            items.append(AgreementPayload(version=version, **asdict(summarised(runs))))
    return AgreementList(items=items)


@router.get("/drift", summary="Whether what pipelines see and give has shifted")
@policy(READERS, "api:read", PUBLIC)
def get_drift(storage: StorageDep, pipeline: NameFilter = None) -> DriftList:
    """Every measure of every scanner of which there are jobs enough: 30 and 30."""
    return DriftList(
        items=[ShiftPayload(**_stated(one)) for one in all_shifts(storage.drift, pipeline)]
    )


@router.post("/drift/baseline", summary="Begin a new baseline", responses=problems(404))
@policy(ADMINS, "admin", MODEL_CHANGED)
def set_baseline(
    storage: StorageDep, principal: PrincipalDep, wanted: NewBaseline
) -> BaselinePayload:
    """After a change that is meant, such as another protocol; alerts up to now are settled."""
    standing_named(storage.settings, storage.model_states, wanted.pipeline)
    since = utcnow()
    storage.drift.set_baseline(wanted.pipeline, wanted.pipeline_version, since, principal.name)
    return BaselinePayload(
        pipeline=wanted.pipeline,
        pipeline_version=wanted.pipeline_version,
        since=since,
        set_by=principal.name,
    )


def _stated(shift: Shift) -> dict[str, object]:
    return {**vars(shift), "alerts": shift.alerts}
