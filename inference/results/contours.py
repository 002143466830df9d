"""A mask of one slice as closed contours that need no other to be understood."""

from bisect import bisect_left

import numpy as np
from numpy.typing import NDArray

from inference.results.pictures.outlines import Point, outlines


def contours(mask: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Polygons of shape (points, 2) as (column, row), not closed; see `outlines` for the units.

    A hole is joined to what surrounds it by a channel without width (the keyhole technique of
    PS3.3 C.8.8.6.3), since readers fill each contour by itself. Channels run along the edges of
    pixels, so that no pixel's centre lies on one.
    """
    chains = _Chains(mask)
    outer: list[tuple[int, int]] = []
    holes: list[tuple[int, int]] = []
    for ring in outlines(mask):
        points = [(int(x), int(y)) for x, y in ring[:-1]]
        (outer if _doubled_area(ring) > 0 else holes).append(chains.add(points))
    # What lies to the left of a hole is an outer border, or a hole that is joined already.
    for first, last in sorted(holes, key=lambda ends: chains.points[ends[0]]):
        chains.join(first, last)
    return [chains.polygon(first) for first, _ in outer]


def _doubled_area(ring: NDArray[np.int64]) -> int:
    """Above zero for an outer border; a hole is walked the other way round."""
    x, y = ring[:-1].T
    return int(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))


class _Chains:
    """Rings of points, each with the one that follows it, and where their upright edges are."""

    def __init__(self, mask: NDArray[np.bool_]) -> None:
        self.points: list[Point] = []
        self._following: list[int] = []
        # The point from which the edge at a column, beside the pixels of a row, sets out.
        self._upright: dict[Point, int] = {}
        bordered = np.pad(mask, ((1, 1), (1, 1)))
        changes = bordered[:, 1:] != bordered[:, :-1]
        # Of the rows above and below the mask there are none.
        self._columns = [np.flatnonzero(row).tolist() for row in changes]

    def add(self, ring: list[Point]) -> tuple[int, int]:
        """The first point, which is the one furthest to the left, and the last."""
        start = ring.index(min(ring))
        first = len(self.points)
        self.points += ring[start:] + ring[:start]
        last = len(self.points) - 1
        self._following += [*range(first + 1, last + 1), first]
        for index in range(first, last + 1):
            self._note(index)
        return first, last

    def join(self, first: int, last: int) -> None:
        """Let the ring of a hole go on from the nearest edge to its left, and end there."""
        column, row = self.points[first]
        ahead, beside = max(
            (columns[position - 1], line)
            for line in (row - 1, row)
            if (position := bisect_left(columns := self._columns[line + 1], column))
        )
        before = self._upright[ahead, beside]
        end = self._insert((ahead, row), self._following[before])
        self._following[last] = self._insert(self.points[first], end)
        self._following[before] = self._insert((ahead, row), first)
        self._note(end)

    def polygon(self, first: int) -> NDArray[np.int64]:
        found = [self.points[first]]
        here = self._following[first]
        while here != first:
            if self.points[here] != found[-1]:
                found.append(self.points[here])
            here = self._following[here]
        return np.array(found, np.int64)

    def _insert(self, point: Point, following: int) -> int:
        self.points.append(point)
        self._following.append(following)
        return len(self.points) - 1

    def _note(self, index: int) -> None:
        (x, y), (to_x, to_y) = self.points[index], self.points[self._following[index]]
        if x == to_x:
            for line in range(min(y, to_y), max(y, to_y)):
                self._upright[x, line] = index
