"""The exposed field of a film, by the straight edges of its collimation. No model is involved.

The diaphragm of an X-ray tube is a rectangle, which lies parallel to the detector or is turned by
some degrees. Each of its sides is looked for as a long straight edge beside which the film is
unexposed (shown white, as dense bone is) or blackened, and evenly so. A side that is not found is
that of the image.

Coordinates are (column, row): 0, 0 is the upper left corner of the upper left pixel.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

Side = Literal["left", "right", "top", "bottom"]

_Floats = NDArray[np.float32]
_Points = NDArray[np.float64]

_GRID_PIXELS = 400
"""Of the longer side of the grid on which edges are looked for, before they are measured."""
_MOST_DEGREES = 12.0
_DEGREES_APART = 0.5
_STEP_PIXELS = 3
_PADDING = 1.3
"""On a scale on which 0 is the most and 1 the least exposed of the film."""
_LEAST_STEP = 0.02
_NOISE_OF_STEP = 0.9
_CANDIDATES = 10
_BESIDE = 0.15
_SPAN_AT_LEAST = 0.35
_SUPPORT_IN_SPAN = 0.75
_SUPPORT_BETWEEN_SIDES = 0.5
_EVEN = 0.05
_SCATTER = 0.12
"""How much an unexposed border may vary: scattered radiation falls off across it."""
_SPREAD_AT_MOST = 0.75
"""Of what lies outside of a side, to the step across it."""
_DEGREES_OF_SIDES = 1.5
_STRAIGHT_SHARE = 0.75
_POSITIONS = 240
_FIELD_AT_LEAST = 0.04
_NO_RANGE = 1e-9
_ALIKE = 1.0 / 512.0
_SIDES: tuple[tuple[Side, Side], ...] = (("left", "right"), ("top", "bottom"))


@dataclass(frozen=True)
class ExposedField:
    """`corners` (n, 2): a rectangle, less what of it lies outside of the image. `sides`: those
    that were found; the others are those of the image."""

    corners: _Points
    sides: tuple[Side, ...]

    @property
    def area(self) -> float:
        """In pixels."""
        x, y = self.corners.T
        return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2.0)

    def mask(self, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """bool, of `shape` (rows, columns): the pixels whose centre lies in the field."""
        inside = np.ones(shape, bool)
        column, row = np.arange(shape[1]) + 0.5, np.arange(shape[0])[:, None] + 0.5
        # Corners run round clockwise as they are shown, so that inside is to the right.
        for (x0, y0), (x1, y1) in zip(self.corners, np.roll(self.corners, -1, 0), strict=True):
            inside &= (x1 - x0) * (row - y0) - (y1 - y0) * (column - x0) >= 0
        return inside


@dataclass(frozen=True)
class _Line:
    """x = slope · y + at, of a side that runs from top to bottom, in pixels of `_Grid` or of the
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


def find_exposed_field(
    values: NDArray[np.floating], covered: NDArray[np.bool_], aspect: float
) -> ExposedField:
    """The field of one film. The whole image where no side of a collimation is found.

    `values` (rows, columns): the greater, the less exposed, so that what is dense is high.
    `covered`: which pixels are no padding. `aspect`: the height of a pixel over its width.
    """
    rows, columns = shape = values.shape
    whole = np.array([(0, 0), (columns, 0), (columns, rows), (0, rows)], np.float64)
    scaled = _scaled(values, covered)
    if scaled is None:
        return ExposedField(whole, ())
    scale = min(1.0, _GRID_PIXELS / max(rows * aspect, columns))
    size = max(8, round(columns * scale)), max(8, round(rows * aspect * scale))
    images = scaled, _evenness(scaled)
    grids = [
        np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))
        for image in images
    ]
    columns_per, rows_per = columns / size[0], rows / size[1]
    upright, level = _sides(grids)
    corners, sides = whole, []
    for line in (*upright, *level):
        lies = line in level
        image, across, along = images[line.evidence], columns_per, rows_per
        if lies:
            image, across, along = image.T, rows_per, columns_per
        there = replace(line, slope=line.slope * across / along, at=line.at * across)
        others, length = (upright, size[0]) if lies else (level, size[1])
        between = _between(line, others, length)
        measured = _measured(scaled.T if lies else scaled, there, across, along, between)
        if measured is None and line.evidence:
            measured = _measured(image, there, across, along, between, is_evenness=True)
        if measured is None:
            continue
        corners = _cut(corners, measured, lies=lies)
        sides.append(_SIDES[lies][line.is_last])
    found = ExposedField(corners, tuple(sides))
    if not sides or len(corners) < 4 or found.area < _FIELD_AT_LEAST * shape[0] * shape[1]:
        return ExposedField(whole, ())
    return found


def _evenness(scaled: _Floats) -> _Floats:
    """1 where neighbours are alike, as in a border that was blackened, and 0 elsewhere."""
    even = np.ones(scaled.shape, bool)
    beside = np.abs(np.diff(scaled, axis=1)) < _ALIKE
    below = np.abs(np.diff(scaled, axis=0)) < _ALIKE
    even[:, 1:] &= beside
    even[:, :-1] &= beside
    even[1:] &= below
    even[:-1] &= below
    return even.astype(np.float32)


def _scaled(values: NDArray[np.floating], covered: NDArray[np.bool_]) -> _Floats | None:
    """From 0, the most exposed, to 1, the least; None where all of the film is alike."""
    if not covered.any():
        return None
    some = values[covered]
    low, high = (
        float(one) for one in np.percentile(some[:: max(1, some.size // 400_000)], (0.5, 99.5))
    )
    if high - low <= _NO_RANGE:
        low, high = float(some.min()), float(some.max())
    if high - low <= _NO_RANGE:
        if covered.all():
            return None
        high = low + 1.0
    scaled: _Floats = np.clip((values - low) / (high - low), 0.0, 1.0).astype(np.float32)
    scaled[~covered] = _PADDING
    return scaled


def _sides(grids: Sequence[_Floats]) -> tuple[list[_Line], list[_Line]]:
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


def _best_of(lines: Sequence[_Line]) -> list[_Line]:
    """The best on the left and the best on the right."""
    sides = ([one for one in lines if one.is_last is last] for last in (False, True))
    return [max(side, key=lambda line: line.score) for side in sides if side]


def _steps(grid: _Floats) -> tuple[_Floats, float]:
    """How much values rise across each boundary between columns, (rows, columns + 1), and what of
    it is more than noise. Boundary n lies left of column n."""
    smooth = ndimage.gaussian_filter1d(grid, 2.5, axis=0)
    padded = np.pad(smooth, ((0, 0), (_STEP_PIXELS, _STEP_PIXELS)), mode="edge")
    sums = np.cumsum(np.pad(padded, ((0, 0), (1, 0))), axis=1, dtype=np.float64)
    means = (sums[:, _STEP_PIXELS:] - sums[:, :-_STEP_PIXELS]) / _STEP_PIXELS
    steps = (means[:, _STEP_PIXELS:] - means[:, :-_STEP_PIXELS]).astype(np.float32)
    crossed = grid[1:, 1:] - grid[1:, :-1] - grid[:-1, 1:] + grid[:-1, :-1]
    noise = 1.4826 * float(np.median(np.abs(crossed))) / 2.0
    return steps, max(_LEAST_STEP, _NOISE_OF_STEP * noise)


def _candidates(grid: _Floats, evidence: int) -> list[_Line]:
    """Lines from top to bottom beside which the film may be unexposed, by a Hough transform."""
    steps, threshold = _steps(grid)
    rows, columns = grid.shape
    angles = np.arange(-_MOST_DEGREES, _MOST_DEGREES + 0.1, _DEGREES_APART)
    slopes = np.tan(np.radians(angles))
    margin = int(np.ceil(np.tan(np.radians(_MOST_DEGREES)) * rows / 2)) + 2
    width = columns + 1 + 2 * margin
    found: list[_Line] = []
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
            turn, place = np.unravel_index(int(votes.argmax()), votes.shape)
            if votes[turn, place] * 3 < _SPAN_AT_LEAST * _SUPPORT_IN_SPAN * rows:
                break
            slope = float(slopes[turn])
            line = _Line(slope, float(place) - margin - slope * rows / 2, rises, False, evidence)
            found += _judged(grid, steps, threshold, line)
            votes[:, max(0, int(place) - 4) : int(place) + 5] = 0.0
    return found


def _support(
    steps: _Floats, threshold: float, line: _Line, y: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], _Floats]:
    """Where along a line values rise, or fall, as it says; and how much."""
    x = np.rint(line.x(y + 0.5)).astype(np.int64)
    near = x[:, None] + np.arange(-1, 2)
    inside = (near >= 0) & (near < steps.shape[1])
    signed = steps[y[:, None], np.clip(near, 0, steps.shape[1] - 1)] * (1 if line.rises else -1)
    across: _Floats = np.where(inside, signed, -1.0).max(axis=1)
    return across > threshold, across


def _judged(grid: _Floats, steps: _Floats, threshold: float, line: _Line) -> Iterator[_Line]:
    """The line as a side of the field, with its score, for each side on which it may be one."""
    rows, columns = grid.shape
    y = np.arange(rows)
    supported, across = _support(steps, threshold, line, y)
    if supported.sum() < 2:
        return
    first, last = (int(one) for one in np.percentile(y[supported], (2, 98)))
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


def _between(line: _Line, others: Sequence[_Line], length: int) -> tuple[float, float]:
    """From where to where a side of the grid runs: between the `others` that it meets."""
    start, end = 0.0, float(length)
    for other in others:
        # x = slope y + at, and y = slope' x + at'.
        y = float((other.slope * line.at + other.at) / (1.0 - other.slope * line.slope))
        start, end = (start, min(end, y)) if other.is_last else (max(start, y), end)
    return start, end


def _lasts(grid: _Floats, line: _Line, others: Sequence[_Line]) -> bool:
    """Whether a side is seen along most of its way between the others."""
    start, end = _between(line, others, grid.shape[0])
    y = np.arange(max(0, int(start) + 3), min(grid.shape[0], int(end) - 3))
    if len(y) < 5:
        return False
    supported, _ = _support(*_steps(grid), line, y)
    return float(supported.mean()) >= _SUPPORT_BETWEEN_SIDES


def _measured(
    image: _Floats,
    line: _Line,
    across: float,
    along: float,
    between: tuple[float, float],
    *,
    is_evenness: bool = False,
) -> _Line | None:
    """The line to a fraction of a pixel of the image; None where what is there is not straight.

    `across` and `along`: pixels of the image to one of the grid, beside and along the line.
    """
    rows, columns = image.shape
    start, end = (one * along for one in between)
    trim = 0.03 * (end - start)
    y = np.linspace(start + trim, end - trim, _POSITIONS)
    half, step = int(np.ceil(4 * across)) + 2, max(2, round(1.5 * across))
    beside = max(0, round(along / 2))
    x = np.rint(line.x(y)).astype(np.int64)
    row = np.clip(np.floor(y).astype(np.int64), 0, rows - 1)
    columns_near = x[:, None] + np.arange(-half - step, half + step)
    profiles = np.zeros(columns_near.shape, np.float64)
    for offset in range(-beside, beside + 1):
        profiles += image[
            np.clip(row + offset, 0, rows - 1)[:, None], np.clip(columns_near, 0, columns - 1)
        ]
    profiles /= 2 * beside + 1
    sums = np.cumsum(np.pad(profiles, ((0, 0), (1, 0))), axis=1)
    means = (sums[:, step:] - sums[:, :-step]) / step
    rise = means[:, step:] - means[:, :-step]
    # Where a border was blackened, what is exposed may be brighter or darker.
    is_signed = is_evenness or not line.evidence
    rise = (rise if line.rises else -rise) if is_signed else np.abs(rise)
    peak = rise.argmax(axis=1)
    each = np.arange(len(y))
    height = rise[each, peak]
    before, after = (
        rise[each, np.maximum(peak - 1, 0)],
        rise[each, np.minimum(peak + 1, rise.shape[1] - 1)],
    )
    curve = before - 2 * height + after
    shift = np.where(curve < 0, 0.5 * (before - after) / np.where(curve < 0, curve, 1.0), 0.0)
    # The first place compares columns -half - step … with -half …: that is boundary -half.
    found = x - half + peak + np.clip(shift, -0.5, 0.5)
    usable = (height > _LEAST_STEP) & (found > 0) & (found < columns)
    if usable.sum() < 0.3 * len(y):
        return None
    centre = row + 0.5
    kept = usable
    slope, at = line.slope, float(np.median((found - line.slope * centre)[usable]))
    for _ in range(6):
        off = np.abs(found - slope * centre - at)
        limit = max(0.75, 2.5 * 1.4826 * float(np.median(off[kept])))
        kept = usable & (off <= limit)
        if kept.sum() < 0.3 * len(y):
            return None
        slope, at = (float(one) for one in np.polyfit(centre[kept], found[kept], 1))
    straight = usable & (np.abs(found - slope * centre - at) <= max(1.0, 0.75 * across))
    if straight.sum() < _STRAIGHT_SHARE * usable.sum():
        return None
    return replace(line, slope=slope, at=at)


def _cut(corners: _Points, line: _Line, *, lies: bool) -> _Points:
    """A polygon without what lies outside of a line."""

    def inside(point: _Points) -> float:
        x, y = point[::-1] if lies else point
        return float((x - line.slope * y - line.at) * (-1.0 if line.is_last else 1.0))

    kept: list[_Points] = []
    for index, point in enumerate(corners):
        before = corners[index - 1]
        here, there = inside(point), inside(before)
        if (here >= 0) != (there >= 0):
            kept.append(before + (point - before) * (there / (there - here)))
        if here >= 0:
            kept.append(point)
    return np.array(kept, np.float64).reshape(-1, 2)
