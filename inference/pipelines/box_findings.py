"""What a detector found as findings: how many, and for each where, how large, how sure."""

import numpy as np
from numpy.typing import NDArray

from inference.bundles.runner import Boxes
from inference.findings.counts import NUMBER_FOUND
from inference.imaging.volume import Volume
from inference.models.description import ModelDescription, color_of
from inference.pipeline import Measurement, Segment
from storage.core.findings import NO_UNITS, Code

BOXES_AT_MOST = 50
_ROUNDING_MM = 1e-6
_LONG_AXIS = Code("103339001", "SCT", "Long Axis")
_MM = Code("mm", "UCUM", "millimeter")


def boxes_as_findings(
    bundle: ModelDescription, boxes: Boxes, volume: Volume
) -> tuple[tuple[Segment, ...], NDArray[np.uint8] | None, tuple[Measurement, ...]]:
    """Segments (each a box, and named so), their label map, and their measurements.

    Boxes of which the detector is less sure than the card asks are left out. That there are
    none is a finding as well: the number is always stated.
    """
    sure = np.flatnonzero(boxes.scores >= bundle.card.score_at_least)[:BOXES_AT_MOST]
    first = next(iter(bundle.labels.values()))
    measurements = [Measurement(f"{first} boxes found", NUMBER_FOUND, float(len(sure)), NO_UNITS)]
    if not len(sure):
        return (), None, tuple(measurements)
    segments: list[Segment] = []
    masks = np.zeros(volume.voxels.shape, np.uint8)
    for number, index in enumerate(sure, start=1):
        value = int(boxes.labels[index])
        value = value if value in bundle.labels else next(iter(bundle.labels))
        stated = bundle.segment(value)
        label = f"{stated.label} {number} (box)"
        segments.append(
            Segment(
                label,
                Code(*stated.category),
                Code(*stated.code),
                color_of(number),
                is_lesion=True,
                is_box=True,
                is_measurable=stated.measurable,
            )
        )
        edges_mm = _edges_mm(boxes, int(index))
        measurements.append(
            Measurement(
                f"{stated.label} {number} longest edge of box",
                _LONG_AXIS,
                float(edges_mm.max()),
                _MM,
                number - 1,
                confidence=float(np.clip(boxes.scores[index], 0.0, 1.0)),
            )
        )
    # The smallest is drawn last: a box within another would be hidden, and its mask be empty.
    sizes = [float(np.prod(_edges_mm(boxes, int(index)))) for index in sure]
    for number in sorted(range(1, len(sure) + 1), key=lambda one: (-sizes[one - 1], -one)):
        _draw(masks, boxes, int(sure[number - 1]), number, volume)
    return tuple(segments), masks, tuple(measurements)


def _edges_mm(boxes: Boxes, index: int) -> NDArray[np.float64]:
    """The lengths of a box along its axes."""
    low, high = boxes.corners_lps_mm[index]
    edges: NDArray[np.float64] = np.abs(boxes.axes_lps.T @ (high - low))
    return edges


def _draw(masks: NDArray[np.uint8], boxes: Boxes, index: int, number: int, volume: Volume) -> None:
    """Number the voxels whose centres lie in a box; at least the one in its middle."""
    low, high = boxes.corners_lps_mm[index]
    middle, half = (low + high) / 2, _edges_mm(boxes, index) / 2
    kji_from_lps = np.linalg.inv(volume.lps_from_kji)
    signs = np.array(np.meshgrid(*[(-1, 1)] * 3)).reshape(3, -1)
    corners = middle[:, None] + boxes.axes_lps @ (signs * half[:, None])
    at = kji_from_lps[:3, :3] @ corners + kji_from_lps[:3, 3:]
    shape = np.array(masks.shape)
    first = np.clip(np.floor(at.min(axis=1)).astype(int), 0, shape - 1)
    last = np.clip(np.ceil(at.max(axis=1)).astype(int), 0, shape - 1)
    kji = np.stack(
        np.meshgrid(
            *(np.arange(a, b + 1) for a, b in zip(first, last, strict=True)), indexing="ij"
        ),
        axis=-1,
    )
    lps = kji @ volume.lps_from_kji[:3, :3].T + volume.lps_from_kji[:3, 3]
    inside = np.all(np.abs((lps - middle) @ boxes.axes_lps) <= half + _ROUNDING_MM, axis=-1)
    if not inside.any():
        centre = np.rint(kji_from_lps[:3, :3] @ middle + kji_from_lps[:3, 3]).astype(int)
        masks[tuple(np.clip(centre, 0, shape - 1))] = number
        return
    masks[tuple(kji[inside].T)] = number
