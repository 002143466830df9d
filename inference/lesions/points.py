"""Where a lesion lies, as points in the patient's space."""

import numpy as np
from numpy.typing import NDArray

from inference.imaging.volume import Volume
from storage.lesions.entities import Lesion

_MOST_POINTS = 1500


def spread_points(mask: NDArray[np.bool_], volume: Volume) -> NDArray[np.float64]:
    """Centres of voxels, at most so many, spread over the lesion: shape (n, 3), mm, LPS."""
    kji = np.argwhere(mask)
    kji = kji[np.linspace(0, len(kji) - 1, min(len(kji), _MOST_POINTS)).astype(int)]
    places: NDArray[np.float64] = kji @ volume.lps_from_kji[:3, :3].T + volume.lps_from_kji[:3, 3]
    return places


def stored_points(points: NDArray[np.float64]) -> bytes:
    """As `Lesion.points` keeps them."""
    return points.astype("<f4").tobytes()


def points_of(lesion: Lesion) -> NDArray[np.float64]:
    """Shape (n, 3), mm, LPS."""
    return np.frombuffer(lesion.points, "<f4").reshape(-1, 3).astype(np.float64)
