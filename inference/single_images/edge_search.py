"""Long straight edges beside which a film is unexposed or blackened: candidates for the sides of
the exposed field, found on a coarse grid.

Each is looked for as a line that runs from top to bottom; those that lie are found on the grid
with its axes exchanged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.float32]

LEAST_STEP = 0.02
_MOST_DEGREES = 12.0
_DEGREES_APART = 0.5
_STEP_PIXELS = 3
_NOISE_OF_STEP = 0.9
_CANDIDATES = 10
_PLACES_BESIDE = 4
"""At which no other line is looked for."""
_VOTES_ALIKE = 0.97
_BESIDE = 0.15
_SPAN_AT_LEAST = 0.35
_SUPPORT_IN_SPAN = 0.75
_SUPPORT_BETWEEN_SIDES = 0.5
_SHARE_AROUND = 12
"""Of the grid's height, about each row."""
_EVEN = 0.05
_SCATTER = 0.12
"""How much an unexposed border may vary: scattered radiation falls off across it."""
_SPREAD_AT_MOST = 0.75
"""Of what lies outside of a side, to the step across it."""
_DEGREES_OF_SIDES = 1.5


@dataclass(frozen=True)
class EdgeLine:
    """x = slope · y + at, of a side that runs from top to bottom, in pixels of a grid or of the
    image. `rises`: whether values rise from left to right across it; `is_last`: what is exposed
    lies to its left. `evidence`: 0, it is seen in the values; 1, in their evenness. `score`: how
    much speaks for it."""

    slope: float
    at: float
    rises: bool
    is_last: bool
    evidence: int
    score: float = 0.0

    def x(self, y: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(self.slope * y + self.at, np.float64)

    @property
    def degrees(self) -> float:
        return float(np.degrees(np.arctan(self.slope)))


def find_edges(grids: Sequence[Floats]) -> tuple[list[EdgeLine], list[EdgeLine]]:
    """Left and right, and top and bottom as those of the grid with its axes exchanged."""
    turned = [grid.T for grid in grids]
    found = [
        [line for number, grid in enumerate(some) for line in _candidates(grid, number)]
        for some in (grids, turned)
    ]
    best = [_best_of(one) for one in found]
    everything = [line for pair in best for line in pair]
    if not everything:
        return [], []
    surest = max(everything, key=lambda line: line.score)
    degrees = surest.degrees if surest in best[0] else -surest.degrees
    chosen = [
        _best_of([one for one in lines if abs(one.degrees - sign * degrees) <= _DEGREES_OF_SIDES])
        for lines, sign in zip(found, (1, -1), strict=True)
    ]
    for _ in range(2):
        chosen = [
            [line for line in chosen[0] if _lasts(grids[line.evidence], line, chosen[1])],
            [line for line in chosen[1] if _lasts(turned[line.evidence], line, chosen[0])],
        ]
    return chosen[0], chosen[1]


def _best_of(lines: Sequence[EdgeLine]) -> list[EdgeLine]:
    """The best on the left and the best on the right."""
    sides = ([one for one in lines if one.is_last is last] for last in (False, True))
    return [max(side, key=lambda line: line.score) for side in sides if side]


def _steps(grid: Floats) -> tuple[Floats, float]:
    """How much values rise across each boundary between columns, (rows, columns + 1), and what of
    it is more than noise. Boundary n lies left of column n."""
    smooth = ndimage.gaussian_filter1d(grid, 2.5, axis=0)
    padded = np.pad(smooth, ((0, 0), (_STEP_PIXELS, _STEP_PIXELS)), mode="edge")
    sums = np.cumsum(np.pad(padded, ((0, 0), (1, 0))), axis=1, dtype=np.float64)
    means = (sums[:, _STEP_PIXELS:] - sums[:, :-_STEP_PIXELS]) / _STEP_PIXELS
    steps = (means[:, _STEP_PIXELS:] - means[:, :-_STEP_PIXELS]).astype(np.float32)
    crossed = grid[1:, 1:] - grid[1:, :-1] - grid[:-1, 1:] + grid[:-1, :-1]
    noise = 1.4826 * float(np.median(np.abs(crossed))) / 2.0
    return steps, max(LEAST_STEP, _NOISE_OF_STEP * noise)


def _candidates(grid: Floats, evidence: int) -> list[EdgeLine]:
    """Lines from top to bottom beside which the film may be unexposed, by a Hough transform."""
    steps, threshold = _steps(grid)
    rows, columns = grid.shape
    angles = np.arange(-_MOST_DEGREES, _MOST_DEGREES + 0.1, _DEGREES_APART)
    slopes = np.tan(np.radians(angles))
    margin = int(np.ceil(np.tan(np.radians(_MOST_DEGREES)) * rows / 2)) + 2
    width = columns + 1 + 2 * margin
    found: list[EdgeLine] = []
    for rises in (False, True):
        signed = steps if rises else -steps
        peaks = (signed > threshold) & (signed >= ndimage.maximum_filter1d(signed, 5, axis=1))
        y, x = np.nonzero(peaks)
        y_middle = (y + 0.5 - rows / 2)[None, :]
        at = np.rint(x[None, :] - slopes[:, None] * y_middle).astype(np.int64) + margin
        flat = at + width * np.arange(len(slopes))[:, None]
        votes = np.bincount(flat.ravel(), minlength=width * len(slopes)).reshape(-1, width)
        votes = ndimage.uniform_filter1d(votes.astype(np.float32), 3, axis=1)
        for _ in range(_CANDIDATES):
            most = np.unravel_index(int(votes.argmax()), votes.shape)
            if votes[most] * 3 < _SPAN_AT_LEAST * _SUPPORT_IN_SPAN * rows:
                break
            turn, place = _middle_of_alike(votes, int(most[0]), int(most[1]))
            slope = float(slopes[turn])
            line = EdgeLine(slope, float(place) - margin - slope * rows / 2, rises, False, evidence)
            found += _judged(grid, steps, threshold, line)
            votes[:, max(0, place - _PLACES_BESIDE) : place + _PLACES_BESIDE + 1] = 0.0
    return found


def _middle_of_alike(votes: Floats, turn: int, place: int) -> tuple[int, int]:
    """The middle one of neighbouring angles that have about as many votes as the best.

    A short edge lies within the width of a place at several of them.
    """
    start = max(0, place - _PLACES_BESIDE)
    near = votes[:, start : place + _PLACES_BESIDE + 1]
    alike = near.max(axis=1) >= _VOTES_ALIKE * votes[turn, place]
    first = last = turn
    while first > 0 and alike[first - 1]:
        first -= 1
    while last + 1 < len(alike) and alike[last + 1]:
        last += 1
    middle = (first + last) // 2
    best = np.flatnonzero(near[middle] == near[middle].max())
    return middle, start + int(best[len(best) // 2])


def _support(
    steps: Floats, threshold: float, line: EdgeLine, y: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], Floats]:
    """Where along a line values rise, or fall, as it says; and how much."""
    x = np.rint(line.x(y + 0.5)).astype(np.int64)
    near = x[:, None] + np.arange(-1, 2)
    inside = (near >= 0) & (near < steps.shape[1])
    signed = steps[y[:, None], np.clip(near, 0, steps.shape[1] - 1)] * (1 if line.rises else -1)
    across: Floats = np.where(inside, signed, -1.0).max(axis=1)
    return across > threshold, across


def _judged(grid: Floats, steps: Floats, threshold: float, line: EdgeLine) -> Iterator[EdgeLine]:
    """The line as a side of the field, with its score, for each side on which it may be one."""
    rows, columns = grid.shape
    y = np.arange(rows)
    supported, across = _support(steps, threshold, line, y)
    # Noise alone is a step here and there, far from where the side ends.
    around = ndimage.uniform_filter1d(
        supported.astype(np.float32), rows // _SHARE_AROUND | 1, mode="constant"
    )
    seen = y[supported & (around >= 0.5)]
    if len(seen) < 2:
        return
    first, last = (int(one) for one in np.percentile(seen, (2, 98)))
    span = slice(first, last + 1)
    share = float(supported[span].mean())
    if last - first < _SPAN_AT_LEAST * rows or share < _SUPPORT_IN_SPAN:
        return
    height = float(np.median(across[span][supported[span]]))
    score = share * (last - first) / rows * height
    from_line = np.arange(columns)[None, :] + 0.5 - line.x(y[span] + 0.5)[:, None]
    part = ndimage.gaussian_filter(grid, 1.0)[span]
    for is_last in (False, True):
        outwards = from_line if is_last else -from_line
        outside = part[outwards > 2]
        # Beside the line alone: farther inwards there may be the border of the other sides.
        inside = part[(outwards < -2) & (outwards > -2 - _BESIDE * columns)]
        if outside.size < 2 * (last - first) or inside.size < 0.5 * _BESIDE * part.size:
            continue
        low, middle, high = (float(one) for one in np.percentile(outside, (10, 50, 90)))
        # Outside is brighter where values rise outwards.
        is_bright = line.rises is is_last
        unexposed = (
            is_bright
            and high - low <= max(_SPREAD_AT_MOST * height, _SCATTER)
            and middle >= float(np.percentile(inside, 75))
        )
        if unexposed or high - low <= _EVEN:
            yield replace(line, is_last=is_last, score=score)


def edge_between(line: EdgeLine, others: Sequence[EdgeLine], length: int) -> tuple[float, float]:
    """From where to where a side of the grid runs: between the `others` that it meets."""
    start, end = 0.0, float(length)
    for other in others:
        # x = slope y + at, and y = slope' x + at'.
        y = float((other.slope * line.at + other.at) / (1.0 - other.slope * line.slope))
        start, end = (start, min(end, y)) if other.is_last else (max(start, y), end)
    return start, end


def _lasts(grid: Floats, line: EdgeLine, others: Sequence[EdgeLine]) -> bool:
    """Whether a side is seen along most of its way between the others."""
    start, end = edge_between(line, others, grid.shape[0])
    y = np.arange(max(0, int(start) + 3), min(grid.shape[0], int(end) - 3))
    if len(y) < 5:
        return False
    supported, _ = _support(*_steps(grid), line, y)
    return float(supported.mean()) >= _SUPPORT_BETWEEN_SIDES
