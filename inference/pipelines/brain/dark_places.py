"""Places in a mask that are too dark to be what it says.

A network draws the half of a head that is not there, and structures into a hole that a surgeon
left. Both are dark and thick; the fluid between gyri, and voxels that hold both fluid and tissue,
are thin.
"""

import numpy as np
from numpy.typing import NDArray

from inference.imaging.boxes import box_of
from inference.imaging.volume import Volume

_HALF_THICKNESS_MM = 3.0
"""Of what counts: cortex is up to 4.5 mm thick, sulci are thinner."""

_NO_SIGNAL = 0.03
"""Of how bright the middle of a mask is, above the darkest voxel. Fluid has 20 % and more there in
T1-weighted images, and what was filled with zeros none."""


def thick_places(mask: NDArray[np.bool_], spacing_mm: tuple[float, ...]) -> NDArray[np.bool_]:
    """The parts of a mask into which a ball of a radius of 3 mm fits.

    `mask` has three axes, `spacing_mm` the distance of voxels along each.
    """
    found = np.zeros_like(mask)
    if not mask.any():
        return found
    from scipy.ndimage import distance_transform_edt

    # A layer of what is not in the mask all around: beyond the volume nothing is known.
    box = box_of(mask, 1)
    inside = np.pad(mask[box], 1)
    core = distance_transform_edt(inside, sampling=spacing_mm) > _HALF_THICKNESS_MM
    if not core.any():
        return found
    near = distance_transform_edt(~core, sampling=spacing_mm) <= _HALF_THICKNESS_MM
    found[box] = (near & inside)[1:-1, 1:-1, 1:-1]
    return found


def share_without_signal(mask: NDArray[np.bool_], volume: Volume) -> float:
    """Of a mask on the grid of `volume`: what lies in thick places without any signal."""
    if not mask.any():
        return 0.0
    darkest = float(np.nanmin(volume.voxels))
    middle = float(np.median(volume.voxels[mask]))
    dark = mask & (volume.voxels <= darkest + _NO_SIGNAL * (middle - darkest))
    thick = thick_places(dark, volume.spacing_mm)
    return int(np.count_nonzero(thick)) / int(np.count_nonzero(mask))
