"""How well two volumes agree within the body.

The air around a body decides how alike two volumes are as a whole: another person, or the same one
off by a vertebra, correlates by more than 0.99. What lies within does not.
"""

from typing import Any

import numpy as np
import SimpleITK
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, binary_fill_holes

from inference.imaging.registration.rigid_registration import correlation

_SKIN_MM = 9.0
"""Left out: skin and fat below it are as bright in every body."""
_LEAST_SHARE, _LEAST_VOXELS = 0.02, 1000
"""Of what both show, from which it counts as the inside of a body."""


def inner_correlation(one: Any, other: Any, both: NDArray[np.bool_]) -> float:
    """Of two images on one grid, from -1 to 1, over the voxels well within both bodies.

    `both`: what both images show. Over all of that where no body stands out from its background,
    as in a field of view that lies within one, or where too little of it is shown.
    """
    rim = max(round(_SKIN_MM / float(one.GetSpacing()[0])), 1)
    inside = binary_erosion(_body(one) & _body(other), iterations=rim) & both
    if inside.sum() < max(_LEAST_SHARE * both.sum(), _LEAST_VOXELS):
        inside = both
    return correlation(one, other, inside)


def _body(image: Any) -> NDArray[np.bool_]:
    """What is brighter than the background, with what it encloses in each slice, such as lungs."""
    bright = SimpleITK.GetArrayFromImage(SimpleITK.OtsuThreshold(image, 0, 1)) > 0
    return np.stack([binary_fill_holes(one) for one in bright])
