"""Whether what was found of the lungs can be right, and what a reader must know of it.

What cannot is stated all the same, marked as not plausible, and is compared with nothing: lung
that lies on the other side as well, air without the texture of lung, a Hounsfield scale that is
off. docs/pipelines.md has the limits.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from inference.imaging.boxes import box_of
from inference.imaging.volume import Volume
from inference.pipeline import Measurement
from inference.pipelines.chest.free_air import free_air_ml
from inference.pipelines.chest.hounsfield import streaks_beside, why_scale_is_off
from inference.pipelines.chest.lungs import Lungs
from storage.core.caveats import Caveat
from storage.core.findings import Validity

Mask = NDArray[np.bool_]

# What lies so far beyond the middle of the body lies on the other side. Of the shared chest CT
# less than a ml of either lung does.
_BEYOND_MM = 5.0
# Of a lung without its fellow, that may be what is left of the fellow; of two that were parted it
# is more likely a lung that bulges over.
MOST_BEYOND_OF_ONE_ML = 10.0
MOST_BEYOND_OF_TWO_SHARE = 0.05
# A bulla is emphysema; one of this size is a giant one, and nobody knows it from free air.
MOST_FREE_AIR_ML = 100.0
CAUTIOUS_FROM_FREE_AIR_ML = 30.0
_LOOK = "Look at the images before using the value."
_STREAKS = Caveat(
    "streaks",
    "Metal or undiluted contrast agent (3000 HU or more) lies in the lungs or within 20 mm of them:"
    " its streaks change the density of lung, and dark ones count as emphysema.",
)
_SIDE = Caveat(
    "side_not_certain",
    "A part of it lies beyond the middle of the body: which lung it is of is not certain.",
)
_NOT_FOUND = (
    "No {side} lung was found in the images: nothing on that side has the size and the density of"
    " a lung, as after its removal, or where it is collapsed or filled. What is stated is of the"
    " other lung alone."
)


@dataclass(frozen=True)
class Doubts:
    """Why values are not plausible: of all, and by segment; and caveats of all."""

    of_all: str = ""
    of_segments: Mapping[int, str] = field(default_factory=dict)
    caveats: tuple[Caveat, ...] = ()

    def applied(self, measurement: Measurement) -> Measurement:
        """A total has the doubts of its parts."""
        index = measurement.segment_index
        indices = measurement.parts if index is None else (index,)
        reasons = [self.of_all, *(self.of_segments.get(one, "") for one in indices)]
        reason = " ".join(dict.fromkeys(filter(None, reasons)))
        if not reason or (measurement.validity and measurement.validity.state == "truncated"):
            return measurement
        validity = Validity("implausible", reason=f"{reason} {_LOOK}")
        return replace(measurement, validity=validity)


def doubts_of(volume: Volume, lungs: Lungs, masks: Sequence[Mask], outside: Mask | None) -> Doubts:
    """`masks`: of the segments, in their order, each of the shape of `volume`; `outside`: what
    was not imaged."""
    spacing = volume.spacing_mm
    of_segments: dict[int, str] = {}
    caveats: list[Caveat] = []
    for index, mask in enumerate(masks):
        air_ml = free_air_ml(volume.voxels, mask, spacing)
        reasons = list(_of_side(mask, lungs, volume))
        if reasons:
            caveats.append(_SIDE)
        if air_ml >= MOST_FREE_AIR_ML:
            reasons.append(
                f"{air_ml:.0f} mL of it is air in one piece without the texture of lung: free air"
                " (pneumothorax), a giant bulla and gas of the bowel cannot be distinguished from"
                " lung."
            )
        if air_ml >= CAUTIOUS_FROM_FREE_AIR_ML:
            caveats.append(_of_air(air_ml, _name_of(mask, lungs)))
        of_segments[index] = " ".join(reasons)
    lung = np.logical_or.reduce(masks)
    if streaks_beside(volume.voxels, lung, spacing):
        caveats.append(_STREAKS)
    caveats += missing_lung(lungs)
    off = why_scale_is_off(volume.voxels, lungs.airways, outside, spacing)
    if off:
        caveats.append(Caveat("hounsfield_scale", off))
    return Doubts(off, of_segments, tuple(dict.fromkeys(caveats)))


def missing_lung(lungs: Lungs) -> Iterator[Caveat]:
    """Which lung was not found, where the other one was."""
    if lungs.undetermined.any():
        return
    if not lungs.left.any():
        yield Caveat("no_left_lung", _NOT_FOUND.format(side="left"))
    if not lungs.right.any():
        yield Caveat("no_right_lung", _NOT_FOUND.format(side="right"))


def _name_of(mask: Mask, lungs: Lungs) -> str:
    if lungs.undetermined.any():
        return "lung"
    return "the left lung" if (mask & lungs.left).any() else "the right lung"


def _of_air(air_ml: float, name: str) -> Caveat:
    return Caveat(
        "free_air",
        f"{air_ml:.0f} mL of what counts as {name} is air in one piece without the texture of lung:"
        " a bulla, free air (pneumothorax) or a large airway; it counts as emphysema.",
    )


def _of_side(mask: Mask, lungs: Lungs, volume: Volume) -> Iterator[str]:
    """Where it cannot be decided which lung it is, or whether it is one."""
    if lungs.undetermined.any():
        if not lungs.body_cut_off_at:
            yield (
                "It lies across the middle of the body: whether it is one lung or both is not"
                " determined."
            )
        return
    if lungs.middle_mm is None:
        return
    is_left = bool((mask & lungs.left).any())
    beyond_ml, lung_ml = _beyond_ml(mask, is_left, lungs.middle_mm, volume)
    has_fellow = lungs.left.any() and lungs.right.any()
    most = lung_ml * MOST_BEYOND_OF_TWO_SHARE if has_fellow else MOST_BEYOND_OF_ONE_ML
    if beyond_ml > most:
        other = "right" if is_left else "left"
        yield (
            f"{beyond_ml:.0f} mL of it lies on the patient's {other}, beyond the middle of the"
            f" body: it may be a part of the {other} lung."
        )


def _beyond_ml(mask: Mask, is_left: bool, middle_mm: float, volume: Volume) -> tuple[float, float]:
    """How much lies beyond the middle, and how much there is; LPS x grows to the left
    (PS3.3 C.7.6.2.1.1)."""
    box = box_of(mask, margin=0)
    inside = mask[box]
    k, j, i = np.ogrid[box]
    row = volume.lps_from_kji[0]
    from_middle_mm = row[0] * k + row[1] * j + row[2] * i + row[3] - middle_mm
    beyond = from_middle_mm < -_BEYOND_MM if is_left else from_middle_mm > _BEYOND_MM
    voxel_ml = volume.voxel_volume_mm3 / 1000.0
    return (
        float(np.count_nonzero(inside & beyond)) * voxel_ml,
        float(np.count_nonzero(inside)) * voxel_ml,
    )
