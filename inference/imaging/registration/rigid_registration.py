"""How one volume lies to another, by a rigid movement that SimpleITK finds.

Volumes are brought to a coarse grid first, so that time and memory are bounded whatever the size
of the series.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from typing import Any

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from inference.imaging.padding import measured_voxels
from inference.imaging.volume import Volume

Levels = Sequence[tuple[int, float]]
LEVELS: Levels = ((4, 2.0), (2, 1.0), (1, 0.0))
"""Shrink factor and smoothing in mm, coarse to fine."""
_MOST_VOXELS = 2_500_000
_ANGLES_DEG = (0.0, -20.0, 20.0)
_LEAST_VOXELS_ALONG = 8
"""Of a shrunken volume, along its shortest side."""
_SAME_START_MM = 10.0
_ITERATIONS = 80
_SHIFTS_MM = tuple(sign * step for step in (12.0, 24.0, 36.0, 48.0) for sign in (1, -1))
"""Vertebrae lie 20 to 40 mm apart."""
_SHARE_SAMPLED = 0.3
_MOST_SAMPLES = 60_000
_MOST_EVALUATIONS = 20
_SEED = 20210613


def coarse_image(volume: Volume, grid_mm: float) -> Any:
    """On cubes of about that size; larger where the field of view is very large. From 0 to 1."""
    voxels, lps_from_kji = _reduced(volume, grid_mm)
    image = SimpleITK.GetImageFromArray(voxels)
    columns = lps_from_kji[:3, [2, 1, 0]]
    spacing = np.linalg.norm(columns, axis=0)
    image.SetSpacing([float(one) for one in spacing])
    image.SetOrigin([float(one) for one in lps_from_kji[:3, 3]])
    image.SetDirection([float(one) for one in (columns / spacing).ravel()])
    extent = spacing * np.array(image.GetSize())
    step = max(grid_mm, float(np.prod(extent) / _MOST_VOXELS) ** (1 / 3))
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
        lowest(image),
    )
    return _windowed(coarse)


def _reduced(volume: Volume, grid_mm: float) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Means of whole voxels up to the grid's size, and their affine: SimpleITK copies its input."""
    voxels, lps_from_kji = measured_voxels(volume), volume.lps_from_kji.copy()
    for axis in range(3):
        step_mm = float(np.linalg.norm(lps_from_kji[:3, axis]))
        factor = min(max(int(grid_mm / step_mm), 1), voxels.shape[axis])
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


@contextmanager
def one_thread() -> Iterator[None]:
    """Within it the same volumes give the same movement, to the last bit: sums over several
    threads differ in their order. It is the process's setting; the metric knows no other."""
    threads = SimpleITK.ProcessObject.GetGlobalDefaultNumberOfThreads()
    SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    try:
        yield
    finally:
        SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)


def lowest(image: Any) -> float:
    return float(SimpleITK.GetArrayViewFromImage(image).min())


def best_of_starts(fixed: Any, moving: Any, ends_at: float) -> Any:
    """The movement from places of `fixed` to those of `moving`, from the best of a few starts."""
    return near_start(fixed, moving, best_start(fixed, moving, ends_at), ends_at)


def near_start(fixed: Any, moving: Any, start: Any, ends_at: float) -> Any:
    """The movement to which one descends that is some millimetres off, to a fraction of a voxel
    of half the resolution."""
    found, _ = _descended(fixed, moving, start, LEVELS[1:2], ends_at)
    return _refined(fixed, moving, found, LEVELS[1:2], ends_at)


def along_the_body(fixed: Any, moving: Any, found: Any, ends_at: float) -> Iterator[Any]:
    """Movements like one, but for a shift along the patient: a spine repeats itself."""
    for shift_mm in _SHIFTS_MM:
        start = SimpleITK.Euler3DTransform(found)
        start.SetTranslation([*start.GetTranslation()[:2], start.GetTranslation()[2] + shift_mm])
        try:
            yield _descended(fixed, moving, start, LEVELS[:1], ends_at)[0]
        except RuntimeError:
            # No sample lies within the other volume.
            continue


def best_start(fixed: Any, moving: Any, ends_at: float) -> Any:
    """Turned about the long axis, or shifted along it, and found on the coarsest level.

    Where one study shows a part of the other only, their centres of mass are different places:
    their ends, or the scanner's own coordinates, may then be nearer. Raises RuntimeError where the
    volumes overlap by none of the starts.
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
    apart: RuntimeError | None = None
    for start in starts:
        try:
            found, value = _descended(fixed, moving, start, LEVELS[:1], ends_at)
        except RuntimeError as error:
            # SimpleITK's, where no sample lies within the other volume.
            apart = error
            continue
        if value < best_value:
            best, best_value = found, value
    if best is None:
        raise apart or RuntimeError("No start gave a movement.")
    return best


def centred_start(fixed: Any) -> Any:
    """No movement yet, turning about the middle of `fixed`."""
    middle = [(size - 1) / 2 for size in fixed.GetSize()]
    start = SimpleITK.Euler3DTransform()
    start.SetCenter(fixed.TransformContinuousIndexToPhysicalPoint(middle))
    return start


def _ends_apart_mm(fixed: Any, moving: Any) -> list[float]:
    """How far the lower ends of two volumes lie apart along the patient, and the upper ends."""
    return [float(b - a) for a, b in zip(_ends_mm(fixed), _ends_mm(moving), strict=True)]


def _ends_mm(image: Any) -> tuple[float, float]:
    corners = product(*((0, size - 1) for size in image.GetSize()))
    z = [image.TransformIndexToPhysicalPoint(one)[2] for one in corners]
    return min(z), max(z)


def _descended(
    fixed: Any, moving: Any, start: Any, levels: Levels, ends_at: float
) -> tuple[Any, float]:
    method = _method(fixed, moving, levels)
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(_SHARE_SAMPLED, _SEED)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=2.0, minStep=0.005, numberOfIterations=_ITERATIONS
    )
    method.SetOptimizerScalesFromPhysicalShift()
    return _executed(method, fixed, moving, start, ends_at)


def refined(fixed: Any, moving: Any, start: Any, ends_at: float) -> Any:
    """The movement to which a start that is near descends, to a fraction of a voxel.

    Gradient descent with steps of its own stops millimetres before the truth, where turning and
    shifting nearly make up for each other; second derivatives do not. They, too, may end a step
    early, so that the finest level is searched again.
    """
    for levels in (LEVELS, LEVELS[-1:]):
        start = _refined(fixed, moving, start, levels, ends_at)
    return start


def _refined(fixed: Any, moving: Any, start: Any, levels: Levels, ends_at: float) -> Any:
    method = _method(fixed, moving, levels)
    method.SetMetricSamplingStrategy(method.RANDOM)
    voxels = [float(np.prod(fixed.GetSize())) / shrink**3 for shrink, _ in levels]
    method.SetMetricSamplingPercentagePerLevel(
        [min(_MOST_SAMPLES / count, 1.0) for count in voxels], _SEED
    )
    method.SetOptimizerAsLBFGS2(
        numberOfIterations=_ITERATIONS, lineSearchMaximumEvaluations=_MOST_EVALUATIONS
    )
    # By how much a place midway to the rim moves with a turn.
    lever_mm = float(np.max(np.array(fixed.GetSize()) * fixed.GetSpacing())) / 4
    method.SetOptimizerScales([lever_mm**2] * 3 + [1.0] * 3)
    found, _ = _executed(method, fixed, moving, start, ends_at)
    return found


def _method(fixed: Any, moving: Any, levels: Levels) -> Any:
    method = SimpleITK.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(32)
    method.SetInterpolator(SimpleITK.sitkLinear)
    most = max(min(*fixed.GetSize(), *moving.GetSize()) // _LEAST_VOXELS_ALONG, 1)
    method.SetShrinkFactorsPerLevel([min(shrink, most) for shrink, _ in levels])
    method.SetSmoothingSigmasPerLevel([sigma for _, sigma in levels])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    return method


def _executed(
    method: Any, fixed: Any, moving: Any, start: Any, ends_at: float
) -> tuple[Any, float]:
    transform = SimpleITK.Euler3DTransform(start)
    method.SetInitialTransform(transform, inPlace=True)

    def watch() -> None:
        if time.monotonic() > ends_at:
            method.StopRegistration()

    method.AddCommand(SimpleITK.sitkIterationEvent, watch)
    method.Execute(fixed, moving)
    return transform, float(method.GetMetricValue())


def covered(fixed: Any, moving: Any, transform: Any) -> NDArray[np.bool_]:
    """Voxels of `fixed` that both volumes show; the transform leads from it to `moving`."""
    ones = SimpleITK.Image(moving.GetSize(), SimpleITK.sitkUInt8) + 1
    ones.CopyInformation(moving)
    seen = SimpleITK.Resample(ones, fixed, transform, SimpleITK.sitkNearestNeighbor, 0)
    return np.asarray(SimpleITK.GetArrayFromImage(seen) > 0)


def correlation(one: Any, other: Any, where: NDArray[np.bool_]) -> float:
    a = SimpleITK.GetArrayViewFromImage(one)[where]
    b = SimpleITK.GetArrayViewFromImage(other)[where]
    if a.size < 1000 or a.std() == 0 or b.std() == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])
