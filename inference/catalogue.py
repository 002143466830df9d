"""The pipelines of the box. Free of torch: models are imported when they run."""

from inference.bundles.installed import installed_bundles
from inference.pipeline import Acceptance, Pipeline, PipelineContext, PipelineOutput, Readiness
from inference.pipelines.brain_structures import BrainStructures
from inference.pipelines.brain_volume import BrainVolume
from inference.pipelines.image_classification import ImageClassification
from inference.pipelines.lung_density import LungDensity
from inference.pipelines.monai_bundle import MonaiBundle
from storage.errors import NotFound
from storage.settings import Settings

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
        ImageClassification(settings.hf_img_cls_model),
        *(MonaiBundle(bundle) for bundle in installed_bundles(settings)),
    )


def pipeline_named(settings: Settings, name: str) -> Pipeline:
    """The pipeline of that name. Raises NotFound naming those that exist."""
    pipelines = catalogue(settings)
    for pipeline in pipelines:
        if pipeline.name == name:
            return pipeline
    known = ", ".join(pipeline.name for pipeline in pipelines)
    raise NotFound(f"There is no pipeline named {name}.", remedy=f"Use one of: {known}.")
