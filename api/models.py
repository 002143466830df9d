"""The models behind the pipelines: card, licence, version, digest, and whether each runs here."""

from fastapi import APIRouter

from api.deps import SettingsDep
from api.payloads.models import ModelFilePayload, ModelList, ModelPayload
from inference.catalogue import Pipeline, catalogue

router = APIRouter(prefix="/api/models", tags=["pipelines"])


@router.get("", summary="List the models")
def list_models(settings: SettingsDep) -> ModelList:
    """Every model of the catalogue, ready or not, with why not."""
    using: dict[tuple[str, str], list[Pipeline]] = {}
    for pipeline in catalogue(settings):
        using.setdefault((pipeline.card.name, pipeline.card.version), []).append(pipeline)
    return ModelList(items=[_payload(pipelines) for pipelines in using.values()])


def _payload(pipelines: list[Pipeline]) -> ModelPayload:
    card = pipelines[0].card
    readiness = pipelines[0].readiness()
    return ModelPayload(
        name=card.name,
        version=card.version,
        licence=card.licence,
        source=card.source,
        intended_use=card.intended_use,
        input_description=card.input_description,
        files=[ModelFilePayload(name=one.name, sha256=one.sha256) for one in card.files],
        pipelines=[pipeline.name for pipeline in pipelines],
        ready=readiness.ready,
        detail="" if readiness.ready else readiness.detail,
    )
