"""A MONAI bundle of single images: `bundle-NAME` in the catalogue."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pydicom.dataset import Dataset

from inference.bundles.single_images import ImageBundle
from inference.imaging.frames import number_of_frames
from inference.models.card import Proof
from inference.pipeline import Classification, FoundBox, ImageResult, Measurement, Segment
from inference.pipelines.codes import NUMBER_FOUND
from inference.pipelines.single_images.classes import coded, segment_of
from inference.pipelines.single_images.frame_segments import FrameSegments
from inference.pipelines.single_images.masks import Marked, measured, nothing_found
from inference.pipelines.single_images.model import ImageModelPipeline, ReadsImages
from inference.pipelines.single_images.shown import shown
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
        if self._model.kind == "image-classification":
            return self._classified(dataset)
        if self._model.kind == "image-segmentation":
            return self._segmented(dataset)
        return self._pointed(dataset)

    def _classified(self, dataset: Dataset) -> ImageResult:
        frames, model = self._model.card.model.frames, self._model
        count, at_most = number_of_frames(dataset), frames.at_most if frames else 1
        indices = frames_taken(count, at_most)
        scores = []
        for index in indices:
            given = prepare(dataset, index, model.preprocessing)
            scores.append(self._bundle.scores(given.seen))
        mean = np.stack(scores).mean(axis=0)
        return ImageResult(
            str(dataset.SOPInstanceUID),
            shown(given),
            indices[-1] + 1 if count > 1 else None,
            classifications=tuple(
                Classification(model.segment(value).label, float(mean[value]), coded(model, value))
                for value in map(int, np.argsort(-mean, kind="stable"))
                if value in model.labels and value != model.background
            ),
        )

    def _segmented(self, dataset: Dataset) -> ImageResult:
        frames, model = self._model.card.model.frames, self._model
        count = number_of_frames(dataset)
        if count > 1 and frames is not None:
            segments = FrameSegments(model, dataset)
            for index in frames_taken(count, frames.at_most):
                given = prepare(dataset, index, model.preprocessing)
                segments.add(index + 1, given, self._marked(given))
            return segments.result()
        given = prepare(dataset, 0, model.preprocessing)
        masks = np.zeros(given.frame.shape, np.uint8)
        found: list[Segment] = []
        measurements: list[Measurement] = []
        for one in self._marked(given):
            found.append(segment_of(model, one.value))
            measurements += measured(dataset, found, one)
            masks[one.mask] = len(found)
        return ImageResult(
            str(dataset.SOPInstanceUID),
            shown(given),
            segments=tuple(found),
            masks=masks if found else None,
            measurements=tuple(measurements) or (nothing_found(),),
        )

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
