"""A model that is given several images of a study at once, such as four mammographic views."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.pipeline import (
    Acceptance,
    Classification,
    ImageResult,
    Measurement,
    NamedInput,
    PipelineContext,
    PipelineOutput,
)
from inference.pipelines.codes import FALL_WITHOUT_IMAGE, PERCENT
from inference.pipelines.single_images import acceptance
from inference.pipelines.single_images.boxes import number_found, placed_boxes, surest
from inference.pipelines.single_images.classes import coded
from inference.pipelines.single_images.masks import segmented
from inference.pipelines.single_images.model import ImageModelPipeline
from inference.pipelines.single_images.shown import shown
from inference.single_images.answers import occlusion, planes_by_image, probabilities
from inference.single_images.description import ImageModelDescription
from inference.single_images.networks import Network, Served, at_work, load_network
from inference.single_images.preprocessing import NetworkInput, normalized, prepare
from storage.core.entities import Instance, Series
from storage.core.errors import MediViewError

_HEAT_NOTE = (
    "Of each image: by how many percentage points the probability of the likeliest label falls"
    " where it is hidden, and its heat map, where a part of it is. Not where a disease is."
)


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
            )
            for name, one in card.inputs.items()
        )
        self._marked = tuple(one for one in self.inputs if not one.prior_of)
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
        return len(self._marked)

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
        given = {
            role: prepare(dataset, 0, self._model.preprocessing)
            for role, dataset in context.named_images.items()
        }
        try:
            output = self._answered(network, context.named_images, given)
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
                *self._absent(given),
                *output.notes,
                self._calibration(),
            ),
        )

    def _answered(
        self, network: Network, images: Mapping[str, Dataset], given: dict[str, NetworkInput]
    ) -> PipelineOutput:
        if self._model.kind == "image-segmentation":
            return self._segmented(network, images, given)
        if self._model.kind == "object-detection":
            return self._detected(network, images, given)
        return self._classified(network, images, given)

    def _detected(
        self, network: Network, images: Mapping[str, Dataset], given: dict[str, NetworkInput]
    ) -> PipelineOutput:
        """Boxes in each image that is there; those in one that is not lie in what was black."""
        batch = normalized(self._together(given).seen, self._model.preprocessing)[None]
        boxes = network.boxes(batch, self.images_marked)
        found = {
            one.name: placed_boxes(self._model, boxes, given[one.name], None, place)
            for place, one in enumerate(self._marked)
            if one.name in given
        }
        return PipelineOutput(
            images=tuple(
                ImageResult(
                    str(dataset.SOPInstanceUID),
                    shown(given[role]),
                    measurements=(number_found(found[role]),),
                    boxes=surest(found[role]),
                )
                for role, dataset in self._of_study(images)
            ),
            looks_for_boxes=True,
        )

    def _segmented(
        self, network: Network, images: Mapping[str, Dataset], given: dict[str, NetworkInput]
    ) -> PipelineOutput:
        """Masks in each image that is there."""
        planes = planes_by_image(self._model, network, self._together(given), self.images_marked)
        by_role = dict(zip((one.name for one in self._marked), planes, strict=True))
        return PipelineOutput(
            images=tuple(
                segmented(self._model, str(dataset.SOPInstanceUID), given[role], by_role[role])
                for role, dataset in self._of_study(images)
            )
        )

    def _classified(
        self, network: Network, images: Mapping[str, Dataset], given: dict[str, NetworkInput]
    ) -> PipelineOutput:
        """One answer about all; where the card asks for a heat map, how each image counts for the
        likeliest label."""
        scores = probabilities(self._model, network, [self._together(given)])[0]
        likeliest = [
            int(one) for one in np.argsort(-scores, kind="stable") if one != self._model.background
        ][: self._model.card.model.labels_at_most]
        asked = self._model.card.model.heat_map
        counted: dict[str, tuple[Measurement, ...]] = {}
        if asked is not None:
            counted = {
                one.name: (
                    self._counts(network, given, one.name, likeliest[0], scores, asked.grid),
                )
                for one in self._marked
                if one.name in given
            }
        return PipelineOutput(
            images=tuple(
                ImageResult(
                    str(dataset.SOPInstanceUID),
                    shown(given[role]),
                    measurements=counted.get(role, ()),
                )
                for role, dataset in self._of_study(images)
            ),
            classifications=tuple(
                Classification(
                    self._model.segment(value).label,
                    float(scores[value]),
                    coded(self._model, value),
                )
                for value in likeliest
            ),
            notes=(_HEAT_NOTE,) if counted else (),
        )

    def _counts(
        self,
        network: Network,
        given: dict[str, NetworkInput],
        role: str,
        label: int,
        scores: NDArray[np.float32],
        grid: int,
    ) -> Measurement:
        """How far the probability of a label falls where the image is black, with what of it."""
        together = self._together(given)
        names = [one.name for one in self.inputs]
        depth = given[role].seen.shape[2]
        begin = names.index(role) * depth
        channels = slice(begin, begin + depth)
        here = replace(given[role], seen=together.seen)
        without = together.seen.copy()
        without[..., channels] = 0.0
        hidden = probabilities(self._model, network, [replace(together, seen=without)])[0]
        probability = float(scores[label])
        title = next(one.title for one in self.inputs if one.name == role)
        return Measurement(
            f"{self._model.segment(label).label[:40]}, fall without {title}"[:64],
            FALL_WITHOUT_IMAGE,
            100.0 * (probability - float(hidden[label])),
            PERCENT,
            heat_map=occlusion(
                self._model, network, here, label, probability, grid, None, channels
            ),
        )

    def _of_study(self, images: Mapping[str, Dataset]) -> Iterator[tuple[str, Dataset]]:
        """By role those of which results are, the reference first."""
        priors = {one.name for one in self.inputs if one.prior_of}
        return ((role, one) for role, one in images.items() if role not in priors)

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
