"""Where a place of an earlier study lies in a later one: rigid, then deformable where needed."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, map_coordinates

from inference.imaging.registration.rigid_registration import (
    best_of_starts,
    coarse_image,
    correlation,
    covered,
    lowest,
    near_start,
)
from inference.imaging.volume import Volume

Points = NDArray[np.float64]
"""Shape (n, 3): x, y and z in mm, LPS."""

_GRID_MM = 3.0
_DEMONS_ITERATIONS = 15
_DEMONS_ROUNDS = 6
_CONVERGED_FROM = 0.98
"""Of the mean squared difference after the round before."""
_SMOOTHING_VOXELS = 1.5
# With less correlation after the rigid step, the patient has moved within.
_RIGID_ENOUGH = 0.998
ALIGNED_FROM = 0.5
"""Correlation over the common field of view from which two volumes count as aligned."""
_RIM_MM = 12.0
"""Of what both volumes show: a lesion there may lie outside of one of them."""


@dataclass(frozen=True)
class Alignment:
    """Two volumes of one patient in one space."""

    later_from_earlier: Callable[[Points], Points]
    correlation: float
    """Of the two volumes after it, from -1 to 1."""
    method: str
    both_show: Callable[[Points], NDArray[np.bool_]]
    """Whether a place of the later study lies well within what both show."""
    rigid: Any
    """SimpleITK's transform."""
    is_complete: bool = True
    """Whether the rigid step came to its end: one that ran out of time is millimetres off."""

    @property
    def holds(self) -> bool:
        return self.is_complete and self.correlation >= ALIGNED_FROM


def align(
    earlier: Volume,
    later: Volume,
    *,
    time_s: float,
    threads: int = 0,
    near: tuple[Alignment, Points] | None = None,
) -> Alignment:
    """Register two volumes of one modality. Where the rigid step takes longer than `time_s`, the
    alignment does not hold; the deformable one is left out.

    `near`: begin with another alignment and a shift in mm, by which the places that it gives lie
    off in the later study. Deterministic for one number of threads, but for what the time left
    out.
    """
    if threads:
        SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
    ends_at = time.monotonic() + time_s
    fixed, moving = coarse_image(earlier, _GRID_MM), coarse_image(later, _GRID_MM)
    if near is None:
        rigid = best_of_starts(fixed, moving, ends_at)
    else:
        rigid = near_start(fixed, moving, _shifted(*near), ends_at)
    is_complete = time.monotonic() <= ends_at
    resampled = SimpleITK.Resample(moving, fixed, rigid, SimpleITK.sitkLinear, lowest(moving))
    both = covered(fixed, moving, rigid)
    shown = _without_rim(covered(moving, fixed, rigid.GetInverse()), moving.GetSpacing()[0])
    both_show = _lookup(moving, shown)
    alike = correlation(fixed, resampled, both)
    if alike < ALIGNED_FROM or alike >= _RIGID_ENOUGH or time.monotonic() > ends_at:
        return Alignment(_mapping(rigid, None), alike, "rigid", both_show, rigid, is_complete)
    field = _deformation(fixed, resampled, ends_at)
    warp = SimpleITK.DisplacementFieldTransform(SimpleITK.Image(field))
    warped = SimpleITK.Resample(resampled, fixed, warp, SimpleITK.sitkLinear, lowest(moving))
    better = correlation(fixed, warped, both)
    if better <= alike:
        return Alignment(_mapping(rigid, None), alike, "rigid", both_show, rigid)
    method = "rigid, then deformable (demons)"
    return Alignment(_mapping(rigid, field), better, method, both_show, rigid)


def _shifted(alignment: Alignment, shift_mm: Points) -> Any:
    start = SimpleITK.Euler3DTransform(alignment.rigid)
    start.SetTranslation([float(one) for one in np.array(start.GetTranslation()) + shift_mm])
    return start


def _deformation(fixed: Any, resampled: Any, ends_at: float) -> Any:
    """Displacements on the grid of `fixed`, in mm, by symmetric demons."""

    demons = SimpleITK.FastSymmetricForcesDemonsRegistrationFilter()
    demons.SetNumberOfIterations(_DEMONS_ITERATIONS)
    demons.SetStandardDeviations(_SMOOTHING_VOXELS)
    field = SimpleITK.Image(fixed.GetSize(), SimpleITK.sitkVectorFloat64)
    field.CopyInformation(fixed)
    difference = np.inf
    for _ in range(_DEMONS_ROUNDS):
        if time.monotonic() > ends_at:
            break
        field = demons.Execute(fixed, resampled, field)
        before, difference = difference, demons.GetMetric()
        if difference > _CONVERGED_FROM * before:
            break
    return field


def _without_rim(covered: NDArray[np.bool_], step_mm: float) -> NDArray[np.bool_]:
    """Places so far within both volumes that the alignment's error does not matter."""
    return np.asarray(binary_erosion(covered, iterations=max(round(_RIM_MM / step_mm), 1)))


def _mapping(rigid: Any, field: Any) -> Callable[[Points], Points]:
    """The transform as a function of points, without SimpleITK's calls for each of them."""
    matrix = np.array(rigid.GetMatrix()).reshape(3, 3)
    centre = np.array(rigid.GetCenter())
    shift = np.array(rigid.GetTranslation()) + centre
    displaced = None if field is None else _sampler(field)

    def later_from_earlier(points: Points) -> Points:
        moved = points if displaced is None else points + displaced(points)
        return np.asarray((moved - centre) @ matrix.T + shift)

    return later_from_earlier


def _sampler(field: Any) -> Callable[[Points], Points]:
    values = SimpleITK.GetArrayFromImage(field)
    kji_of = _indexer(field)

    def displaced(points: Points) -> Points:
        kji = kji_of(points).T
        return np.stack(
            [map_coordinates(values[..., axis], kji, order=1, mode="nearest") for axis in range(3)],
            axis=1,
        )

    return displaced


def _lookup(image: Any, inside: NDArray[np.bool_]) -> Callable[[Points], NDArray[np.bool_]]:
    kji_of = _indexer(image)

    def looked_up(points: Points) -> NDArray[np.bool_]:
        kji = np.rint(kji_of(points)).astype(int)
        on_grid = np.all((kji >= 0) & (kji < inside.shape), axis=1)
        found = np.zeros(len(points), bool)
        found[on_grid] = inside[tuple(kji[on_grid].T)]
        return found

    return looked_up


def _indexer(image: Any) -> Callable[[Points], Points]:
    """Indices k, j, i on the grid of an image."""
    lps_from_ijk = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    origin, inverse = np.array(image.GetOrigin()), np.linalg.inv(lps_from_ijk)
    return lambda points: ((points - origin) @ inverse.T)[:, ::-1]
