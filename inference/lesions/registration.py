"""Where a place of an earlier study lies in a later one: rigid, then deformable where needed.

Both volumes are brought to a coarse grid first, so that time and memory are bounded whatever
the size of the series.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import SimpleITK
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, map_coordinates

from inference.imaging.padding import measured_voxels
from inference.imaging.volume import Volume

Points = NDArray[np.float64]
"""Shape (n, 3): x, y and z in mm, LPS."""

_GRID_MM = 3.0
_MOST_VOXELS = 2_500_000
_ANGLES_DEG = (0.0, -20.0, 20.0)
_RIGID_LEVELS = ((4, 2.0), (2, 1.0), (1, 0.0))
"""Shrink factor and smoothing in mm, coarse to fine."""
_LEAST_VOXELS_ALONG = 8
"""Of a shrunken volume, along its shortest side."""
_SAME_START_MM = 10.0
_RIGID_ITERATIONS = 80
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
_SEED = 20210613


@dataclass(frozen=True)
class Alignment:
    """Two volumes of one patient in one space."""

    later_from_earlier: Callable[[Points], Points]
    correlation: float
    """Of the two volumes after it, from -1 to 1."""
    method: str
    both_show: Callable[[Points], NDArray[np.bool_]]
    """Whether a place of the later study lies well within what both show."""

    @property
    def holds(self) -> bool:
        return self.correlation >= ALIGNED_FROM


def align(earlier: Volume, later: Volume, *, time_s: float, threads: int = 0) -> Alignment:
    """Register two volumes of one modality; what takes longer than `time_s` is left out.

    Deterministic for one number of threads, but for what the time left out.
    """
    if threads:
        SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
    ends_at = time.monotonic() + time_s
    fixed, moving = _coarse(earlier), _coarse(later)
    rigid = _rigid(fixed, moving, ends_at)
    resampled = SimpleITK.Resample(moving, fixed, rigid, SimpleITK.sitkLinear, _lowest(moving))
    covered = _covered(fixed, moving, rigid)
    shown = _without_rim(_covered(moving, fixed, rigid.GetInverse()), moving.GetSpacing()[0])
    both_show = _lookup(moving, shown)
    correlation = _correlation(fixed, resampled, covered)
    if correlation < ALIGNED_FROM or correlation >= _RIGID_ENOUGH or time.monotonic() > ends_at:
        return Alignment(_mapping(rigid, None), correlation, "rigid", both_show)
    field = _deformation(fixed, resampled, ends_at)
    warp = SimpleITK.DisplacementFieldTransform(SimpleITK.Image(field))
    warped = SimpleITK.Resample(resampled, fixed, warp, SimpleITK.sitkLinear, _lowest(moving))
    better = _correlation(fixed, warped, covered)
    if better <= correlation:
        return Alignment(_mapping(rigid, None), correlation, "rigid", both_show)
    method = "rigid, then deformable (demons)"
    return Alignment(_mapping(rigid, field), better, method, both_show)


def _coarse(volume: Volume) -> Any:
    """On cubes of about 3 mm; larger where the field of view is very large."""
    voxels, lps_from_kji = _reduced(volume)
    image = SimpleITK.GetImageFromArray(voxels)
    columns = lps_from_kji[:3, [2, 1, 0]]
    spacing = np.linalg.norm(columns, axis=0)
    image.SetSpacing([float(one) for one in spacing])
    image.SetOrigin([float(one) for one in lps_from_kji[:3, 3]])
    image.SetDirection([float(one) for one in (columns / spacing).ravel()])
    extent = spacing * np.array(image.GetSize())
    step = max(_GRID_MM, float(np.prod(extent) / _MOST_VOXELS) ** (1 / 3))
    size = [max(round(one / step), 1) for one in extent]
    sigma = [max(step / 2, 0.01) if one < step else 0.01 for one in spacing]
    smoothed = (
        SimpleITK.SmoothingRecursiveGaussian(image, sigma) if min(image.GetSize()) > 3 else image
    )
    corner = (np.array([step] * 3) - spacing) / 2
    origin = lps_from_kji[:3, 3] + (columns / spacing) @ corner
    coarse = SimpleITK.Resample(
        smoothed,
        size,
        SimpleITK.Transform(),
        SimpleITK.sitkLinear,
        [float(one) for one in origin],
        [step] * 3,
        image.GetDirection(),
        _lowest(image),
    )
    return _windowed(coarse)


def _reduced(volume: Volume) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Means of whole voxels up to the grid's size, and their affine: SimpleITK copies its input."""
    voxels, lps_from_kji = measured_voxels(volume), volume.lps_from_kji.copy()
    for axis in range(3):
        step_mm = float(np.linalg.norm(lps_from_kji[:3, axis]))
        factor = min(max(int(_GRID_MM / step_mm), 1), voxels.shape[axis])
        count = voxels.shape[axis] // factor
        blocks = np.moveaxis(voxels, axis, 0)[: count * factor]
        means = blocks.reshape(count, factor, *blocks.shape[1:]).mean(axis=1, dtype=np.float32)
        voxels = np.moveaxis(means, 0, axis)
        lps_from_kji[:3, 3] += lps_from_kji[:3, axis] * (factor - 1) / 2
        lps_from_kji[:3, axis] *= factor
    return np.ascontiguousarray(voxels, np.float32), lps_from_kji


def _windowed(image: Any) -> Any:
    """From 0 to 1 between the 1st and the 99.5th percentile: outliers decide nothing."""
    values = SimpleITK.GetArrayViewFromImage(image)
    low, high = (float(one) for one in np.percentile(values, (1, 99.5)))
    return SimpleITK.IntensityWindowing(image, low, max(high, low + 1e-3), 0.0, 1.0)


def _lowest(image: Any) -> float:
    return float(SimpleITK.GetArrayViewFromImage(image).min())


def _rigid(fixed: Any, moving: Any, ends_at: float) -> Any:
    """The best of a few starts: turned about the long axis, and shifted along it.

    Where one study shows a part of the other only, their centres of mass are different places:
    their ends, or the scanner's own coordinates, may then be nearer.
    """
    centred = SimpleITK.CenteredTransformInitializer(
        fixed,
        moving,
        SimpleITK.Euler3DTransform(),
        SimpleITK.CenteredTransformInitializerFilter.MOMENTS,
    )
    starts = []
    for angle in _ANGLES_DEG:
        start = SimpleITK.Euler3DTransform(centred)
        start.SetRotation(0.0, 0.0, float(np.deg2rad(angle)))
        starts.append(start)
    shift = np.array(starts[0].GetTranslation())
    for along_mm in (*_ends_apart_mm(fixed, moving), 0.0):
        if abs(along_mm - shift[2]) > _SAME_START_MM:
            start = SimpleITK.Euler3DTransform(centred)
            start.SetTranslation([*shift[:2], along_mm])
            starts.append(start)
    best, best_value = None, np.inf
    for start in starts:
        found, value = _descended(fixed, moving, start, _RIGID_LEVELS[:1], ends_at)
        if value < best_value:
            best, best_value = found, value
    found, _ = _descended(fixed, moving, best, _RIGID_LEVELS[1:], ends_at)
    return found


def _ends_apart_mm(fixed: Any, moving: Any) -> list[float]:
    """How far the lower ends of two volumes lie apart along the patient, and the upper ends."""
    return [float(b - a) for a, b in zip(_ends_mm(fixed), _ends_mm(moving), strict=True)]


def _ends_mm(image: Any) -> tuple[float, float]:
    corners = product(*((0, size - 1) for size in image.GetSize()))
    z = [image.TransformIndexToPhysicalPoint(one)[2] for one in corners]
    return min(z), max(z)


def _descended(
    fixed: Any, moving: Any, start: Any, levels: Any, ends_at: float
) -> tuple[Any, float]:
    method = SimpleITK.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(32)
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(0.3, _SEED)
    method.SetInterpolator(SimpleITK.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=2.0, minStep=0.005, numberOfIterations=_RIGID_ITERATIONS
    )
    method.SetOptimizerScalesFromPhysicalShift()
    most = max(min(*fixed.GetSize(), *moving.GetSize()) // _LEAST_VOXELS_ALONG, 1)
    method.SetShrinkFactorsPerLevel([min(shrink, most) for shrink, _ in levels])
    method.SetSmoothingSigmasPerLevel([sigma for _, sigma in levels])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    transform = SimpleITK.Euler3DTransform(start)
    method.SetInitialTransform(transform, inPlace=True)

    def watch() -> None:
        if time.monotonic() > ends_at:
            method.StopRegistration()

    method.AddCommand(SimpleITK.sitkIterationEvent, watch)
    method.Execute(fixed, moving)
    return transform, float(method.GetMetricValue())


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


def _covered(fixed: Any, moving: Any, transform: Any) -> NDArray[np.bool_]:
    """Voxels of `fixed` that both volumes show; the transform leads from it to `moving`."""
    ones = SimpleITK.Image(moving.GetSize(), SimpleITK.sitkUInt8) + 1
    ones.CopyInformation(moving)
    seen = SimpleITK.Resample(ones, fixed, transform, SimpleITK.sitkNearestNeighbor, 0)
    return np.asarray(SimpleITK.GetArrayFromImage(seen) > 0)


def _without_rim(covered: NDArray[np.bool_], step_mm: float) -> NDArray[np.bool_]:
    """Places so far within both volumes that the alignment's error does not matter."""
    return np.asarray(binary_erosion(covered, iterations=max(round(_RIM_MM / step_mm), 1)))


def _correlation(one: Any, other: Any, where: NDArray[np.bool_]) -> float:
    a = SimpleITK.GetArrayViewFromImage(one)[where]
    b = SimpleITK.GetArrayViewFromImage(other)[where]
    if a.size < 1000 or a.std() == 0 or b.std() == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


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
