"""A model in a container that is given one image at a time: films, ultrasound, photographs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from pydicom.dataset import Dataset

from inference.imaging.frames import number_of_frames
from inference.models.population import caveat_of
from inference.pipeline import (
    Acceptance,
    FoundBox,
    ImageResult,
    InputKind,
    Measurement,
    PipelineContext,
    PipelineOutput,
)
from inference.pipelines.codes import NUMBER_FOUND, PERCENT, SHARE_OF_IMAGE
from inference.pipelines.container_files import write_instances
from inference.pipelines.container_model import ContainerPipeline, run_folder
from inference.pipelines.single_images import acceptance
from inference.refusals import NothingFound
from inference.rules.card_condition import judge_card
from inference.single_images.card import Grey
from inference.single_images.frame import check_image, read_frame
from storage.core.entities import Instance, Series
from storage.core.findings import NO_UNITS

if TYPE_CHECKING:
    from inference.containers.image_results import WrittenOfImage
    from inference.containers.number_output import Box

_YELLOW = (255, 220, 60)


class ContainerOfImages(ContainerPipeline):
    """Runs a container over each image of a series that its card takes; what it writes is of that
    image."""

    input_kind: InputKind = "dicom-image"
    takes_instances = False

    def takes(self, header: Dataset) -> Acceptance:
        """Whether the card takes one image, by its header alone."""
        return acceptance.of_image(self._refusals(header))

    def _refusals(self, header: Dataset) -> Iterator[str]:
        """What speaks against an image, the first thing first. Raises what it is refused by."""
        check_image(header)
        modality, wanted = str(header.get("Modality", "")), self._model.modality
        if modality != wanted:
            yield f"Modality is {modality or 'not stated'}; {wanted} is taken."
        frames = number_of_frames(header)
        if frames > 1:
            yield f"The image has {frames} frames; containers are given single images."
        if self._model.card.accepts is not None:
            trace = judge_card(self._model.card.accepts, [header])
            if trace is not None and not trace.holds:
                yield f"The model's card wants {trace.first_failure()}."
        if self.card.population.on_outside == "refuse":
            caveat = caveat_of(self.card.population, [header])
            if caveat:
                yield caveat.text

    def accepts(
        self, series: Series, instances: Sequence[Instance], headers: Sequence[Dataset]
    ) -> Acceptance:
        """A series of which at least one image is taken, and not more than the card allows."""
        judged = [self.takes(header) for header in headers]
        return acceptance.of_series(judged, self._container.card.container.images_at_most)

    def run(self, context: PipelineContext) -> PipelineOutput:
        """A result for each image. Raises NothingFound, ModelUnusable, ImageRefused."""
        self._verify()
        self._check_image()
        begun = time.perf_counter()
        results, looks_for_boxes = [], False
        notes: list[str] = []
        for dataset in context.images:
            found = self._written(context, dataset)
            looks_for_boxes |= found.boxes is not None
            notes += found.notes
            results.append(self._result(dataset, found))
        if not any(one.measurements or one.classifications or one.boxes for one in results):
            raise NothingFound(
                f"{self.title} wrote nothing that could be shown.",
                remedy="Check that the images show what the model looks for.",
            )
        return PipelineOutput(
            images=tuple(results),
            looks_for_boxes=looks_for_boxes,
            timings_s={"container": time.perf_counter() - begun},
            derivation="given as it was sent",
            notes=(*self._notes(), *dict.fromkeys(notes)),
        )

    def _written(self, context: PipelineContext, dataset: Dataset) -> WrittenOfImage:
        # NumPy alone is needed where something runs.
        from inference.containers.image_results import ImageOutputReader

        segments = {value: self._segment(value) for value in self._model.labels}
        most = context.settings.container_output_bytes
        with run_folder(context.settings) as folder:
            given, written = folder / "input", folder / "output"
            write_instances([dataset], given)
            written.mkdir(mode=0o700)
            self._compute(context, given, written)
            return ImageOutputReader(dataset, segments, most).read(written)

    def _result(self, dataset: Dataset, found: WrittenOfImage) -> ImageResult:
        from inference.containers.results import merged_masks, with_own_labels

        masks = merged_masks(found)
        frame = read_frame(dataset, 0, Grey())
        segments = () if masks is None else masks.segments
        result = ImageResult(
            str(dataset.SOPInstanceUID),
            np.rint(np.where(frame.covered[..., None], frame.values, 0.0) * 255.0).astype(np.uint8),
            segments=segments,
            masks=None if masks is None else masks.array[0],
            classifications=tuple(found.classifications),
            boxes=tuple(self._named(found.boxes or ())),
        )
        measured = [
            Measurement(
                f"{segment.label} share of the image",
                SHARE_OF_IMAGE,
                100.0 * float(result.mask(index).mean()),
                PERCENT,
                index,
            )
            for index, segment in enumerate(segments)
        ]
        if found.boxes is not None:
            count = float(len(found.boxes))
            measured.append(Measurement("Boxes found", NUMBER_FOUND, count, NO_UNITS))
        return replace(result, measurements=with_own_labels((*measured, *found.measurements)))

    def _named(self, boxes: Sequence[Box]) -> Iterator[FoundBox]:
        """The likeliest first, each with a number of its own; coloured as the card has it."""
        from inference.models.card_quantities import code_of

        cards = {self._segment(value).label: self._segment(value) for value in self._model.labels}
        numbered = Counter[str]()
        for one in sorted(boxes, key=lambda box: -(box.confidence or 0.0)):
            numbered[one.label] += 1
            named = cards.get(one.label)
            left, top, right, bottom = one.box
            yield FoundBox(
                f"{one.label} {numbered[one.label]}",
                named.type if named and one.code is None else code_of(one.label, one.code),
                ((left, top), (right, top), (right, bottom), (left, bottom)),
                one.confidence,
                named.color_rgb if named else _YELLOW,
            )
