"""A model in a container that is given images, one at a time or several of a study at once: films,
ultrasound, photographs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pydicom.dataset import Dataset

from inference.containers.card import ContainerModel, InputFormat
from inference.containers.description import ContainerDescription
from inference.failure_sentences import failure
from inference.findings.counts import NUMBER_FOUND
from inference.imaging.frames import number_of_frames
from inference.models.population import caveat_of
from inference.pipeline import (
    BEFORE,
    IMAGE,
    Acceptance,
    FoundBox,
    ImagePrior,
    ImageResult,
    InputKind,
    Measurement,
    PipelineContext,
    PipelineOutput,
)
from inference.pipelines.codes import PERCENT, SHARE_OF_IMAGE
from inference.pipelines.container_files import GivenImages, displayed, write_named_images
from inference.pipelines.container_model import ContainerPipeline, run_folder
from inference.pipelines.frame_masks import (
    fullest_frame,
    shares_of_frames,
    with_masks_of_frames,
)
from inference.pipelines.given_results import write_results
from inference.pipelines.single_images import acceptance
from inference.refusals import NothingFound
from inference.rules.card_condition import judge_card
from inference.single_images.frame import check_image
from storage.core.entities import Instance, Series
from storage.core.findings import NO_UNITS
from storage.settings import Settings

if TYPE_CHECKING:
    from inference.containers.images.results import WrittenOfImage, WrittenOfImages
    from inference.containers.number_output import Box
    from inference.containers.results import Written

_GIVEN: dict[InputFormat, str] = {
    "dicom": "given as it was sent",
    "png": "given as it is displayed",
    "nifti": "given as NIfTI",
}
_YELLOW = (255, 220, 60)


class ContainerOfImages(ContainerPipeline):
    """Runs a container over each image of a series that its card takes; what it writes is of that
    image."""

    input_kind: InputKind = "dicom-image"
    takes_instances = False

    def __init__(self, model: ContainerDescription, settings: Settings) -> None:
        super().__init__(model, settings)
        asked = model.card.prior
        self.image_prior = None if asked is None else ImagePrior(asked.within_days, asked.required)

    def takes(self, header: Dataset) -> Acceptance:
        """Whether the card takes one image, by its header alone."""
        return acceptance.of_image(self._refusals(header))

    def _refusals(self, header: Dataset) -> Iterator[str]:
        """What speaks against an image, the first thing first. Raises what it is refused by."""
        check_image(header)
        modality, wanted = str(header.get("Modality", "")), self._model.modality
        if modality != wanted:
            yield f"Modality is {modality or 'not stated'}; {wanted} is taken."
        frames, at_most = number_of_frames(header), self._stated.frames_at_most
        if frames > at_most:
            taken = "containers are given single images" if at_most == 1 else f"{at_most} are taken"
            yield f"The image has {frames} frames; {taken} (frames_at_most)."
        if self._model.card.accepts is not None:
            trace = judge_card(self._model.card.accepts, [header])
            if trace is not None and not trace.holds:
                yield f"The model's card wants {trace.first_failure()}."
        if self.card.population.on_outside == "refuse":
            caveat = caveat_of(self.card.population, [header])
            if caveat:
                yield caveat.text

    @property
    def _stated(self) -> ContainerModel:
        return self._container.card.container

    def accepts(
        self, series: Series, instances: Sequence[Instance], headers: Sequence[Dataset]
    ) -> Acceptance:
        """A series of which at least one image is taken, and not more than the card allows."""
        judged = [self.takes(header) for header in headers]
        return acceptance.of_series(judged, self._stated.images_at_most)

    def run(self, context: PipelineContext) -> PipelineOutput:
        """A result for each image. Raises NothingFound, ModelUnusable, ImageRefused."""
        own = IMAGE if self.image_prior is not None else ""
        runs = []
        for one in context.images:
            prior = context.prior_images.get(str(one.SOPInstanceUID))
            runs.append(GivenImages({"": one}, {} if prior is None else {BEFORE: prior}, own))
        output = self._ran(context, runs)
        without = sum(not one.priors for one in runs) if self.image_prior is not None else 0
        if without:
            text = f"{without} of {len(runs)} images: without a prior, which was not given."
            output = replace(output, notes=(*output.notes, text))
        return output

    def _ran(self, context: PipelineContext, runs: Sequence[GivenImages]) -> PipelineOutput:
        """What comes of each run."""
        self._verify()
        self._check_image()
        begun = time.perf_counter()
        results, looks_for_boxes = [], False
        together: list[Written] = []
        given_notes: list[str] = []
        for given in runs:
            found, of_results = self._written(context, given)
            together.append(found.together)
            given_notes += of_results
            for role, dataset in given.images.items():
                looks_for_boxes |= found.by_role[role].boxes is not None
                results.append(self._result(dataset, found.by_role[role]))
        output = PipelineOutput(
            images=tuple(results),
            looks_for_boxes=looks_for_boxes,
            measurements=tuple(one for some in together for one in some.measurements),
            classifications=tuple(one for some in together for one in some.classifications),
            timings_s={"container": time.perf_counter() - begun},
            derivation=_GIVEN[self._form],
            notes=(
                *self._notes(),
                *dict.fromkeys([*given_notes, *(note for some in together for note in some.notes)]),
            ),
        )
        of_images = any(one.measurements or one.classifications or one.boxes for one in results)
        if not (of_images or output.measurements or output.classifications):
            raise NothingFound(
                failure("nothing_shown", model=self.title), remedy=failure("check_images")
            )
        return output

    @property
    def _form(self) -> InputFormat:
        run = self._stated.run
        return "dicom" if run is None else run.input_format

    def _written(
        self, context: PipelineContext, these: GivenImages
    ) -> tuple[WrittenOfImages, tuple[str, ...]]:
        """What came of one run, and what it was given of other pipelines, in sentences."""
        # NumPy alone is needed where something runs.
        from inference.containers.images.results import ImageOutputReader

        segments = {value: self._segment(value) for value in self._model.labels}
        most = context.settings.container_output_bytes
        with run_folder(context.settings) as folder:
            given, written = folder / "input", folder / "output"
            write_named_images(these.by_place, given, self._form)
            notes = write_results(self.inputs, context, given, these.images)
            written.mkdir(mode=0o700)
            self._compute(context, given, written)
            as_pixels = self._form == "png"
            reader = ImageOutputReader(
                these.images, segments, most, as_pixels=as_pixels, priors=these.priors
            )
            found = reader.read(written)
        return found, notes

    def _result(self, dataset: Dataset, found: WrittenOfImage) -> ImageResult:
        from inference.containers.results import merged_masks, with_own_labels

        masks = merged_masks(found)
        boxes = tuple(self._named(found.boxes or ()))
        result = ImageResult(
            str(dataset.SOPInstanceUID),
            displayed(dataset, 0),
            classifications=tuple(found.classifications),
            boxes=boxes,
        )
        if number_of_frames(dataset) == 1:
            if masks is not None:
                result = replace(result, segments=masks.segments, masks=masks.array[0])
            measured = list(_shares(result))
        else:
            if masks is not None:
                result = with_masks_of_frames(result, masks)
            measured = list(shares_of_frames(result))
            number = boxes[0].frame_number if boxes else fullest_frame(result)
            result = replace(
                result, shown=displayed(dataset, (number or 1) - 1), shown_frame_number=number or 1
            )
        if found.boxes is not None:
            count = float(len(found.boxes))
            measured.append(Measurement("Boxes found", NUMBER_FOUND, count, NO_UNITS))
        return replace(result, measurements=with_own_labels((*measured, *found.measurements)))

    def _named(self, boxes: Sequence[Box]) -> Iterator[FoundBox]:
        """The likeliest first, each with a number of its own; coloured as the card has it."""
        from inference.models.cards.card_quantities import code_of

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
                one.frame,
            )


def _shares(result: ImageResult) -> Iterator[Measurement]:
    for index, segment in enumerate(result.segments):
        share = 100.0 * float(result.mask(index).mean())
        label = f"{segment.label} share of the image"
        yield Measurement(label, SHARE_OF_IMAGE, share, PERCENT, index)


class ContainerOfImageSet(ContainerOfImages):
    """Runs a container over several images of a study at once, each in its role."""

    takes_series = False

    def __init__(self, model: ContainerDescription, settings: Settings) -> None:
        super().__init__(model, settings)
        self.takes_series = False
        titles = ", ".join(one.title for one in self.inputs)
        self.accepts_text = model.card.accepts_text or f"Of one study: {titles}."

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
        """Results for each image of the study and about all. Raises as for one."""
        priors = {one.name for one in self.inputs if one.prior_of}
        given = context.named_images
        run = GivenImages(
            {role: one for role, one in given.items() if role not in priors},
            {role: one for role, one in given.items() if role in priors},
        )
        output = self._ran(context, [run])
        there = {*context.named_images, *context.results}
        absent = [one.title for one in self.inputs if one.name not in there]
        notes = (*output.notes, *(f"{title} is not there, and was not given." for title in absent))
        return replace(output, notes=notes)
