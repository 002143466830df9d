"""What a model of single images sees in each: classes, boxes or masks in the source image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.imaging.frames import number_of_frames
from inference.pipeline import Classification, FoundBox, ImageResult
from inference.pipelines.single_images.boxes import number_found, placed_boxes, surest
from inference.pipelines.single_images.classes import coded
from inference.pipelines.single_images.frame_segments import FrameSegments
from inference.pipelines.single_images.masks import marked, segmented
from inference.pipelines.single_images.shown import shown
from inference.pipelines.single_images.shown_frames import ShownFrames
from inference.refusals import ModelUnusable
from inference.single_images.answers import (
    class_planes,
    heat_plane,
    numbers_of,
    occlusion,
    probabilities,
)
from inference.single_images.card import HeatMap as AskedHeat
from inference.single_images.description import ImageModelDescription
from inference.single_images.frames_together import frame_alike, frames_taken
from inference.single_images.heat import own_heat
from inference.single_images.networks import Network
from inference.single_images.preprocessing import NetworkInput, normalized, prepare
from storage.core.results.heat_maps import HeatMap

ListsBoxes = Callable[[Sequence[FoundBox]], tuple[FoundBox, ...]]
"""Which boxes of an image a result holds, and by which names."""


class ImageReading:
    """A loaded network and its description, asked of one image after the other."""

    def __init__(
        self, model: ImageModelDescription, network: Network, boxes_of: ListsBoxes = surest
    ) -> None:
        self._model = model
        self._network = network
        self._boxes_of = boxes_of
        self._prior: Dataset | None = None
        self._count = 1

    def of_image(self, dataset: Dataset, prior: Dataset | None = None) -> ImageResult:
        """Of one image, or of the frames of it that the card takes; with its prior."""
        self._prior = prior
        self._count = count = number_of_frames(dataset)
        frames = self._model.card.model.frames
        shown_frames = ShownFrames(
            partial(self._given, dataset),
            frames_taken(count, frames.at_most if frames else 1),
            more_than_one_grey=self._model.kind == "image-segmentation",
        )
        return shown_frames.noted(self._of_frames(dataset, shown_frames, multi=count > 1))

    def _of_frames(self, dataset: Dataset, frames: ShownFrames, *, multi: bool) -> ImageResult:
        uid = str(dataset.SOPInstanceUID)
        if self._model.kind == "image-segmentation":
            return self._segmented(dataset, frames, multi=multi)
        if self._model.kind == "object-detection":
            return self._detected(uid, frames, multi=multi)
        if self._model.kind == "image-regression":
            return self._measured(uid, frames)
        return self._classified(dataset, frames, multi=multi)

    def _given(self, dataset: Dataset, frame_index: int) -> NetworkInput:
        """What the network is shown: of a model that compares, the prior in further channels."""
        card = self._model.preprocessing
        given = prepare(dataset, frame_index, card)
        if self._model.card.prior is None:
            return given
        before = np.zeros_like(given.seen)
        if self._prior is not None:
            alike = frame_alike(frame_index, self._count, number_of_frames(self._prior))
            before = prepare(self._prior, alike, card).seen
        return replace(given, seen=np.concatenate((given.seen, before), axis=2))

    def _segmented(self, dataset: Dataset, frames: ShownFrames, *, multi: bool) -> ImageResult:
        if not multi:
            given = self._given(dataset, 0)
            planes = class_planes(self._model, self._network, given)
            return segmented(self._model, dataset, given, planes)
        segments = FrameSegments(self._model, dataset)
        for index, given in frames:
            planes = class_planes(self._model, self._network, given)
            segments.add(index + 1, given, marked(self._model, given, planes))
        return segments.result()

    def _classified(self, dataset: Dataset, frames: ShownFrames, *, multi: bool) -> ImageResult:
        model = self._model.card.model
        by_frame = {}
        for index, given in frames:
            by_frame[index] = probabilities(self._model, self._network, [given])[0]
        indices = list(by_frame)
        scores = np.stack(list(by_frame.values()))
        takes_highest = model.frames is not None and model.frames.combine == "max"
        combined = scores.max(axis=0) if takes_highest else scores.mean(axis=0)
        likeliest = [
            int(one)
            for one in np.argsort(-combined, kind="stable")
            if one != self._model.background
        ][: model.labels_at_most]
        deciding = indices[int(scores[:, likeliest[0]].argmax())]
        if deciding != indices[-1]:
            given = self._given(dataset, deciding)
        frame_number = deciding + 1 if multi else None
        heat_map, notes = self._heat_map(given, likeliest[0], frame_number)
        return ImageResult(
            str(dataset.SOPInstanceUID),
            shown(given),
            frame_number,
            classifications=tuple(
                Classification(
                    self._model.segment(value).label,
                    float(combined[value]),
                    coded(self._model, value),
                    indices[int(scores[:, value].argmax())] + 1
                    if multi and takes_highest
                    else None,
                    heat_map if value == likeliest[0] else None,
                )
                for value in likeliest
            ),
            notes=notes,
        )

    def _heat_map(
        self, given: NetworkInput, label: int, frame_number: int | None
    ) -> tuple[HeatMap | None, tuple[str, ...]]:
        """Of the likeliest label, in the frame that speaks most for it; where the network gives
        none that can be used, why: the answer stands by itself."""
        if self._model.card.model.heat_map is None:
            return None, ()
        try:
            return self._heat_map_of(
                self._model.card.model.heat_map, given, label, frame_number
            ), ()
        except ModelUnusable as error:
            return None, (f"There is no heat map: {error.message}",)

    def _heat_map_of(
        self, asked: AskedHeat, given: NetworkInput, label: int, frame_number: int | None
    ) -> HeatMap:
        if asked.output:
            batch = normalized(given.seen, self._model.preprocessing)[None]
            plane = heat_plane(self._model, self._network, batch, label)
            return own_heat(given.placement, plane, frame_number, asked.meaning)
        probability = float(probabilities(self._model, self._network, [given])[0, label])
        return occlusion(
            self._model, self._network, given, label, probability, asked.grid, frame_number
        )

    def _measured(self, uid: str, frames: ShownFrames) -> ImageResult:
        """The numbers of an image: of several frames their mean."""
        answers = []
        for _, given in frames:
            answers.append(numbers_of(self._model, self._network, given))
        mean = np.stack(answers).mean(axis=0).tolist()
        return ImageResult(
            uid,
            shown(given),
            measurements=tuple(
                one.measured(mean, int(channel))
                for channel, one in self._model.card.model.numbers.items()
            ),
        )

    def _detected(self, uid: str, frames: ShownFrames, *, multi: bool) -> ImageResult:
        found: list[FoundBox] = []
        pictures: dict[int | None, NDArray[np.uint8]] = {}
        for index, given in frames:
            number = index + 1 if multi else None
            batch = normalized(given.seen, self._model.preprocessing)[None]
            boxes = placed_boxes(self._model, self._network.boxes(batch), given, number)
            if boxes or not pictures:
                pictures[number] = shown(given)
            found += boxes
        named = self._boxes_of(found)
        best = named[0].frame_number if named else next(iter(pictures))
        return ImageResult(
            uid,
            pictures[best],
            best,
            measurements=(number_found(found),),
            boxes=named,
        )
