"""A MONAI bundle of single images: `bundle-NAME` in the catalogue."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pydicom.dataset import Dataset

from inference.bundles.single_images import ImageBundle
from inference.findings.counts import NUMBER_FOUND
from inference.imaging.frames import number_of_frames
from inference.models.card import Proof
from inference.pipeline import Classification, FoundBox, ImageResult, Measurement
from inference.pipelines.single_images.classes import coded
from inference.pipelines.single_images.frame_segments import FrameSegments
from inference.pipelines.single_images.masks import Marked, with_masks
from inference.pipelines.single_images.model import ImageModelPipeline, ReadsImages
from inference.pipelines.single_images.shown import shown
from inference.pipelines.single_images.shown_frames import ShownFrames
from inference.single_images.description import ImageModelDescription
from inference.single_images.frames_together import frames_taken
from inference.single_images.preprocessing import NetworkInput, prepare
from storage.core.findings import NO_UNITS, Code


class BundleOfImages(ImageModelPipeline):
    """Classifies or segments each DICOM image of a series, or finds points in it."""

    def __init__(self, model: ImageModelDescription) -> None:
        super().__init__(model)
        self.name = f"bundle-{model.name}"
        self.description = f"The MONAI bundle {model.title}: {model.kind} of single DICOM images."

    def prove(self) -> Proof:
        """Noise and a blank image must not give the same. Raises ModelUnusable."""
        self._verify()
        return Proof(
            ImageBundle(self._model, 0).answer,
            "Noise gives what it gave when the bundle was verified; a blank image gives another.",
        )

    def _reading(self, threads: int) -> tuple[ReadsImages, tuple[str, ...]]:
        return BundleReading(self._model, ImageBundle(self._model, threads)), ()


class BundleReading:
    """A loaded bundle, asked of one image after the other."""

    def __init__(self, model: ImageModelDescription, bundle: ImageBundle) -> None:
        self._model = model
        self._bundle = bundle

    def of_image(self, dataset: Dataset, prior: Dataset | None = None) -> ImageResult:
        """Raises ImageRefused, LimitExceeded, ModelUnusable."""
        kind, frames = self._model.kind, self._model.card.model.frames
        count = number_of_frames(dataset)
        shown_frames = ShownFrames(
            lambda index: prepare(dataset, index, self._model.preprocessing),
            frames_taken(count, frames.at_most if frames else 1),
            more_than_one_grey=kind == "image-segmentation",
        )
        if kind == "image-classification":
            return shown_frames.noted(self._classified(dataset, shown_frames, multi=count > 1))
        if kind == "image-segmentation" and count > 1:
            segments = FrameSegments(self._model, dataset)
            for index, given in shown_frames:
                segments.add(index + 1, given, self._marked(given))
            return shown_frames.noted(segments.result())
        return self._segmented(dataset) if kind == "image-segmentation" else self._pointed(dataset)

    def _classified(self, dataset: Dataset, frames: ShownFrames, *, multi: bool) -> ImageResult:
        model = self._model
        scores = {}
        for index, given in frames:
            scores[index] = self._bundle.scores(given.seen)
        mean = np.stack(list(scores.values())).mean(axis=0)
        return ImageResult(
            str(dataset.SOPInstanceUID),
            shown(given),
            max(scores) + 1 if multi else None,
            classifications=tuple(
                Classification(model.segment(value).label, float(mean[value]), coded(model, value))
                for value in map(int, np.argsort(-mean, kind="stable"))
                if value in model.labels and value != model.background
            ),
        )

    def _segmented(self, dataset: Dataset) -> ImageResult:
        given = prepare(dataset, 0, self._model.preprocessing)
        return with_masks(self._model, dataset, given, self._marked(given))

    def _marked(self, given: NetworkInput) -> Iterator[Marked]:
        classes = self._bundle.classes(given.seen)
        for value in sorted(self._model.labels):
            mask = classes == value
            if value != self._model.background and mask.any():
                yield Marked(value, mask, None)

    def _pointed(self, dataset: Dataset) -> ImageResult:
        given, model = prepare(dataset, 0, self._model.preprocessing), self._model
        points = self._bundle.landmarks(given.seen).points
        top, left, bottom, right = given.placement.window
        found = []
        for value, (x, y) in enumerate(points):
            # What is not in a view lies outside; where the image ends, nothing can be pointed at.
            if not (left <= x <= right and top <= y <= bottom) or value not in model.labels:
                continue
            ((column, row),) = given.placement.points(np.array([(x, y)]))
            stated = model.segment(value)
            found.append(
                FoundBox(
                    stated.label,
                    Code(*stated.code),
                    ((float(column), float(row)),),
                    None,
                    model.color_rgb(value),
                )
            )
        return ImageResult(
            str(dataset.SOPInstanceUID),
            shown(given),
            measurements=(Measurement("Points found", NUMBER_FOUND, float(len(found)), NO_UNITS),),
            boxes=tuple(found),
        )
