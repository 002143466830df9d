"""A segment that shows lesions as one segment for each of them, largest first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects
from scipy.spatial import ConvexHull, QhullError

from inference.imaging.connected_parts import connected_parts
from inference.imaging.volume import Volume
from inference.pipeline import Measurement, PipelineOutput, Segment
from inference.pipelines.codes import CM3, LONG_AXIS, MM3_IN_CM3, SHORT_AXIS, VOLUME
from storage.core.findings import Code
from storage.core.results.lesion_terms import total_label

MM = Code("mm", "UCUM", "millimeter")
_MOST = 50
"""Lesions of one segment; what is smaller stays together."""
_LEAST_VOXELS = 3
Mask = NDArray[np.bool_]
_Places = Mapping[int, tuple[int, ...]]
"""By index of a segment: those that it has become."""


def with_single_lesions(output: PipelineOutput, volume: Volume) -> PipelineOutput:
    """Each lesion by itself: a segment with its volume, long and short axis.

    What a segment measured as a whole stays, as a total of its lesions. Boxes are single already.
    """
    if output.masks is None or not any(one.shows_lesions for one in output.segments):
        return output
    segments: list[Segment] = []
    parted: list[tuple[int, _Parts]] = []
    places: dict[int, tuple[int, ...]] = {}
    measured: list[Measurement] = []
    for index, segment in enumerate(output.segments):
        first = len(segments)
        mask = output.mask(index) if segment.shows_lesions else None
        if mask is not None and mask.any():
            parts = _parted(mask)
            parted.append((index, parts))
            segments += _named(segment, len(parts.single))
            for number, label in enumerate(parts.single, start=first):
                sizes = _sizes(segments[number], parts.cropped(label), volume, number)
                # Of one alone, the segment's own volume is its volume.
                measured += sizes if parts.count > 1 else sizes[1:]
            if parts.rest:
                segments.append(replace(segment, label=f"{segment.label}, others"))
        else:
            segments.append(segment)
        places[index] = tuple(range(first, len(segments)))
    totals = [_moved(one, places, dict(parted)) for one in output.measurements]
    number_masks = _stacked if output.masks.ndim == 4 else _numbered
    return replace(
        output,
        segments=tuple(segments),
        masks=number_masks(output.masks, parted, places, len(segments)),
        measurements=(*totals, *measured),
    )


@dataclass(frozen=True)
class _Parts:
    """The connected parts of a mask: numbers in `labels`, the largest first in `single`."""

    labels: NDArray[Any]
    boxes: list[tuple[slice, ...]]
    """By label from 1: the slices, rows and columns that hold it."""
    single: tuple[int, ...]
    rest: tuple[int, ...]
    """Specks, and those beyond the number."""

    @property
    def count(self) -> int:
        """Of the segments that it becomes."""
        return len(self.single) + bool(self.rest)

    def cropped(self, label: int) -> Mask:
        """One part within the slices, rows and columns that hold it."""
        inside: Mask = self.labels[self.boxes[label - 1]] == label
        return inside

    def numbers(self, first: int) -> NDArray[np.uint16]:
        """By label: the number of its segment, of which the first one has `first`."""
        found = np.zeros(int(self.labels.max()) + 1, np.uint16)
        for number, label in enumerate(self.single, start=first):
            found[label] = number
        found[list(self.rest)] = first + len(self.single)
        return found


def _parted(mask: Mask) -> _Parts:
    labels = connected_parts(mask)
    counts = np.bincount(labels.ravel())
    counts[0] = 0
    order = [int(one) for one in np.argsort(-counts, kind="stable") if counts[one]]
    single = [one for one in order if counts[one] >= _LEAST_VOXELS][:_MOST] or order[:1]
    rest = tuple(sorted(set(order) - set(single)))
    return _Parts(labels, find_objects(labels), tuple(single), rest)


def _named(segment: Segment, count: int) -> list[Segment]:
    names = [f"{segment.label} {n}" for n in range(1, count + 1)] if count > 1 else [segment.label]
    return [replace(segment, label=name, is_lesion=True) for name in names]


def _moved(measurement: Measurement, places: _Places, parted: Mapping[int, _Parts]) -> Measurement:
    """A measurement of a segment that became several is their total."""
    parts = tuple(place for part in measurement.parts for place in places[part])
    if measurement.segment_index is None:
        return replace(measurement, parts=parts)
    now = places[measurement.segment_index]
    if len(now) == 1:
        return replace(measurement, segment_index=now[0], parts=parts)
    of_all = parted[measurement.segment_index]
    label = total_label(measurement.label, len(of_all.single), has_more=bool(of_all.rest))
    return replace(measurement, label=label, segment_index=None, parts=now)


def _sizes(segment: Segment, mask: Mask, volume: Volume, number: int) -> list[Measurement]:
    long_mm, short_mm = axes_mm(mask, volume)
    volume_cm3 = float(np.count_nonzero(mask)) * volume.voxel_volume_mm3 / MM3_IN_CM3
    return [
        Measurement(f"{segment.label} volume", VOLUME, volume_cm3, CM3, number),
        Measurement(f"{segment.label} long axis", LONG_AXIS, long_mm, MM, number),
        Measurement(f"{segment.label} short axis", SHORT_AXIS, short_mm, MM, number),
    ]


def axes_mm(mask: Mask, volume: Volume) -> tuple[float, float]:
    """The longest diameter within one image, and across it in the same image (RECIST 1.1).

    Halfway between the outermost centres, which lie within the lesion, and the outermost edges of
    their pixels, which lie beyond it; the shorter one is a pixel at least. Of discs and ellipses of
    known size, three pixels or more across, the mean error is below half a pixel, while edges are
    one pixel too far apart.
    """
    steps = np.linalg.norm(volume.lps_from_kji[:3, 1:3], axis=0)
    best = (0.0, 0.0)
    for k in np.flatnonzero(mask.any(axis=(1, 2))):
        centres = _outermost(np.argwhere(mask[k])) * steps
        if np.linalg.norm(np.ptp(centres, axis=0)) + steps.max() / 2 <= best[0]:
            continue
        apart = centres[:, None] - centres
        distances = np.linalg.norm(apart, axis=-1)
        pixels = np.linalg.norm(apart * steps, axis=-1) / np.maximum(distances, steps.min())
        lengths = distances + pixels / 2
        a, b = np.unravel_index(int(lengths.argmax()), lengths.shape)
        if a == b:
            best = max(best, (float(steps.max()), float(steps.min())))
        elif lengths[a, b] > best[0]:
            y, x = apart[a, b] / distances[a, b]
            across = np.array([-x, y])
            pixel = float(np.linalg.norm(across * steps))
            width = max(float(np.ptp(centres @ across)) + pixel / 2, pixel)
            best = float(lengths[a, b]), min(width, float(lengths[a, b]))
    return best


def box_axes_mm(mask: Mask, volume: Volume) -> tuple[float, float]:
    """The longer and the shorter edge of a detector's box in the plane of the images.

    Its diagonal is up to 1.4 times the diameter of what lies in it.
    """
    rows, columns = mask.any(axis=(0, 2)), mask.any(axis=(0, 1))
    steps = np.linalg.norm(volume.lps_from_kji[:3, 1:3], axis=0)
    edges = [float(np.ptp(np.flatnonzero(rows)) + 1), float(np.ptp(np.flatnonzero(columns)) + 1)]
    short_mm, long_mm = sorted(float(one) for one in edges * steps)
    return long_mm, short_mm


def _outermost(ji: NDArray[Any]) -> NDArray[np.float64]:
    """Of the pixels, the centres at the corners of their convex hull."""
    try:
        return np.asarray(ji[ConvexHull(ji).vertices], np.float64)
    except QhullError:
        # A line has no hull; its two ends are those that are first and last.
        return np.asarray(ji[[0, -1]], np.float64)


def _numbered(
    masks: NDArray[Any], parted: Sequence[tuple[int, _Parts]], places: _Places, count: int
) -> NDArray[Any]:
    """A label map again: one array, whatever the number of segments."""
    now = np.zeros(len(places) + 1, np.uint8 if count < 256 else np.uint16)
    for index, found in places.items():
        now[index + 1] = found[0] + 1
    numbers: NDArray[Any] = now[masks]
    for index, parts in parted:
        inside = parts.labels > 0
        numbers[inside] = parts.numbers(places[index][0] + 1)[parts.labels[inside]]
    return numbers


def _stacked(
    masks: NDArray[Any], parted: Sequence[tuple[int, _Parts]], places: _Places, count: int
) -> NDArray[np.bool_]:
    """Masks that may overlap, the segment last."""
    found = np.zeros((*masks.shape[:3], count), bool)
    for index, numbers in places.items():
        found[..., numbers[0]] = masks[..., index]
    for index, parts in parted:
        of_label = parts.numbers(places[index][0] + 1)[parts.labels]
        for number in places[index]:
            found[..., number] = of_label == number + 1
    return found
