"""The node, and the pipelines whose findings it holds, as they are read and searched."""

from sqlalchemy import Engine

from api.errors import ApiProblem
from inference.fhir.device import node_device, pipeline_device, why_not
from inference.fhir.resources import Device
from inference.pipeline import Pipeline
from inference.pipelines.catalogue import catalogue
from storage.findings.search import pipelines_seen
from storage.settings import Settings


def known_pipelines(settings: Settings, engine: Engine) -> list[tuple[str, str]]:
    """Name and version of those in the catalogue, and of those that stated something before."""
    here = [(one.name, one.version) for one in catalogue(settings)]
    return list(dict.fromkeys([*here, *pipelines_seen(engine)]))


def devices(settings: Settings, engine: Engine) -> list[Device]:
    """The node first."""
    installed = {(one.name, one.version): one for one in catalogue(settings)}
    return [
        node_device(settings),
        *(
            _pipeline(name, number, installed.get((name, number)))
            for name, number in known_pipelines(settings, engine)
        ),
    ]


def device(settings: Settings, engine: Engine, resource_id: str) -> Device:
    for one in devices(settings, engine):
        if one.id == resource_id:
            return one
    raise ApiProblem(
        404,
        "not_found",
        "There is no device of that id.",
        remedy="GET /fhir/Device lists them.",
    )


def _pipeline(name: str, number: str, pipeline: Pipeline | None) -> Device:
    return pipeline_device(name, number, pipeline, why_inactive=why_not(pipeline))
