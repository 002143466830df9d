"""What is measured of the structures of a brain, and what becomes of it where images end."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from inference.imaging.directions import direction_of, in_words
from inference.imaging.volume import Volume
from inference.pipeline import Measurement, Segment
from inference.pipelines.brain.head_size import turned
from inference.pipelines.brain.missing_structures import missing_structures
from inference.pipelines.brain.plausibility import is_cavity, judge, validity_of_mask
from inference.pipelines.codes import CM3, MM3_IN_CM3, PERCENT, VOLUME
from inference.pipelines.structures import STRUCTURES
from inference.volume_preparation.coverage import cut_off_too, validity_of
from inference.volume_preparation.surfaces import surface_of
from storage.core.findings import Code, Direction, Validity

_INTRACRANIAL, _PARENCHYMA = "Intracranial volume", "Brain parenchyma volume"
_VOLUME_OF, _SHARE_OF = " volume", " share of intracranial volume"
_SHARE = Code("ICVSHARE", "99MEDIVIEW", "Share of the intracranial volume")
_INTRACRANIAL_VOLUME = Code("ICV", "99MEDIVIEW", "Intracranial volume")
_PARENCHYMA_VOLUME = Code("PARENCHYMA", "99MEDIVIEW", "Volume of the brain's parenchyma")
# How far the network sees around a voxel: its dilations add up to 46 voxels of 1 mm. On a real head
# that was cut in five directions, what was farther away from the cut kept its volume within 4 %
# (the fourth ventricle within 7 %); nearer structures lost up to all of it, mostly without reaching
# the edge.
_NEAR_MM = 46.0


def measured(
    segments: Sequence[Segment],
    masks: NDArray[np.uint8],
    intracranial: NDArray[np.bool_],
    volume: Volume,
    cut_off: Sequence[Direction],
    orientation: str = "",
) -> tuple[Measurement, ...]:
    """Volumes, and each structure's share of the intracranial volume, which is what deepbet's
    mask has: brain and cerebrospinal fluid.

    `cut_off`: where the images cut the brain off. What is close to there is truncated as well,
    and of a brain that is not all there nothing has a share. What is not plausible is marked.
    """
    voxel_cm3 = volume.voxel_volume_mm3 / MM3_IN_CM3
    intracranial_cm3 = float(np.count_nonzero(intracranial)) * voxel_cm3
    counts = np.bincount(masks.ravel(), minlength=len(segments) + 1)
    against = orientation or turned(volume, intracranial)
    if not against and not cut_off:
        against = missing_structures(segments, counts, intracranial)
    judged = judge(segments, masks, intracranial, volume, against)
    doubt = validity_of_mask(intracranial, volume, against)
    whole = cut_off_too(doubt, cut_off) if doubt else validity_of(cut_off)
    near = _near(masks, cut_off, volume)
    measurements = [
        Measurement(
            _INTRACRANIAL,
            _INTRACRANIAL_VOLUME,
            intracranial_cm3,
            CM3,
            # deepbet's mask, which is no segment here, and drawn on no grid of MeshNet's.
            validity=replace(whole, surface=surface_of(intracranial, volume)),
        )
    ]
    if not cut_off:
        tissue = tuple(n for n, one in enumerate(segments) if not is_cavity(one))
        parenchyma = float(sum(counts[n + 1] for n in tissue)) * voxel_cm3
        measurements.append(
            Measurement(
                _PARENCHYMA,
                _PARENCHYMA_VOLUME,
                parenchyma,
                CM3,
                parts=tissue,
                validity=judged.validity(None),
            )
        )
    for index, segment in enumerate(segments):
        cm3 = float(counts[index + 1]) * voxel_cm3
        validity = near.get(index) or judged.validity(index)
        measurements.append(
            Measurement(f"{segment.label}{_VOLUME_OF}", VOLUME, cm3, CM3, index, validity=validity)
        )
        if not cut_off:
            share = cm3 / intracranial_cm3 * 100.0
            label = f"{segment.label}{_SHARE_OF}"
            measurements.append(
                Measurement(label, _SHARE, share, PERCENT, index, validity=validity)
            )
    return tuple(measurements)


def measures_of(labels: Iterable[str]) -> frozenset[str]:
    """What may be measured of segments with these labels, as findings name it."""
    of_segments = (f"{label}{what}" for label in labels for what in (_VOLUME_OF, _SHARE_OF))
    return frozenset((_INTRACRANIAL, _PARENCHYMA, *of_segments))


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
        f" there are truncated, and no share of the intracranial volume is stated.{beyond}",
    )
