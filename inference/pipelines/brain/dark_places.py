"""Places in a mask that are too dark to be what it says.

A network draws the half of a head that is not there, and structures into a hole that a surgeon
left. Both are dark and thick; the fluid between gyri, and voxels that hold both fluid and tissue,
are thin.
"""

import math

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
    # Nearly always there is none, which this tells in a fiftieth of the time of a distance.
    middles = _with_cube_around(mask, spacing_mm)
    if not middles.any():
        return found
    import edt

    box = box_of(middles, math.ceil(2 * _HALF_THICKNESS_MM / min(spacing_mm)) + 1)
    inside = np.ascontiguousarray(mask[box])
    # The border as well: beyond the volume nothing is known.
    to_edge = edt.edt(np.pad(inside, 1), anisotropy=spacing_mm)[1:-1, 1:-1, 1:-1]
    core = to_edge > _HALF_THICKNESS_MM
    if core.any():
        to_core = edt.edt(~core, anisotropy=spacing_mm)
        found[box] = inside & (to_core <= _HALF_THICKNESS_MM)
    return found


def _with_cube_around(mask: NDArray[np.bool_], spacing_mm: tuple[float, ...]) -> NDArray[np.bool_]:
    """Where all of the cube within a ball of that radius lies in the mask, as for a ball it must.

    Beyond the volume as if it were in the mask.
    """
    half_edge_mm = _HALF_THICKNESS_MM / math.sqrt(3)
    left = mask
    for axis, step_mm in enumerate(spacing_mm):
        whole = left.copy()
        for shift in range(1, int(half_edge_mm / step_mm) + 1):
            if shift >= mask.shape[axis]:
                break
            low, high = (
                tuple(one if at == axis else slice(None) for at in range(mask.ndim))
                for one in (slice(None, -shift), slice(shift, None))
            )
            whole[low] &= left[high]
            whole[high] &= left[low]
        left = whole
    return left


def share_without_signal(mask: NDArray[np.bool_], volume: Volume) -> float:
    """Of a mask on the grid of `volume`: what lies in thick places without any signal."""
    if not mask.any():
        return 0.0
    darkest = float(np.nanmin(volume.voxels))
    middle = float(np.median(volume.voxels[mask]))
    dark = mask & (volume.voxels <= darkest + _NO_SIGNAL * (middle - darkest))
    thick = thick_places(dark, volume.spacing_mm)
    return int(np.count_nonzero(thick)) / int(np.count_nonzero(mask))
