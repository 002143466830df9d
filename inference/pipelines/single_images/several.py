"""A model that is given several images of a study at once, such as four mammographic views."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from pydicom.dataset import Dataset

from inference.pipeline import (
    Acceptance,
    Classification,
    ImageResult,
    NamedInput,
    PipelineContext,
    PipelineOutput,
)
from inference.pipelines.single_images import acceptance
from inference.pipelines.single_images.classes import coded
from inference.pipelines.single_images.model import ImageModelPipeline
from inference.pipelines.single_images.reading import shown
from inference.single_images.answers import probabilities
from inference.single_images.description import ImageModelDescription
from inference.single_images.networks import Served, at_work, load_network
from inference.single_images.preprocessing import NetworkInput, prepare
from storage.core.entities import Instance, Series
from storage.core.errors import MediViewError


class ImageSetPipeline(ImageModelPipeline):
    """Classifies what several images of a study show together, each in its role."""

    def __init__(self, model: ImageModelDescription) -> None:
        super().__init__(model)
        card = model.card
        self.inputs = tuple(
            NamedInput(name, one.title or name, one.required) for name, one in card.inputs.items()
        )
        self.reference = card.reference
        titles = ", ".join(one.title for one in self.inputs)
        self.description = f"{card.model.name}: {model.kind} of {titles} together."
        self.accepts_text = card.accepts_text or f"Of one study: {titles}."

    @property
    def images_at_once(self) -> int:
        return len(self.inputs)

    def accepts_input(
        self, name: str, series: Series, instances: Sequence[Instance], headers: Sequence[Dataset]
    ) -> Acceptance:
        """The card's word on one image in that role, by its header."""
        return acceptance.of_role(self.takes(headers[0]), self._model.card.inputs[name], headers)

    def accepts(
        self, series: Series, instances: Sequence[Instance], headers: Sequence[Dataset]
    ) -> Acceptance:
        return acceptance.of_series_alone(self.title)

    def run(self, context: PipelineContext) -> PipelineOutput:
        """One answer about all images. Raises ImageRefused, LimitExceeded, ModelUnusable."""
        self._verify()
        started = time.perf_counter()
        context.on_progress("load_model", 0.05)
        network = load_network(self._model, self.card, context.settings.torch_threads)
        ready = time.perf_counter()
        context.on_progress(self._model.kind, 0.2)
        given = {
            role: prepare(dataset, 0, self._model.preprocessing)
            for role, dataset in context.named_images.items()
        }
        try:
            scores = probabilities(self._model, network, [self._together(given)])[0]
        except MediViewError:
            raise
        except Exception as error:
            raise at_work(self._model, error) from error
        model = self._model.card.model
        likeliest = [
            int(one) for one in np.argsort(-scores, kind="stable") if one != self._model.background
        ][: model.labels_at_most]
        return PipelineOutput(
            images=tuple(
                ImageResult(str(dataset.SOPInstanceUID), shown(given[role]))
                for role, dataset in context.named_images.items()
            ),
            classifications=tuple(
                Classification(
                    self._model.segment(value).label,
                    float(scores[value]),
                    coded(self._model, value),
                )
                for value in likeliest
            ),
            calibration=model.calibration,
            timings_s={"load_model": ready - started, "predict": time.perf_counter() - ready},
            derivation=self._derivation(),
            notes=(
                *(network.client.notes() if isinstance(network, Served) else ()),
                *self._absent(given),
                self._calibration(),
            ),
        )

    def _together(self, given: dict[str, NetworkInput]) -> NetworkInput:
        """The images as channels in the order of the card, black where there is none."""
        first = next(iter(given.values()))
        black = np.zeros_like(first.seen)
        seen = [given[one.name].seen if one.name in given else black for one in self.inputs]
        return replace(first, seen=np.concatenate(seen, axis=2))

    def _absent(self, given: dict[str, NetworkInput]) -> Iterator[str]:
        for one in self.inputs:
            if one.name not in given:
                yield f"{one.title} is not there, and was given as black."

    def _derivation(self) -> str:
        titles = ", ".join(one.title for one in self.inputs)
        return f"{super()._derivation()}; channels are {titles}"
