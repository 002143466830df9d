"""A model that is given several images of a study at once, such as four mammographic views."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from pydicom.dataset import Dataset

from inference.pipeline import Acceptance, NamedInput, PipelineContext, PipelineOutput, ResultWanted
from inference.pipelines.single_images import acceptance
from inference.pipelines.single_images.model import ImageModelPipeline
from inference.pipelines.single_images.set_reading import SetReading
from inference.single_images.description import ImageModelDescription
from inference.single_images.networks import Served, at_work, load_network
from storage.core.entities import Instance, Series
from storage.core.errors import MediViewError


class ImageSetPipeline(ImageModelPipeline):
    """Classifies what several images of a study show together, each in its role, or segments or
    finds boxes in each by what all show."""

    def __init__(self, model: ImageModelDescription) -> None:
        super().__init__(model)
        card = model.card
        self.inputs = tuple(
            NamedInput(
                name,
                one.title or name,
                one.required,
                prior_of=one.prior_of,
                within_days=one.within_days or 0,
                result_of=None
                if one.result_of is None
                else ResultWanted(**one.result_of.model_dump()),
            )
            for name, one in card.inputs.items()
        )
        self.reference = card.reference
        titles = ", ".join(one.title for one in self.inputs)
        self.description = f"{card.model.name}: {model.kind} of {titles} together."
        self.accepts_text = card.accepts_text or f"Of one study: {titles}."

    @property
    def images_at_once(self) -> int:
        return len(self.inputs)

    @property
    def images_marked(self) -> int:
        """Masks and boxes are of the images of the study at hand."""
        return sum(one.is_image and not one.prior_of for one in self.inputs)

    def accepts_input(
        self, name: str, series: Series, instances: Sequence[Instance], headers: Sequence[Dataset]
    ) -> Acceptance:
        """The card's word on one image in that role, by its header."""
        return acceptance.of_role(self.takes(headers[0]), self._model.card.inputs, name, headers)

    def accepts(
        self, series: Series, instances: Sequence[Instance], headers: Sequence[Dataset]
    ) -> Acceptance:
        return acceptance.of_series_alone(self.title)

    def run(self, context: PipelineContext) -> PipelineOutput:
        """One answer about all images, or masks in each. Raises ImageRefused, LimitExceeded,
        ModelUnusable."""
        self._verify()
        started = time.perf_counter()
        context.on_progress("load_model", 0.05)
        network = load_network(self._model, self.card, context.settings.torch_threads)
        ready = time.perf_counter()
        context.on_progress(self._model.kind, 0.2)
        images = context.named_images
        try:
            output = SetReading(self._model, network, self.inputs, images, context.results).output()
        except MediViewError:
            raise
        except Exception as error:
            raise at_work(self._model, error) from error
        return replace(
            output,
            calibration=self._model.card.model.calibration,
            timings_s={"load_model": ready - started, "predict": time.perf_counter() - ready},
            derivation=self._derivation(),
            notes=(
                *(network.client.notes() if isinstance(network, Served) else ()),
                *self._absent({*images, *context.results}),
                *output.notes,
                self._calibration(),
            ),
        )

    def _absent(self, given: Collection[str]) -> Iterator[str]:
        for one in self.inputs:
            if one.name not in given:
                yield f"{one.title} is not there, and was given as black."

    def _derivation(self) -> str:
        titles = ", ".join(one.title for one in self.inputs)
        return f"{super()._derivation()}; channels are {titles}"
