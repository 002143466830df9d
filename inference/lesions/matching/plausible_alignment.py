"""Whether what became of a patient's lesions speaks against the alignment of two studies.

A spine repeats itself every few centimetres, and the air around a body decides how alike two
volumes are: a movement that is off by one vertebra correlates as well as the right one. Lesions,
which keep their distances from each other, tell the two apart.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Points = NDArray[np.float64]

_LEAST_LESIONS = 3
"""That are gone and that are new, from which they speak against an alignment by themselves."""
_FARTHEST_SHIFT_MM = 60.0
_SAME_PLACE_MM = 8.0
_MAY_CORRELATE_LESS = 0.02


def is_doubtful(found: int, gone: int, new: int) -> bool:
    """Whether fewer than half of the lesions that both studies show are in both.

    `found` counts the lesions of the earlier study that are in the later one.
    """
    return min(gone, new) >= _LEAST_LESIONS and found < min(gone, new)


def shift_between(earlier: Sequence[Points], later: Sequence[Points]) -> Points | None:
    """By how much most of the lesions of one space lie off all together, in mm, shape (3,).

    `earlier` and `later`: those that found no partner. None where no single shift brings half of
    the fewer ones, and two at least, to their places.
    """
    if min(len(earlier), len(later)) < 2:
        return None
    one, other = (np.array([points.mean(axis=0) for points in some]) for some in (earlier, later))
    places = cKDTree(other)
    best, best_count = None, 0
    for shift in (other[None] - one[:, None]).reshape(-1, 3):
        if np.linalg.norm(shift) > _FARTHEST_SHIFT_MM:
            continue
        distances, nearest = places.query(one + shift, distance_upper_bound=_SAME_PLACE_MM)
        there = np.isfinite(distances)
        count = len(set(nearest[there]))
        if count > best_count:
            best, best_count = (other[nearest[there]] - one[there]).mean(axis=0), count
    return best if best_count >= max(2, min(len(one), len(other)) / 2) else None


def may_be_shifted(correlation: float, before: float, found: int) -> bool:
    """Whether an alignment that brings `found` more lesions to their places is believed instead.

    Few lesions may lie so by chance: then the images must agree as well as before.
    """
    less = _MAY_CORRELATE_LESS if found >= _LEAST_LESIONS else 0.0
    return correlation >= before - less
