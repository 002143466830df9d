"""The middle of the patient in a chest CT, from the outline of the body or from the trachea.

The picture's middle says nothing: a field of view may lie off-centre.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.imaging.connected_parts import connected_parts
from inference.imaging.directions import direction_of
from inference.imaging.geometry import spacing_mm
from storage.core.findings import Direction

Mask = NDArray[np.bool_]

_TISSUE_ABOVE_HU = -300.0
_STEPS_MM = (6.0, 2.0, 2.0)
# The shell of a table and clothes are thinner than twice this, the wall of a chest is not.
_SHELL_MM = 4.0
_LEAST_SHARE_OF_SLICES = 0.25


@dataclass(frozen=True)
class Midline:
    """`x_mm`: of the middle in patient coordinates, which grow to the left (PS3.3 C.7.6.2.1.1);
    None where the images do not show where it is."""

    x_mm: float | None
    body_cut_off_at: tuple[Direction, ...] = ()
    """The sides at which many slices cut the body off; the middle is then the trachea's."""


def midline_grid(lps_from_kji: NDArray[np.float64], slices: slice) -> tuple[slice, slice, slice]:
    """Which voxels are looked at: every few millimetres of the slices."""
    k, j, i = (
        max(1, round(step / size))
        for step, size in zip(_STEPS_MM, spacing_mm(lps_from_kji), strict=True)
    )
    return slice(slices.start, slices.stop, k), slice(None, None, j), slice(None, None, i)


def find_midline(
    coarse_hu: NDArray[np.float32],
    lps_from_kji: NDArray[np.float64],
    slices: slice,
    airways: Mask,
    padding: Mask | None = None,
) -> Midline:
    """Judged in the slices that show lungs.

    `coarse_hu`: of the voxels of `midline_grid`; the other arrays have the shape (slices, rows,
    columns) of the images. A body that is whole from side to side says
    where its middle is; of one that is cut off, the trachea does, where there is one.
    """
    across = 2 if abs(lps_from_kji[0, 2]) >= abs(lps_from_kji[0, 1]) else 1
    grid = midline_grid(lps_from_kji, slices)
    steps = [part.step for part in grid]
    coarse_from = lps_from_kji @ np.diag([*steps, 1.0])
    coarse_from[:, 3] = lps_from_kji @ (slices.start, 0, 0, 1)
    outside = None if padding is None else padding[grid]
    spans = _spans(_body(coarse_hu, spacing_mm(coarse_from)), outside, across)
    whole = [span for span in spans if not (span.cut_at_start or span.cut_at_end)]
    if spans and len(whole) >= _LEAST_SHARE_OF_SLICES * len(spans):
        return Midline(float(np.median([_x_mm(coarse_from, span.middle) for span in whole])))
    # So many slices are cut off that at least one of the two sides reaches this number.
    most = (1 - _LEAST_SHARE_OF_SLICES) / 2 * len(spans)
    cut_off_at = [
        direction_of(lps_from_kji, across, end=end)
        for end in (False, True)
        if sum(span.cut_at_end if end else span.cut_at_start for span in spans) >= most
    ]
    return Midline(_of_trachea(airways, lps_from_kji), tuple(cut_off_at))


@dataclass(frozen=True)
class _Span:
    """The body in one slice, from side to side."""

    middle: tuple[float, float, float]
    cut_at_start: bool
    cut_at_end: bool


def _body(hu: NDArray[np.float32], spacing: tuple[float, float, float]) -> Mask:
    """The largest part of the tissue, once what is as thin as the shell of a table is off."""
    import edt

    tissue = np.ascontiguousarray(hu > _TISSUE_ABOVE_HU)
    flat = (1e6, *spacing[1:])
    cores = edt.edt(tissue, anisotropy=flat, parallel=0) > _SHELL_MM
    labels = connected_parts(cores)
    counts = np.bincount(labels.ravel())
    counts[0] = 0
    if not counts.any():
        return np.zeros(hu.shape, bool)
    near = edt.edt(labels != counts.argmax(), anisotropy=flat, parallel=0) <= 1.5 * _SHELL_MM
    body: Mask = near & tissue
    return body


def _spans(body: Mask, padding: Mask | None, across: int) -> list[_Span]:
    spans = []
    for k in np.flatnonzero(body.any(axis=(1, 2))):
        plane = body[k] if across == 2 else body[k].T
        beyond = None if padding is None else (padding[k] if across == 2 else padding[k].T)
        columns = np.flatnonzero(plane.any(axis=0))
        first, last = int(columns[0]), int(columns[-1])
        rows = np.flatnonzero(plane.any(axis=1))
        row, column = float(rows.mean()), (first + last) / 2
        spans.append(
            _Span(
                (float(k), row, column) if across == 2 else (float(k), column, row),
                _is_cut(plane, beyond, first, -1),
                _is_cut(plane, beyond, last, 1),
            )
        )
    return spans


def _is_cut(plane: Mask, padding: Mask | None, column: int, step: int) -> bool:
    """Whether the outermost column of the body lies at the edge of the slice, or at padding."""
    beyond = column + step
    if not 0 <= beyond < plane.shape[1]:
        return True
    return padding is not None and bool((plane[:, column] & padding[:, beyond]).any())


def _of_trachea(airways: Mask, lps_from_kji: NDArray[np.float64]) -> float | None:
    """Its upper half, in which it is not yet two bronchi."""
    found = np.argwhere(airways)
    if not len(found):
        return None
    upwards = found[:, 0] * np.sign(lps_from_kji[2, 0])
    upper = found[upwards >= np.median(upwards)]
    return _x_mm(lps_from_kji, tuple(np.median(upper, axis=0)))


def _x_mm(lps_from_kji: NDArray[np.float64], at: tuple[float, ...]) -> float:
    return float(lps_from_kji[0] @ (*at, 1.0))
