"""Where a place of an earlier study lies in a later one: rigid, then deformable where needed."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import SimpleITK
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, map_coordinates

from inference.imaging.registration.agreement import inner_correlation
from inference.imaging.registration.rigid_registration import (
    along_the_body,
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
INSIDE_FROM = 0.6
"""Likewise within the body, below which it is another body, or another part of it."""
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
    inside: float = 1.0
    """The correlation within the body, without the air around it."""
    is_complete: bool = True
    """Whether the rigid step came to its end: one that ran out of time is millimetres off."""

    @property
    def holds(self) -> bool:
        return self.is_complete and self.correlation >= ALIGNED_FROM and self.inside >= INSIDE_FROM


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
        rigid = _believable(fixed, moving, best_of_starts(fixed, moving, ends_at), ends_at)
    else:
        rigid = near_start(fixed, moving, _shifted(*near), ends_at)
    is_complete = time.monotonic() <= ends_at
    resampled = SimpleITK.Resample(moving, fixed, rigid, SimpleITK.sitkLinear, lowest(moving))
    both = covered(fixed, moving, rigid)
    shown = _without_rim(covered(moving, fixed, rigid.GetInverse()), moving.GetSpacing()[0])
    stiff = Alignment(
        _mapping(rigid, None),
        correlation(fixed, resampled, both),
        "rigid",
        _lookup(moving, shown),
        rigid,
        inner_correlation(fixed, resampled, both),
        is_complete,
    )
    is_over = time.monotonic() > ends_at
    if stiff.correlation < ALIGNED_FROM or stiff.correlation >= _RIGID_ENOUGH or is_over:
        return stiff
    field = _deformation(fixed, resampled, ends_at)
    warp = SimpleITK.DisplacementFieldTransform(SimpleITK.Image(field))
    warped = SimpleITK.Resample(resampled, fixed, warp, SimpleITK.sitkLinear, lowest(moving))
    better = correlation(fixed, warped, both)
    if better <= stiff.correlation:
        return stiff
    return replace(
        stiff,
        later_from_earlier=_mapping(rigid, field),
        correlation=better,
        inside=inner_correlation(fixed, warped, both),
        method="rigid, then deformable (demons)",
    )


def _believable(fixed: Any, moving: Any, rigid: Any, ends_at: float) -> Any:
    """The movement, or a better one where the bodies disagree within: another vertebra's."""

    def inside(movement: Any) -> float:
        there = SimpleITK.Resample(moving, fixed, movement, SimpleITK.sitkLinear, lowest(moving))
        return inner_correlation(fixed, there, covered(fixed, moving, movement))

    agreement = inside(rigid)
    if agreement >= INSIDE_FROM:
        return rigid
    best = max(along_the_body(fixed, moving, rigid, ends_at), key=inside, default=rigid)
    if best is rigid or inside(best) <= agreement:
        return rigid
    found = near_start(fixed, moving, best, ends_at)
    return found if inside(found) > agreement else rigid


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
