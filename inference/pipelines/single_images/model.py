"""A model of single images that an operator added: `model-NAME` in the catalogue."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from pydicom.dataset import Dataset

from inference.imaging.frames import number_of_frames
from inference.model_servers.burned_in import burned_in
from inference.model_servers.open_inference import client_of
from inference.models.card import Proof, family_of
from inference.models.cards.card_file import critical_limits, population_of
from inference.models.cards.card_quantities import code_of
from inference.models.model_folders import digests_of, verify_files
from inference.models.population import caveat_of
from inference.pipeline import (
    Acceptance,
    ImagePrior,
    ImageResult,
    InputKind,
    ModelCard,
    PipelineContext,
    PipelineOutput,
    Readiness,
)
from inference.pipelines.single_images import acceptance
from inference.pipelines.single_images.boxes import surest
from inference.pipelines.single_images.notes import notes_of
from inference.pipelines.single_images.reading import ImageReading, ListsBoxes
from inference.refusals import ModelUnusable, no_numbers
from inference.rules.card_condition import judge_card
from inference.rules.conditions import Condition
from inference.single_images.answers import heat_plane, one_row_each, planes_of
from inference.single_images.description import ImageModelDescription
from inference.single_images.fits import check_channels, check_classes
from inference.single_images.frame import check_image
from inference.single_images.networks import Served, at_work, load_network
from inference.single_images.preprocessing import (
    normalized,
    orientation_of,
)
from storage.core.entities import Instance, Series
from storage.core.errors import MediViewError
from storage.core.findings import Code

_PROBE_EDGE = 224
_DIFFERS = 1e-6


class ReadsImages(Protocol):
    """A loaded model, asked of one image after the other."""

    def of_image(self, dataset: Dataset, prior: Dataset | None = None) -> ImageResult: ...


class ImageModelPipeline:
    """Classifies, finds boxes or segments in each DICOM image of a series that its card takes."""

    input_kind: InputKind = "dicom-image"

    def __init__(self, model: ImageModelDescription, *, boxes_of: ListsBoxes = surest) -> None:
        self._model = model
        self._boxes_of = boxes_of
        card = model.card
        self.name = f"model-{model.name}"
        self.version = model.version
        self.title = model.title
        self.description = f"{card.model.name}: {model.kind} of single DICOM images."
        self.accepts_text = card.accepts_text or (
            f"{', '.join(card.model.modalities)}: single"
            f"{' and multi-frame' if card.model.frames else ''} images that the card takes."
        )
        try:
            files = digests_of(model.folder, f"The model {model.name}")
        except ModelUnusable:
            files = ()
        asked = card.prior
        self.image_prior = None if asked is None else ImagePrior(asked.within_days, asked.required)
        numbers = card.model.numbers
        codes = (
            [code_of(one.label, one.code) for one in numbers.values()]
            if numbers
            else [Code(*model.segment(value).code) for value in model.labels]
        )
        self.card = ModelCard(
            name=model.name,
            version=model.version,
            licence=card.licence or "not stated",
            source=model.source,
            intended_use=card.intended_use,
            input_description=self.accepts_text,
            files=tuple(sorted(files, key=lambda file: not file.name.endswith(".safetensors"))),
            training_data=card.training_data,
            output_codes=tuple(codes),
            revision=card.revision,
            gate=card.thresholds,
            normal_ranges=card.ranges,
            critical=critical_limits(card),
            population=population_of(card),
            on_truncation=card.on_truncation,
            admission="operator",
            family=family_of(card.algorithm_family),
        )

    @property
    def model(self) -> ImageModelDescription:
        return self._model

    @property
    def card_conditions(self) -> tuple[Condition, ...]:
        """What the card asks of images."""
        return self._model.card.conditions

    @property
    def images_at_once(self) -> int:
        """How many are given together, as channels of one."""
        return 1 if self.image_prior is None else 2

    @property
    def images_marked(self) -> int:
        """Of how many of them a segmentation gives masks."""
        return 1

    def readiness(self) -> Readiness:
        """Whether every file is as it was when the model was added; nothing is loaded."""
        try:
            self._verify()
        except ModelUnusable as error:
            return Readiness(False, f"{error.message} {error.remedy}".strip())
        return Readiness(True, f"{self.card.name} {self.version}: files verified.")

    def takes(self, header: Dataset) -> Acceptance:
        """Whether the card takes one image, by its header alone."""
        return acceptance.of_image(self._refusals(header))

    def _refusals(self, header: Dataset) -> Iterator[str]:
        """What speaks against an image, the first thing first. Raises what it is refused by."""
        card, model = self._model.card, self._model.card.model
        check_image(header)
        frames = number_of_frames(header)
        modality = str(header.get("Modality", ""))
        if modality not in model.modalities:
            wanted = ", ".join(model.modalities)
            yield f"Modality is {modality or 'not stated'}; {wanted} is taken."
        if frames > 1 and model.frames is None:
            yield self._single_images_only(frames)
        if card.accepts is not None:
            trace = judge_card(card.accepts, [header])
            if trace is not None and not trace.holds:
                yield f"The model's card wants {trace.first_failure()}."
        if self._model.served is not None and (why := burned_in(header)):
            yield why
        orientation_of(header, model.image.orientation)
        if self.card.population.on_outside == "refuse":
            caveat = caveat_of(self.card.population, [header])
            if caveat:
                yield caveat.text

    def _single_images_only(self, frames: int) -> str:
        why = f"The image has {frames} frames; the model's card takes single images."
        if self._model.kind == "image-landmarks":
            return why
        return f"{why} Add a version whose card states model.frames to have its frames taken."

    def accepts(
        self, series: Series, instances: Sequence[Instance], headers: Sequence[Dataset]
    ) -> Acceptance:
        """A series of which at least one image is taken, and not more than the card allows."""
        judged = [self.takes(header) for header in headers]
        return acceptance.of_series(judged, self._model.card.model.images_at_most)

    def prove(self) -> Proof:
        """Noise and a blank image must not give the same. Raises ModelUnusable."""
        self._verify()
        network = load_network(self._model, self.card, 0)
        resize = self._model.preprocessing.resize
        rows, columns = (resize.size if resize else None) or (_PROBE_EDGE, _PROBE_EDGE)
        channels = (self._model.preprocessing.channels or 1) * self.images_at_once
        noise = np.random.default_rng(1).random((rows, columns, channels), np.float32)
        try:
            given = [
                normalized(image, self._model.preprocessing)[None]
                for image in (noise, np.zeros_like(noise))
            ]
            check_channels(self._model, network, given[0], self.images_at_once)
            seen, blank = (network.raw(one) for one in given)
            if self._model.kind in ("image-classification", "image-regression"):
                row = one_row_each(self._model, network.scores(given[0]), 1)
                if self._model.kind == "image-classification":
                    check_classes(self._model, row.shape[1])
            elif self._model.kind == "image-segmentation":
                scores = network.scores(given[0])
                check_classes(self._model, planes_of(self._model, scores, self.images_marked))
            elif self._model.kind == "object-detection":
                network.boxes(given[0], self.images_marked)
            heat_map = self._model.card.model.heat_map
            if heat_map is not None and heat_map.output:
                heat_plane(self._model, network, given[0], 0)
        except MediViewError:
            raise
        except Exception as error:
            raise at_work(self._model, error) from error
        if self._model.kind == "object-detection" and not (seen.size or blank.size):
            return Proof(
                {"answers to noise": 0.0},
                "It finds nothing in noise nor in a blank image, as a detector may.",
            )
        differs = seen.shape != blank.shape or float(np.abs(seen - blank).max()) > _DIFFERS
        if not (np.isfinite(seen).all() and np.isfinite(blank).all()):
            raise no_numbers(
                f"The model {self._model.name}",
                "noise or a blank image",
                "Check its weights and its card.",
            )
        if not (seen.size and differs):
            raise ModelUnusable(
                f"The model {self._model.name} answers a blank image like any other.",
                remedy="Check its weights and its card.",
            )
        return Proof(
            {"mean answer to noise": float(seen.mean()), "spread": float(seen.std())},
            "Noise gives what it gave when the model was verified; a blank image gives another.",
        )

    def run(self, context: PipelineContext) -> PipelineOutput:
        """A result for each image. Raises ImageRefused, LimitExceeded, ModelUnusable."""
        self._verify()
        started = time.perf_counter()
        context.on_progress("load_model", 0.05)
        reading, notes = self._reading(context.settings.torch_threads)
        ready = time.perf_counter()
        results = []
        for done, dataset in enumerate(context.images):
            context.on_progress(self._model.kind, 0.1 + 0.9 * done / len(context.images))
            try:
                prior = context.prior_images.get(str(dataset.SOPInstanceUID))
                results.append(reading.of_image(dataset, prior))
            except MediViewError:
                raise
            except Exception as error:
                raise at_work(self._model, error) from error
        return PipelineOutput(
            images=tuple(results),
            looks_for_boxes=self._model.kind == "object-detection",
            calibration=self._model.card.model.calibration,
            timings_s={"load_model": ready - started, "predict": time.perf_counter() - ready},
            derivation=self._derivation(),
            notes=(
                *notes,
                *notes_of(context.images, results),
                *([] if self._model.card.model.numbers else [self._calibration()]),
            ),
        )

    def _calibration(self) -> str:
        stated = self._model.card.model.calibration
        if stated:
            return f"Probabilities are calibrated: {stated.removesuffix('.')}."
        return "Whether the probabilities are calibrated is not stated by the model's card."

    def _reading(self, threads: int) -> tuple[ReadsImages, tuple[str, ...]]:
        """The loaded model, and what a reader should know of where it computes."""
        network = load_network(self._model, self.card, threads)
        notes = network.client.notes() if isinstance(network, Served) else ()
        return ImageReading(self._model, network, self._boxes_of), notes

    def _verify(self) -> None:
        verify_files(self._model.folder, f"the model {self._model.name}")
        if self._model.served is not None:
            client_of(self._model.name, self._model.endpoint, self._model.served)

    def _derivation(self) -> str:
        """What was done to the images, as the results state it."""
        card = self._model.preprocessing
        if card.grey.values is not None:
            grey = f"window {card.grey.values[0]:g} to {card.grey.values[1]:g}"
        elif card.grey.percentiles is not None:
            low, high = card.grey.percentiles
            grey = f"window from percentile {low:g} to {high:g}"
        else:
            grey = "the image's own VOI LUT or window"
        shape = ""
        if card.resize is not None and card.resize.size is not None:
            rows, columns = card.resize.size
            shape = f", {card.resize.fit} to {columns} x {rows} pixels"
        elif card.resize is not None and card.resize.shortest_edge is not None:
            shape = f", shortest edge {card.resize.shortest_edge} pixels"
        turned = f", turned to {'/'.join(card.orientation)}" if card.orientation else ""
        crop = ", cropped to what is covered" if card.crop == "covered" else ""
        prior = ""
        if self.image_prior is not None:
            prior = "; then the prior image likewise, black where there is none"
        return f"{grey}, bright is dense{crop}{turned}{shape}{prior}"
