"""The models that segment what a person clicks. Free of torch."""

from __future__ import annotations

from collections.abc import Sequence

from inference.bundles.configuration import reads_guidance, takes_clicks
from inference.bundles.installed import installed_bundles, installed_nninteractives
from inference.models.description import ModelDescription
from inference.nninteractive.description import NninteractiveDescription
from inference.nninteractive.info import Kind
from inference.pipeline import Pipeline, PipelineContext, PipelineOutput
from inference.pipelines.added_model import AddedModel
from inference.pipelines.monai_bundle import MonaiBundle
from inference.pipelines.nninteractive_model import NninteractivePipeline
from storage.core.errors import InvalidRequest, NotFound
from storage.settings import Settings


class ClickModel(AddedModel):
    """An added model as what stands behind masks that a person clicked: `click-NAME`.

    Of a bundle its results are apart from those of the bundle itself, which runs by rule and
    without clicks.
    """

    def __init__(self, model: ModelDescription) -> None:
        super().__init__(model)
        self.name = f"click-{model.name}"
        self.description = f"{model.description} By the clicks of a person."

    @property
    def model(self) -> ModelDescription:
        return self._model

    @property
    def self_tested(self) -> Pipeline:
        """What of the model passes the self-test."""
        if isinstance(self._model, NninteractiveDescription):
            return NninteractivePipeline(self._model)
        return MonaiBundle(self._model)

    @property
    def interactions(self) -> tuple[Kind, ...]:
        """What it can be shown."""
        if isinstance(self._model, NninteractiveDescription):
            return self._model.info.kinds
        return ("point", "box")

    @property
    def takes_initial_mask(self) -> bool:
        """Whether it can begin with a mask that is there, and correct it. The networks of DeepEdit
        and VISTA3D have no input for one."""
        return isinstance(self._model, NninteractiveDescription) and (
            self._model.info.supports_initial_label
        )

    @property
    def needs_structure(self) -> bool:
        """Whether it segments what it has a name for alone, as DeepEdit does."""
        file = self._model.inference_file
        return file is not None and reads_guidance(file)

    @property
    def structures(self) -> tuple[str, ...]:
        return tuple(self._model.labels.values())

    def structure(self, name: str) -> str:
        """The model's own word for a structure; its only one where none is named.

        Raises InvalidRequest for one that it does not know.
        """
        if not name:
            if not self.needs_structure:
                return ""
            if len(self.structures) == 1:
                return self.structures[0]
        for one in self.structures:
            if one.lower() == name.lower():
                return one
        what = f"knows no {name}" if name else "needs the name of a structure"
        raise InvalidRequest(
            f"{self.title} {what}.", remedy=f"It knows {', '.join(self.structures[:20])}."
        )

    def value_of(self, structure: str) -> int | None:
        return next((value for value, one in self._model.labels.items() if one == structure), None)

    def run(self, context: PipelineContext) -> PipelineOutput:
        raise InvalidRequest(
            f"{self.name} works by clicks and is no job.",
            remedy="Open a session: POST /api/v1/interactive/sessions.",
        )


def click_models(settings: Settings) -> tuple[ClickModel, ...]:
    """All that were added and segment one volume by clicks, ready or not."""
    bundles = [one for one in installed_bundles(settings) if _takes_clicks(one)]
    return tuple(ClickModel(one) for one in (*bundles, *installed_nninteractives(settings)))


def click_model_named(models: Sequence[ClickModel], name: str, version: str = "") -> ClickModel:
    """By its own name, or as the bundle is called. Raises NotFound naming those that exist."""
    for one in models:
        if name in (one.name, one.model.name) and version in ("", one.version):
            return one
    known = ", ".join(dict.fromkeys(one.name for one in models))
    raise NotFound(
        f"There is no interactive model named {name}."
        if known
        else "This node has no interactive model.",
        remedy=f"Use one of: {known}."
        if known
        else "Add a bundle in the manner of DeepEdit or VISTA3D, or a model of nnInteractive:"
        " mediview models add FOLDER.",
    )


def click_pipeline(settings: Settings, name: str, version: str) -> Pipeline | None:
    """What stands behind a mask that was clicked, as long as the model is installed."""
    return next(
        (one for one in click_models(settings) if (one.name, one.version) == (name, version)), None
    )


def _takes_clicks(model: ModelDescription) -> bool:
    file = model.inference_file
    return (
        file is not None
        and model.kind == "segmentation"
        and not model.card.inputs
        and takes_clicks(file)
    )
