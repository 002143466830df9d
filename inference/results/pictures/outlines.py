"""The border of a mask as closed polygons along the edges of its pixels."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Point = tuple[int, int]


def outlines(mask: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Polygons of shape (points, 2) as (column, row), the last point as the first.

    In units of pixels with 0, 0 at the upper left corner of the upper left pixel (PS3.3
    C.10.5.1.2), so a polygon encloses exactly the pixels of the mask. A hole is a polygon of
    its own. Pixels that touch at a corner alone are parted.
    """
    following = _edges(mask)
    found = []
    while following:
        start, ends = next(iter(following.items()))
        found.append(_corners(_walk(following, start, ends[0])))
    return found


def _edges(mask: NDArray[np.bool_]) -> dict[Point, list[Point]]:
    """From each corner along the border to the next, the mask to the right hand."""
    padded = np.pad(mask, 1)
    inside = padded[1:-1, 1:-1]
    following: dict[Point, list[Point]] = {}
    for beside, begin, end in (
        (padded[:-2, 1:-1], (0, 0), (1, 0)),
        (padded[1:-1, 2:], (1, 0), (1, 1)),
        (padded[2:, 1:-1], (1, 1), (0, 1)),
        (padded[1:-1, :-2], (0, 1), (0, 0)),
    ):
        rows, columns = np.nonzero(inside & ~beside)
        for column, row in zip(columns.tolist(), rows.tolist(), strict=True):
            following.setdefault((column + begin[0], row + begin[1]), []).append(
                (column + end[0], row + end[1])
            )
    return following


def _walk(following: dict[Point, list[Point]], start: Point, first: Point) -> Iterator[Point]:
    """Take the edges of one polygon out of `following`, point by point."""
    here, ahead = start, first
    while True:
        yield here
        ends = following[here]
        ends.remove(ahead)
        if not ends:
            del following[here]
        if ahead == start:
            return
        # Where two pixels touch at a corner, to the right: around the pixel that we are at.
        right = ahead[0] - (ahead[1] - here[1]), ahead[1] + (ahead[0] - here[0])
        choices = following[ahead]
        here, ahead = ahead, right if right in choices else choices[0]


def _corners(points: Iterator[Point]) -> NDArray[np.int64]:
    """Without the points in the middle of a straight line, and closed."""
    ring = np.array(list(points), np.int64)
    before, after = np.roll(ring, 1, axis=0), np.roll(ring, -1, axis=0)
    turns = np.any((ring - before) != (after - ring), axis=1)
    corners = ring[turns]
    return np.concatenate([corners, corners[:1]])
