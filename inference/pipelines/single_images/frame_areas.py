"""The area of a segment over the frames of a multi-frame image, and what stands for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset

from inference.findings.counts import NUMBER_FOUND
from inference.pipeline import Axis, Curve, Measurement, Segment
from inference.pipelines.codes import PERCENT
from inference.pipelines.single_images.pixel_areas import AREA, MM2
from inference.single_images.card_frames import Frames
from inference.single_images.frame_times import frame_times_s
from storage.core.findings import NO_UNITS, Code

AREA_CHANGE = Code("AREACHANGE", "99MEDIVIEW", "Fractional area change")
_CHANGE_OF = {
    "87878005": Code("399287000", "SCT", "Left Ventricular Fractional Area Change"),
    "53085002": Code("79936-1", "LN", "Right ventricular fractional area change"),
}
"""By what the segment is (SCT): ventricles have codes of their own (PS3.16 CID 12200, 12300)."""
_PIXELS = Code("{pixels}2", "UCUM", "square pixels")
_TIME = Axis("Time", Code("110858", "DCM", "Time"), Code("s", "UCUM", "second"))
_FRAME = Axis("Frame", Code("FRAMENUMBER", "99MEDIVIEW", "Frame number"), NO_UNITS)
_POINTS_AT_MOST = 500
_NAMED_AT_MOST = 10


@dataclass(frozen=True)
class Area:
    """Of one segment on one frame. `pixel_mm2`: what a pixel is worth in the patient."""

    frame_number: int
    pixels: int
    pixel_mm2: float | None
    confidence: float | None


class FrameAreas:
    """By the card's rule; `given`: the numbers of the frames that the model was given."""

    def __init__(self, dataset: Dataset, rule: Frames | None, given: tuple[int, ...]) -> None:
        self._dataset = dataset
        self._rule = rule or Frames()
        self._given = given
        self.notes: list[str] = []

    def of_segment(
        self, index: int, value: int, segment: Segment, areas: Sequence[Area]
    ) -> Iterator[Measurement]:
        """`areas`: of the frames on which it is marked, in their order."""
        is_calibrated = all(one.pixel_mm2 is not None for one in areas)
        if not is_calibrated:
            self.notes.append(
                f"The area of {segment.label} is in pixels: where it is marked, the image states no"
                " size of them that holds in the patient."
            )
        sizes = [one.pixels * (one.pixel_mm2 or 1.0 if is_calibrated else 1.0) for one in areas]
        unit = MM2 if is_calibrated else _PIXELS
        wants_change = str(value) in self._rule.fractional_area_change
        rules = {self._rule.combine or "max"} | ({"max", "min"} if wants_change else set())
        curve = self._curve(segment, areas, sizes, unit)
        for name, word in (("max", "largest"), ("min", "least"), ("mean", "mean")):
            if name not in rules:
                continue
            at = int(np.argmax(sizes) if name == "max" else np.argmin(sizes))
            of_all = name == "mean"
            yield Measurement(
                f"{segment.label} {word} area",
                AREA,
                float(np.mean(sizes)) if of_all else sizes[at],
                unit,
                index,
                _mean_confidence(areas) if of_all else areas[at].confidence,
                None if of_all else areas[at].frame_number,
                curve=curve,
            )
            # Once: three findings with one curve would be three in the report.
            curve = None
        if wants_change:
            yield from self._change(index, segment, areas, sizes)
        yield Measurement(f"Frames with {segment.label}", NUMBER_FOUND, float(len(areas)), NO_UNITS)

    def _change(
        self, index: int, segment: Segment, areas: Sequence[Area], sizes: Sequence[float]
    ) -> Iterator[Measurement]:
        """Nothing where a frame lacks the segment: what the model missed is no contraction."""
        marked = {one.frame_number for one in areas}
        missing = [number for number in self._given if number not in marked]
        if missing or len(sizes) < 2:
            why = (
                f"it is not marked on {numbered(missing)}" if missing else "one frame was segmented"
            )
            self.notes.append(
                f"The fractional area change of {segment.label} is not stated: {why}."
            )
            return
        largest = max(sizes)
        yield Measurement(
            f"{segment.label} fractional area change",
            _CHANGE_OF.get(segment.type.value, AREA_CHANGE),
            100.0 * (largest - min(sizes)) / largest,
            PERCENT,
            index,
        )

    def _curve(
        self, segment: Segment, areas: Sequence[Area], sizes: Sequence[float], unit: Code
    ) -> Curve | None:
        """Over time where the image states that of its frames; 0 where nothing is marked."""
        if len(self._given) < 2:
            return None
        by_frame = {one.frame_number: size for one, size in zip(areas, sizes, strict=True)}
        times = frame_times_s(self._dataset)
        even = np.linspace(0, len(self._given) - 1, min(len(self._given), _POINTS_AT_MOST))
        numbers = [self._given[int(one)] for one in even.round()]
        return Curve(
            _FRAME if times is None else _TIME,
            Axis(f"{segment.label} area"[:64], AREA, unit),
            tuple(
                (
                    float(number) if times is None else times[number - 1],
                    by_frame.get(number, 0.0),
                )
                for number in numbers
            ),
        )


def _mean_confidence(areas: Sequence[Area]) -> float | None:
    stated = [one.confidence for one in areas if one.confidence is not None]
    return float(np.mean(stated)) if stated else None


def numbered(numbers: Sequence[int]) -> str:
    """Frames by their numbers, or how many they are."""
    if len(numbers) > _NAMED_AT_MOST:
        return f"{len(numbers)} frames"
    return f"frame{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"
