"""The catalogue: what runs here, by which model, and whether it could run now."""

from api.access.policy import READERS, policy
from api.audit_rules import PUBLIC
from api.deps import StorageDep
from api.findings.serializers import model_url
from api.jobs.pipeline_schemas import PipelineList, PipelineModel, PipelinePayload
from api.router_factory import new_router
from inference.model_registry.status import Standing, offered

router = new_router(prefix="/api/pipelines", tags=["pipelines"])


@router.get("", summary="List the pipelines")
@policy(READERS, "api:read", PUBLIC)
def list_pipelines(storage: StorageDep) -> PipelineList:
    """Every pipeline with its model, ready or not; of several versions the active one."""
    return PipelineList(
        items=[_payload(standing) for standing in offered(storage.settings, storage.model_states)]
    )


def _payload(standing: Standing) -> PipelinePayload:
    pipeline = standing.pipeline
    readiness = pipeline.readiness()
    card = pipeline.card
    return PipelinePayload(
        name=pipeline.name,
        version=pipeline.version,
        title=pipeline.title,
        description=pipeline.description,
        accepts=pipeline.accepts_text,
        input_kind=pipeline.input_kind,
        model=PipelineModel(
            name=card.name,
            version=card.version,
            licence=card.licence,
            sha256=card.sha256,
            intended_use=card.intended_use,
        ),
        model_url=model_url(pipeline.name, pipeline.version),
        ready=readiness.ready and not standing.blocked,
        detail=standing.blocked if readiness.ready else readiness.detail,
    )
