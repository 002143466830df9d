"""The catalogue: what runs here, by which model, and whether it could run now."""

from fastapi import APIRouter

from api.deps import SettingsDep
from api.payloads.pipelines import PipelineList, PipelineModel, PipelinePayload
from inference.catalogue import Pipeline, catalogue

router = APIRouter(prefix="/api/pipelines", tags=["pipelines"])


@router.get("", summary="List the pipelines")
def list_pipelines(settings: SettingsDep) -> PipelineList:
    """Every pipeline with its model card, ready or not."""
    return PipelineList(items=[_payload(pipeline) for pipeline in catalogue(settings)])


def _payload(pipeline: Pipeline) -> PipelinePayload:
    readiness = pipeline.readiness()
    card = pipeline.card
    return PipelinePayload(
        name=pipeline.name,
        version=pipeline.version,
        title=pipeline.title,
        description=pipeline.description,
        accepts=pipeline.accepts_text,
        model=PipelineModel(
            name=card.name,
            version=card.version,
            licence=card.licence,
            sha256=card.sha256,
            intended_use=card.intended_use,
        ),
        ready=readiness.ready,
        detail="" if readiness.ready else readiness.detail,
    )
