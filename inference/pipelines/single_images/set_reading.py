"""What a model sees in several images of a study that it is given at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.imaging.frames import number_of_frames
from inference.pipeline import (
    Classification,
    FoundBox,
    ImageResult,
    Measurement,
    NamedInput,
    PipelineOutput,
    ResultGiven,
)
from inference.pipelines.codes import FALL_WITHOUT_IMAGE, PERCENT
from inference.pipelines.single_images.boxes import number_found, placed_boxes, surest
from inference.pipelines.single_images.classes import coded
from inference.pipelines.single_images.painted import painted, states_something
from inference.pipelines.single_images.set_masks import ImageMasks
from inference.pipelines.single_images.shown import shown
from inference.single_images.answers import occlusion, planes_by_image, probabilities
from inference.single_images.description import ImageModelDescription
from inference.single_images.frames_together import frames_together
from inference.single_images.networks import Network
from inference.single_images.preprocessing import NetworkInput, normalized, prepare
from inference.single_images.refusals import ImageRefused, NothingShown

_HEAT_NOTE = (
    "Of each image: by how many percentage points the probability of the likeliest label falls"
    " where it is hidden, and its heat map, where a part of it is. Not where a disease is."
)


@dataclass(frozen=True)
class _Boxes:
    """Of one frame, as it was given with the others at one time."""

    found: list[FoundBox]
    picture: NDArray[np.uint8]

    @property
    def best(self) -> float:
        return max((one.confidence or 0.0 for one in self.found), default=-1.0)


class SetReading:
    """A loaded network and the images of one run by their roles, the reference first; those of
    `inputs` that are not there are black. Of multi-frame images several frames are given, time
    after time."""

    def __init__(
        self,
        model: ImageModelDescription,
        network: Network,
        inputs: Sequence[NamedInput],
        images: Mapping[str, Dataset],
        results: Mapping[str, ResultGiven],
    ) -> None:
        self._model = model
        self._network = network
        self._inputs = inputs
        self._marked = [one for one in inputs if one.is_image and not one.prior_of]
        self._images = images
        self._boxes = {one.name: (one, one.result_of) for one in inputs if one.name in results}
        self._results = results
        frames = model.card.model.frames
        counts = {role: number_of_frames(one) for role, one in images.items()}
        self._multi = {role for role, count in counts.items() if count > 1}
        self._times = frames_together(counts, frames.at_most if frames else 1)

    def output(self) -> PipelineOutput:
        """Raises ImageRefused, LimitExceeded, ModelUnusable."""
        count = len(self._times)
        if self._model.kind == "image-segmentation":
            output = self._segmented()
        elif self._model.kind == "object-detection":
            output = self._detected()
        else:
            output = self._classified()
        if len(self._times) == count:
            return output
        note = f"{count - len(self._times)} of {count} times left out: a frame shows nothing."
        return replace(output, notes=(*output.notes, note))

    def _given(self) -> Iterator[dict[str, NetworkInput]]:
        """What is given at each time. A frame that stays is prepared once; a time at which one
        shows nothing is none, unless it is the only one."""
        before: dict[str, int] = {}
        given: dict[str, NetworkInput] = {}
        for frames in tuple(self._times):
            try:
                given = {
                    role: given[role] if before.get(role) == index else self._prepared(role, index)
                    for role, index in frames.items()
                }
            except NothingShown:
                if len(self._times) == 1:
                    raise
                self._times.remove(frames)
                continue
            before = frames
            yield given | self._painted(given, frames)

    def _prepared(self, role: str, frame_index: int) -> NetworkInput:
        return prepare(self._images[role], frame_index, self._model.preprocessing)

    def _painted(
        self, given: Mapping[str, NetworkInput], frames: Mapping[str, int]
    ) -> dict[str, NetworkInput]:
        """Boxes of other pipelines in images that are there. Raises ImageRefused where nothing is
        stated of one: it is not known to be without."""
        found = {}
        for role, (one, wanted) in self._boxes.items():
            if wanted is None or wanted.of not in given:
                continue
            uid = str(self._images[wanted.of].SOPInstanceUID)
            findings = self._results[role].findings
            if not states_something(findings, uid):
                raise ImageRefused(
                    f"{one.title}, a result of {wanted.pipeline}, states nothing of the image"
                    f" {wanted.of}.",
                    remedy="Check that the card of that pipeline takes the image as well.",
                )
            number = frames[wanted.of] + 1 if wanted.of in self._multi else None
            found[role] = painted(given[wanted.of], findings, uid, number, wanted.values)
        return found

    def _number(self, role: str, time: int) -> int | None:
        """Which frame of a multi-frame image is given then, from 1."""
        return self._times[time][role] + 1 if role in self._multi else None

    def _detected(self) -> PipelineOutput:
        """Boxes in each image that is there; those in one that is not lie in what was black.

        Of a frame that is given several times those of the time of the surest of them.
        """
        found: dict[str, dict[int | None, _Boxes]] = {role: {} for role, _ in self._of_study()}
        for time, given in enumerate(self._given()):
            batch = normalized(self._together(given).seen, self._model.preprocessing)[None]
            boxes = self._network.boxes(batch, len(self._marked))
            for place, one in enumerate(self._marked):
                if one.name not in given:
                    continue
                number = self._number(one.name, time)
                own = placed_boxes(self._model, boxes, given[one.name], number, place)
                others = found[one.name]
                if number in others and max(map(_score, own), default=-1.0) <= others[number].best:
                    continue
                if own or not others:
                    others[number] = _Boxes(own, shown(given[one.name]))
        return PipelineOutput(
            images=tuple(
                _with_boxes(str(dataset.SOPInstanceUID), found[role])
                for role, dataset in self._of_study()
            ),
            looks_for_boxes=True,
        )

    def _segmented(self) -> PipelineOutput:
        """Masks in each image that is there, on those of its frames that are given."""
        masks = {
            role: ImageMasks(self._model, dataset, multi=role in self._multi)
            for role, dataset in self._of_study()
        }
        for time, given in enumerate(self._given()):
            together = self._together(given)
            planes = planes_by_image(self._model, self._network, together, len(self._marked))
            for one, own in zip(self._marked, planes, strict=True):
                if one.name in masks:
                    masks[one.name].add(self._number(one.name, time), given[one.name], own)
        results = tuple(one.result() for one in masks.values())
        notes = dict.fromkeys(note for one in results for note in one.notes)
        return PipelineOutput(images=results, notes=tuple(notes))

    def _classified(self) -> PipelineOutput:
        """One answer about all; where the card asks for a heat map, how each image counts for the
        likeliest label at the time that speaks most for it."""
        by_time = np.stack([self._scores(self._together(given)) for given in self._given()])
        frames = self._model.card.model.frames
        takes_highest = frames is not None and frames.combine == "max"
        scores = by_time.max(axis=0) if takes_highest else by_time.mean(axis=0)
        likeliest = [
            int(one) for one in np.argsort(-scores, kind="stable") if one != self._model.background
        ][: self._model.card.model.labels_at_most]
        deciding = int(by_time[:, likeliest[0]].argmax())
        frames_then = self._times[deciding]
        given = {role: self._prepared(role, one) for role, one in frames_then.items()}
        given |= self._painted(given, frames_then)
        asked = self._model.card.model.heat_map
        counted: dict[str, tuple[Measurement, ...]] = {}
        if asked is not None:
            probability = float(by_time[deciding, likeliest[0]])
            counted = {
                role: (self._counts(given, role, deciding, likeliest[0], probability, asked.grid),)
                for role, _ in self._of_study()
            }
        return PipelineOutput(
            images=tuple(
                ImageResult(
                    str(dataset.SOPInstanceUID),
                    shown(given[role]),
                    self._number(role, deciding),
                    measurements=counted.get(role, ()),
                )
                for role, dataset in self._of_study()
            ),
            classifications=tuple(
                Classification(
                    self._model.segment(value).label,
                    float(scores[value]),
                    coded(self._model, value),
                )
                for value in likeliest
            ),
            notes=(*self._frame_notes(likeliest[0], deciding), *((_HEAT_NOTE,) if counted else ())),
        )

    def _frame_notes(self, label: int, deciding: int) -> Iterator[str]:
        if self._multi:
            where = ", ".join(
                f"{one.title} frame {self._number(one.name, deciding)}"
                for one in self._inputs
                if one.name in self._multi
            )
            name = self._model.segment(label).label
            yield f"Of {len(self._times)} times, {name} is likeliest with {where}."

    def _counts(
        self,
        given: dict[str, NetworkInput],
        role: str,
        time: int,
        label: int,
        probability: float,
        grid: int,
    ) -> Measurement:
        """How far the probability of a label falls where the image is black, with what of it."""
        together = self._together(given)
        names = [one.name for one in self._inputs]
        depth = given[role].seen.shape[2]
        begin = names.index(role) * depth
        channels = slice(begin, begin + depth)
        here = replace(given[role], seen=together.seen)
        without = together.seen.copy()
        without[..., channels] = 0.0
        hidden = float(self._scores(replace(together, seen=without))[label])
        title = next(one.title for one in self._inputs if one.name == role)
        number = self._number(role, time)
        return Measurement(
            f"{self._model.segment(label).label[:40]}, fall without {title}"[:64],
            FALL_WITHOUT_IMAGE,
            100.0 * (probability - hidden),
            PERCENT,
            frame_number=number,
            heat_map=occlusion(
                self._model, self._network, here, label, probability, grid, number, channels
            ),
        )

    def _scores(self, together: NetworkInput) -> NDArray[np.float32]:
        found: NDArray[np.float32] = probabilities(self._model, self._network, [together])[0]
        return found

    def _of_study(self) -> Iterator[tuple[str, Dataset]]:
        """By role those of which results are, the reference first."""
        priors = {one.name for one in self._inputs if one.prior_of}
        return ((role, one) for role, one in self._images.items() if role not in priors)

    def _together(self, given: dict[str, NetworkInput]) -> NetworkInput:
        """The images as channels in the order of the card, black where there is none."""
        first = next(iter(given.values()))
        black = np.zeros_like(first.seen)
        seen = [given[one.name].seen if one.name in given else black for one in self._inputs]
        return replace(first, seen=np.concatenate(seen, axis=2))


def _score(box: FoundBox) -> float:
    return box.confidence or 0.0


def _with_boxes(uid: str, by_frame: dict[int | None, _Boxes]) -> ImageResult:
    """The picture is of the frame of the surest box."""
    found = [box for one in by_frame.values() for box in one.found]
    named = surest(found)
    best = named[0].frame_number if named else next(iter(by_frame))
    return ImageResult(
        uid,
        by_frame[best].picture,
        best,
        measurements=(number_found(found),),
        boxes=named,
    )
