"""What is measured of the structures of a brain, and what becomes of it where images end."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inference.imaging.coverage import validity_of
from inference.imaging.directions import direction_of, in_words
from inference.imaging.volume import Volume
from inference.pipeline import Measurement, Segment
from inference.pipelines.codes import CM3, MM3_IN_CM3, PERCENT, VOLUME
from inference.pipelines.structures import STRUCTURES
from storage.core.entities import Code, Direction, Validity

_SHARE = Code("BRAINSHARE", "99MEDIVIEW", "Share of the brain mask's volume")
_BRAIN_VOLUME = Code("BRAINMASK", "99MEDIVIEW", "Volume of the brain mask")
# How far the network sees around a voxel: its dilations add up to 46 voxels of 1 mm. On a real head
# that was cut in five directions, what was farther away from the cut kept its volume within 4 %
# (the fourth ventricle within 7 %); nearer structures lost up to all of it, mostly without reaching
# the edge.
_NEAR_MM = 46.0


def measured(
    segments: Sequence[Segment],
    masks: NDArray[np.uint8],
    brain: NDArray[np.bool_],
    volume: Volume,
    cut_off: Sequence[Direction],
) -> tuple[Measurement, ...]:
    """`cut_off`: where the images cut the brain off. What is close to there is truncated as well,
    and of a brain that is not all there nothing has a share."""
    voxel_cm3 = volume.voxel_volume_mm3 / MM3_IN_CM3
    brain_cm3 = float(np.count_nonzero(brain)) * voxel_cm3
    counts = np.bincount(masks.ravel(), minlength=len(segments) + 1)
    measurements = [
        Measurement(
            "Brain mask volume", _BRAIN_VOLUME, brain_cm3, CM3, validity=validity_of(cut_off)
        )
    ]
    near = _near(masks, cut_off, volume)
    for index, segment in enumerate(segments):
        cm3 = float(counts[index + 1]) * voxel_cm3
        measurements.append(
            Measurement(
                f"{segment.label} volume", VOLUME, cm3, CM3, index, validity=near.get(index)
            )
        )
        if not cut_off:
            share = cm3 / brain_cm3 * 100.0
            measurements.append(
                Measurement(f"{segment.label} share of brain", _SHARE, share, PERCENT, index)
            )
    return tuple(measurements)


def _near(
    masks: NDArray[np.uint8], cut_off: Sequence[Direction], volume: Volume
) -> dict[int, Validity]:
    """Segments so close to where the brain is cut off that they are found in part."""
    found: dict[int, dict[Direction, None]] = {}
    for axis in range(3):
        for end in (False, True):
            direction = direction_of(volume.lps_from_kji, axis, end=end)
            if direction not in cut_off:
                continue
            layers = int(_NEAR_MM / volume.spacing_mm[axis])
            zone = slice(-layers, None) if end else slice(layers)
            in_zone = masks[tuple(zone if other == axis else slice(None) for other in range(3))]
            for number in np.unique(in_zone):
                if number:
                    found.setdefault(int(number) - 1, {})[direction] = None
    return {
        index: Validity(
            "truncated",
            tuple(where),
            f"The images cut the brain off {in_words(tuple(where))}, in it or close to it.",
        )
        for index, where in found.items()
    }


def notes_of(segments: Sequence[Segment], cut_off: Sequence[Direction]) -> tuple[str, ...]:
    """What an incomplete brain means for what is stated, and for what is not."""
    if not cut_off:
        return ()
    found = {segment.type for segment in segments}
    missing = [one.name for one in STRUCTURES if one.code not in found]
    beyond = f" Not found: {', '.join(missing)}." if missing else ""
    return (
        f"The images cut the brain off {in_words(cut_off)}: structures within {_NEAR_MM:g} mm of"
        f" there are truncated, and no share of the brain is stated.{beyond}",
    )
