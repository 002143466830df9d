"""A head that is drawn, as four MR sequences see it, wherever it lay while each was made."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

Places = NDArray[np.float64]

LESION_MM, LESION_RADII_MM = np.array([32.0, -18.0, 22.0]), np.array([15.0, 11.0, 13.0])

GREY = {
    "t1": {"scalp": 520, "skull": 60, "liquor": 120, "white": 420, "deep": 330, "lesion": 230},
    "t1c": {"scalp": 560, "skull": 60, "liquor": 130, "white": 430, "deep": 340, "lesion": 700},
    "t2": {"scalp": 300, "skull": 50, "liquor": 900, "white": 260, "deep": 340, "lesion": 620},
    "flair": {"scalp": 330, "skull": 50, "liquor": 90, "white": 300, "deep": 380, "lesion": 900},
}
"""Of each tissue; air is 10."""

# Centre and radii in mm (x to the left, y to the back, z to the top), the later over the earlier.
_ELLIPSOIDS = (
    ("scalp", (0, 0, 0), (78, 96, 88)),
    ("skull", (0, 0, 0), (73, 91, 83)),
    ("liquor", (0, 1, 0), (67, 84, 77)),
    ("white", (0, 2, -1), (63, 79, 73)),
    ("deep", (16, 6, 4), (9, 17, 11)),
    ("deep", (-16, 6, 4), (9, 17, 11)),
    ("liquor", (10, 18, 16), (6, 26, 9)),
    ("liquor", (-9, 22, 17), (5, 22, 8)),
    ("deep", (0, 48, -38), (42, 26, 20)),
    ("liquor", (0, 36, -30), (7, 6, 9)),
    ("scalp", (0, -98, -22), (10, 14, 22)),
)


def moved(turned_deg: tuple[float, float, float], shift_mm: tuple[float, float, float]) -> Places:
    """4x4: where a place of the head lies after it was turned about x, y, z and shifted."""
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", turned_deg, degrees=True).as_matrix()
    matrix[:3, 3] = shift_mm
    return matrix


def is_lesion(places: Places) -> NDArray[np.bool_]:
    return np.asarray((((places - LESION_MM) / LESION_RADII_MM) ** 2).sum(axis=-1) < 1)


def grey(kind: str, places: Places) -> NDArray[np.float64]:
    """What a sequence shows at places of the head, (..., 3) in mm; with the fade of a coil."""
    values = np.full(places.shape[:-1], 10.0)
    tissues = GREY[kind]
    for tissue, centre, radii in _ELLIPSOIDS:
        inside = (((places - centre) / radii) ** 2).sum(axis=-1) < 1
        values[inside] = tissues[tissue]
    values[is_lesion(places)] = tissues["lesion"]
    fade: NDArray[np.float64] = values * (1 + 0.0012 * places[..., 1])
    return fade


def drawn(
    kind: str,
    shape: tuple[int, int, int],
    lps_from_kji: NDArray[Any],
    scanner_from_head: Places,
    seed: int,
    noise: float = 12.0,
) -> NDArray[np.int16]:
    """Voxels of a sequence on a grid of the scanner, as int16."""
    kji = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    scanner = kji @ lps_from_kji[:3, :3].T + lps_from_kji[:3, 3]
    back = np.linalg.inv(scanner_from_head)
    values = grey(kind, scanner @ back[:3, :3].T + back[:3, 3])
    values += np.random.default_rng(seed).normal(0, noise, values.shape)
    return np.clip(np.rint(values), 0, 4000).astype(np.int16)
