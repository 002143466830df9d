"""What a person shows a model of nnInteractive, in the voxels that it sees.

Indices are of (z, y, x) from 0, edges half open.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference.interactive.grid import region_of
from inference.nninteractive.info import InfoFile
from storage.core.errors import InvalidRequest
from storage.interactive.entities import Box, Grid, Point, Shape

_IN_A_SLICE = 0.5
_SAMPLES_PER_VOXEL = 4


@dataclass(frozen=True)
class Interaction:
    """One point, box, scribble or lasso, or the mask to begin with. `edges`: a box, or the part of
    the image that `marked` is of; of a point the voxel, with edges of one."""

    kind: Literal["point", "box", "scribble", "lasso", "initial"]
    inside: bool
    edges: tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
    marked: bytes = b""
    """bool, of the shape of `edges`; of a mask to begin with a bit a voxel."""

    @property
    def mask(self) -> NDArray[np.uint8]:
        shape = [high - low for low, high in self.edges]
        if self.kind == "initial":
            bits = np.frombuffer(self.marked, np.uint8)
            return np.unpackbits(bits, count=math.prod(shape)).reshape(shape)
        return np.frombuffer(self.marked, np.uint8).reshape(shape).copy()


def initial_of(mask: NDArray[np.bool_], info: InfoFile, title: str) -> Interaction:
    """`mask`: bool, (z, y, x). Raises InvalidRequest where the model takes none."""
    if not info.supports_initial_label:
        raise no_initial_mask(title)
    z, y, x = ((0, size) for size in mask.shape)
    return Interaction("initial", True, (z, y, x), np.packbits(mask).tobytes())


def no_initial_mask(title: str) -> InvalidRequest:
    return InvalidRequest(
        f"{title} takes no initial mask.",
        remedy="Begin without one, or use a model whose takes_initial_mask is true.",
    )


def interactions_of(
    points: Sequence[Point], box: Box | None, shapes: Sequence[Shape], grid: Grid, info: InfoFile
) -> list[Interaction]:
    """Raises InvalidRequest for what the model is not made for, or what marks no voxel."""
    found: list[Interaction] = []
    boxes = [] if box is None else [(box, True)]
    boxes += [(_corners(one), one["inside"]) for one in shapes if one["kind"] == "box"]
    found += [_box(corners, inside, grid, info) for corners, inside in boxes]
    found += [_point(one, grid) for one in points]
    for shape in shapes:
        if shape["kind"] == "scribble":
            found.append(_scribble(shape, grid, info))
        elif shape["kind"] == "lasso":
            found.append(_lasso(shape, grid))
    for one in found:
        if one.kind not in info.kinds:
            raise InvalidRequest(
                f"The model takes no {one.kind}.", remedy=f"It takes: {', '.join(info.kinds)}."
            )
    return found


def _point(point: Point, grid: Grid) -> Interaction:
    (place,) = np.rint(_indices([point["lps_mm"]], grid)).astype(int).tolist()
    z, y, x = ((one, one + 1) for one in place)
    return Interaction("point", point["inside"], (z, y, x))


def _corners(shape: Shape) -> Box:
    if len(shape["lps_mm"]) != 2:
        raise InvalidRequest("A box has two points.", remedy="Give two opposite corners.")
    first, last = shape["lps_mm"]
    return first, last


def _box(corners: Box, inside: bool, grid: Grid, info: InfoFile) -> Interaction:
    z, y, x = ((one.start, one.stop) for one in region_of(corners, grid))
    edges = (z, y, x)
    sizes = [high - low for low, high in edges]
    if min(sizes) > 1 and not info.takes_thick_boxes:
        raise InvalidRequest(
            f"The model takes boxes in one slice; this one spans {min(sizes)} or more along each"
            " axis.",
            remedy="Draw it in one slice, or mark the structure otherwise.",
        )
    return Interaction("box", inside, edges)


def _scribble(shape: Shape, grid: Grid, info: InfoFile) -> Interaction:
    """A line as wide as the model was trained with, within the slice in which it was drawn."""
    path = _indices(shape["lps_mm"], grid)
    axis = _slice_axis(path, "scribble")
    within = [one for one in range(3) if one != axis]
    steps = np.abs(np.diff(path[:, within], axis=0)).max(axis=1, initial=0)
    samples = [path[:1, within]]
    for begin, end, step in zip(path[:-1, within], path[1:, within], steps, strict=True):
        count = max(2, int(np.ceil(step * _SAMPLES_PER_VOXEL)) + 1)
        samples.append(np.linspace(begin, end, count))
    line = np.rint(np.concatenate(samples)).astype(int)
    width = np.array([info.thickness[one] for one in within])
    margin = np.ceil(width).astype(int)
    low = np.maximum(line.min(axis=0) - margin, 0)
    high = np.minimum(line.max(axis=0) + margin + 1, _shape(grid)[within])
    beside = np.ones(high - low, np.bool_)
    beside[tuple((line - low).T)] = False
    distance = ndimage.distance_transform_edt(beside, sampling=1.0 / width)
    return _drawn(shape, axis, path, low, distance <= 0.5)


def _lasso(shape: Shape, grid: Grid) -> Interaction:
    """All pixels of a slice whose centres a closed line encloses."""
    path = _indices(shape["lps_mm"], grid)
    axis = _slice_axis(path, "lasso")
    within = [one for one in range(3) if one != axis]
    corners = path[:, within]
    low = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + 1, _shape(grid)[within])
    rows, columns = np.indices(high - low)
    enclosed = _enclosed(corners - low, rows, columns)
    if not enclosed.any():
        raise InvalidRequest(
            "The lasso encloses the centre of no voxel.", remedy="Draw a larger one."
        )
    return _drawn(shape, axis, path, low, enclosed)


def _enclosed(
    corners: NDArray[np.float64], rows: NDArray[np.int64], columns: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """By how often a ray to the left crosses the line: an odd number of times inside."""
    inside = np.zeros(rows.shape, np.bool_)
    for (row, column), (to_row, to_column) in zip(
        corners, np.roll(corners, -1, axis=0), strict=True
    ):
        if row == to_row:
            continue
        # Half open: a corner that two sides share is crossed once.
        spanned = (rows >= min(row, to_row)) & (rows < max(row, to_row))
        crossed = column + (rows - row) * ((to_column - column) / (to_row - row))
        inside ^= spanned & (columns >= crossed)
    return inside


def _drawn(
    shape: Shape,
    axis: int,
    path: NDArray[np.float64],
    low: NDArray[np.int64],
    marked: NDArray[np.bool_],
) -> Interaction:
    at = round(float(np.median(path[:, axis])))
    edges = [(int(one), int(one + size)) for one, size in zip(low, marked.shape, strict=True)]
    edges.insert(axis, (at, at + 1))
    z, y, x = edges
    kind: Literal["scribble", "lasso"] = "lasso" if shape["kind"] == "lasso" else "scribble"
    return Interaction(kind, shape["inside"], (z, y, x), marked.astype(np.uint8).tobytes())


def _slice_axis(path: NDArray[np.float64], what: str) -> int:
    """The axis across the slice in which a path lies. Raises InvalidRequest."""
    away = np.abs(path - np.rint(np.median(path, axis=0))).max(axis=0)
    flat = [axis for axis in range(3) if away[axis] <= _IN_A_SLICE]
    if not flat:
        raise InvalidRequest(
            f"The {what} lies in no slice of the series.",
            remedy="Draw it in one slice of the series, or in one plane along its rows or columns.",
        )
    return min(flat, key=lambda axis: float(np.ptp(path[:, axis])))


def _indices(lps_mm: Sequence[Sequence[float]], grid: Grid) -> NDArray[np.float64]:
    """Where points lie, shape (points, 3). Raises InvalidRequest for one outside."""
    zyx_from_lps = np.linalg.inv(np.array(grid["lps_from_kji"]))
    found: NDArray[np.float64] = np.array(lps_mm) @ zyx_from_lps[:3, :3].T + zyx_from_lps[:3, 3]
    outside = ((found < -0.501) | (found > _shape(grid) - 0.499)).any(axis=1)
    if outside.any():
        where = ", ".join(f"{one:g}" for one in lps_mm[int(outside.argmax())])
        raise InvalidRequest(
            f"The point ({where}) mm lies outside of the series.",
            remedy="Coordinates are of the patient, LPS in mm; click into the image.",
        )
    return np.clip(found, 0, _shape(grid) - 1)


def _shape(grid: Grid) -> NDArray[np.int64]:
    return np.array([grid["slices"], grid["rows"], grid["columns"]])
