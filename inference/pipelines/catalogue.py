"""The pipelines of the box, a line for each, and those of installed models and packages.

Free of torch: models are imported when they run.
"""

import sys
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points

import structlog

from inference.bundles.installed import (
    installed_bundles,
    installed_containers,
    installed_image_models,
    installed_nninteractives,
    installed_nnunets,
    installed_rules,
)
from inference.containers.description import ContainerDescription
from inference.pipeline import (
    Acceptance,
    Pipeline,
    PipelineContext,
    PipelineOutput,
    Readiness,
    contract_version_of,
    is_known,
)
from inference.pipelines.brain.brain_structures import BrainStructures
from inference.pipelines.brain.brain_volume import BrainVolume
from inference.pipelines.chest.lung_density import LungDensity
from inference.pipelines.container_images import ContainerOfImages, ContainerOfImageSet
from inference.pipelines.container_model import ContainerPipeline
from inference.pipelines.monai_bundle import MonaiBundle
from inference.pipelines.nninteractive_model import NninteractivePipeline
from inference.pipelines.nnunet_model import NnunetPipeline
from inference.pipelines.result_rule import ResultRule
from inference.pipelines.single_images.bundle import BundleOfImages
from inference.pipelines.single_images.classification import ImageClassification
from inference.pipelines.single_images.film_field import FilmField
from inference.pipelines.single_images.model import ImageModelPipeline
from inference.pipelines.single_images.segmentation import ImageSegmentation
from inference.pipelines.single_images.several import ImageSetPipeline
from inference.pipelines.unknown_contract import UnknownContract
from inference.single_images.description import ImageModelDescription
from storage.core.errors import NotFound
from storage.settings import Settings

_ENTRY_POINTS = "mediview.pipelines"
log = structlog.get_logger(__name__)

__all__ = [
    "Acceptance",
    "Pipeline",
    "PipelineContext",
    "PipelineOutput",
    "Readiness",
    "catalogue",
    "pipeline_named",
]


def catalogue(settings: Settings) -> tuple[Pipeline, ...]:
    """Every pipeline, ready or not, in the order in which they are offered a series."""
    return (
        BrainVolume(),
        BrainStructures(settings),
        LungDensity(),
        FilmField(),
        ImageClassification(settings),
        ImageSegmentation(settings),
        *(MonaiBundle(bundle) for bundle in installed_bundles(settings)),
        *(NnunetPipeline(model) for model in installed_nnunets(settings)),
        *(NninteractivePipeline(model) for model in installed_nninteractives(settings)),
        *(_in_container(model, settings) for model in installed_containers(settings)),
        *(ResultRule(model) for model in installed_rules(settings)),
        *(_of_images(model) for model in installed_image_models(settings)),
        *_of_other_packages(settings),
    )


def _in_container(model: ContainerDescription, settings: Settings) -> Pipeline:
    if model.card.container.takes == "images":
        return (ContainerOfImageSet if model.card.inputs else ContainerOfImages)(model, settings)
    return ContainerPipeline(model, settings)


def _of_images(model: ImageModelDescription) -> Pipeline:
    if model.format == "bundle":
        return BundleOfImages(model)
    return ImageSetPipeline(model) if model.card.inputs else ImageModelPipeline(model)


def pipeline_named(settings: Settings, name: str) -> Pipeline:
    """The pipeline of that name. Raises NotFound naming those that exist."""
    pipelines = catalogue(settings)
    for pipeline in pipelines:
        if pipeline.name == name:
            return pipeline
    known = ", ".join(pipeline.name for pipeline in pipelines)
    raise NotFound(f"There is no pipeline named {name}.", remedy=f"Use one of: {known}.")


def _of_other_packages(settings: Settings) -> list[Pipeline]:
    """Pipelines that installed packages name in their entry points (`docs/pipelines.md`)."""
    found: list[Pipeline] = []
    for entry in _named_by_packages(tuple(sys.path)):
        try:
            found.append(_of_entry(entry, settings))
        except Exception as error:  # noqa: BLE001 - other people's code; the box works without it
            log.warning("pipeline_unusable", entry_point=entry.name, error=type(error).__name__)
    return found


def _of_entry(entry: EntryPoint, settings: Settings) -> Pipeline:
    make = entry.load()
    # Before it is called: a later contract may hand over something else than the settings.
    stated = contract_version_of(make)
    if not is_known(stated):
        return UnknownContract(entry.name, stated)
    pipeline: Pipeline = make(settings)
    # Of a function that makes one, the pipeline itself says it.
    stated = contract_version_of(pipeline)
    return pipeline if is_known(stated) else UnknownContract(entry.name, stated)


@lru_cache(maxsize=1)
def _named_by_packages(_: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """Reads hundreds of folders, and every round of the clock asks; `_` is the path they are on."""
    return tuple(entry_points(group=_ENTRY_POINTS))
