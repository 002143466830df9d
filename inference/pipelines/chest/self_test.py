"""A known chest, and what finding its lungs must give."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.models.card import Proof
from inference.refusals import ModelUnusable, NothingFound

_CHEST_SPACING_MM = 5.0
_CHEST_HALF_MM = (110.0, 130.0, 170.0)
_LUNG_HALF_MM = (95.0, 80.0, 58.0)
_LUNG_MIDDLE_MM = 70.0
_LUNG_TOLERANCE = 0.08
_MM3_IN_LITRE = 1e6


def prove_lungs() -> Proof:
    """Two ellipsoids of lung in a body are measured as large as they are; a blank CT has none."""
    from inference.pipelines.chest.lungs import segment_lungs

    hu, affine, right_litres = _chest()
    lungs = segment_lungs(hu, affine)
    litres = {
        f"litres of the {side} lung": float(np.count_nonzero(mask))
        * _CHEST_SPACING_MM**3
        / _MM3_IN_LITRE
        for side, mask in (("left", lungs.left), ("right", lungs.right))
    }
    if any(abs(found / right_litres - 1) > _LUNG_TOLERANCE for found in litres.values()):
        found = " and ".join(f"{value:.3f}" for value in litres.values())
        raise ModelUnusable(
            f"lung-density fails its self-test: it finds {found} litres in a phantom with"
            f" {right_litres:.3f} on each side.",
            remedy="Install scipy, connected-components-3d, edt and fill-voids again in the"
            " versions of this release.",
        )
    try:
        segment_lungs(np.full_like(hu, -1000.0), affine)
    except NothingFound:
        return Proof(
            litres, "Both lungs of a phantom are as large as they are; a blank CT has none."
        )
    raise ModelUnusable("lung-density finds lungs in a blank CT.", remedy="Install it again.")


def _chest() -> tuple[NDArray[np.float32], NDArray[np.float64], float]:
    """HU, affine, and the litres of one of its two lungs: slices, rows, columns from feet up."""
    half = [int(edge / _CHEST_SPACING_MM) for edge in _CHEST_HALF_MM]
    z, y, x = (
        axis * _CHEST_SPACING_MM
        for axis in np.meshgrid(*(np.arange(-n, n + 1) for n in half), indexing="ij")
    )
    hu = np.full(z.shape, -1000.0, np.float32)
    hu[(x / 160) ** 2 + (y / 120) ** 2 < 1] = 40.0
    for side in (-1, 1):
        hu[_lung(z, y, x - side * _LUNG_MIDDLE_MM)] = -850.0
    # A trachea, by which the airways are found and left out.
    hu[(x**2 + y**2 < 81) & (z > 40)] = -1000.0
    affine = np.eye(4)
    affine[:3, :3] = np.diag((_CHEST_SPACING_MM,) * 3)[:, ::-1]
    affine[:3, 3] = [-_CHEST_HALF_MM[2], -_CHEST_HALF_MM[1], -_CHEST_HALF_MM[0]]
    litres = 4 / 3 * np.pi * float(np.prod(_LUNG_HALF_MM)) / _MM3_IN_LITRE
    return hu, affine, litres


def _lung(
    z: NDArray[np.floating[Any]], y: NDArray[np.floating[Any]], x: NDArray[np.floating[Any]]
) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = (z / _LUNG_HALF_MM[0]) ** 2 + (y / _LUNG_HALF_MM[1]) ** 2 + (
        x / _LUNG_HALF_MM[2]
    ) ** 2 < 1
    return inside
