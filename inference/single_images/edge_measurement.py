"""An edge of the exposed field to a fraction of a pixel of the image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from inference.single_images.edge_search import LEAST_STEP, EdgeLine, Floats

_STRAIGHT_SHARE = 0.75
_POSITIONS = 240


def measure_edge(
    image: Floats,
    line: EdgeLine,
    across: float,
    along: float,
    between: tuple[float, float],
    *,
    is_evenness: bool = False,
) -> EdgeLine | None:
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
    usable = (height > LEAST_STEP) & (found > 0) & (found < columns)
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
