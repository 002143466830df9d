"""A head as a T1-weighted MR would show it, drawn by formulas: nobody's, and of known size.

The cranial cavity is a super-ellipsoid with a stepped floor. Sulci are the zero surfaces of smooth
noise near the brain's surface, and cortex is what lies within some 3 mm of fluid. Tissue contrast
follows a spoiled gradient echo at 3 T: fat, white matter, grey matter, muscle, fluid, bone and air,
from bright to dark. No value of it is a measurement of a person.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

SHAPE = (184, 232, 180)
"""Slices upwards, rows from front to back, columns from right to left; voxels of 1 mm."""

_CENTRE_KJI = (84.0, 112.0, 89.5)
_SEED = 20240101
_NOISE_SD = 14.0

_Floats = NDArray[np.float32]
_Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Head:
    """`voxels` uint16, `intracranial` and `brain` (without fluid) bool, all of SHAPE.

    `lps_from_kji` maps a zero-based (slice, row, column) index to the voxel's centre in mm.
    """

    voxels: NDArray[np.uint16]
    intracranial: _Mask
    brain: _Mask
    lps_from_kji: NDArray[np.float64]


@dataclass(frozen=True)
class _Space:
    """Millimetres to the left, to the back and to the top of the centre, and a source of noise."""

    x: _Floats
    y: _Floats
    z: _Floats
    random: np.random.Generator

    def ellipsoid(
        self,
        centre_mm: tuple[float, float, float],
        radii_mm: tuple[float, float, float],
        exponent: float = 2.0,
    ) -> _Floats:
        """Below 1 inside, 1 on the surface."""
        (cx, cy, cz), (a, b, c) = centre_mm, radii_mm
        sum_of_powers: _Floats = (
            np.abs((self.x - cx) / a) ** exponent
            + np.abs((self.y - cy) / b) ** exponent
            + np.abs((self.z - cz) / c) ** exponent
        )
        return sum_of_powers

    def noise(self, sigma_mm: float) -> _Floats:
        """Smooth noise of mean 0 and standard deviation 1."""
        white = self.random.standard_normal(SHAPE, dtype=np.float32)
        smooth: _Floats = ndimage.gaussian_filter(white, sigma_mm, mode="wrap", truncate=3.0)
        unit: _Floats = smooth / smooth.std()
        return unit


def draw_head() -> Head:
    """The same head each time. Takes some ten seconds."""
    z, y, x = (
        axis.astype(np.float32)
        for axis in np.meshgrid(
            *(np.arange(n) - centre for n, centre in zip(SHAPE, _CENTRE_KJI, strict=True)),
            indexing="ij",
        )
    )
    space = _Space(x, y, z, np.random.default_rng(_SEED))
    intracranial, brain_stem = _cavity(space)
    brain, white, deep_grey = _brain(space, intracranial, brain_stem)
    values = _soft_tissue(space, intracranial)
    fluid = intracranial & ~brain
    values[fluid] = (170 + 25 * np.clip(space.noise(3), -2, 2))[fluid]
    values[brain] = 640
    values[deep_grey] = 730
    values[white] = 900
    lps_from_kji = np.array(
        [
            [0, 0, 1, -_CENTRE_KJI[2]],
            [0, 1, 0, -_CENTRE_KJI[1]],
            [1, 0, 0, -_CENTRE_KJI[0]],
            [0, 0, 0, 1],
        ],
        dtype=np.float64,
    )
    return Head(_as_acquired(space, values), intracranial, brain, lps_from_kji)


def _cavity(space: _Space) -> tuple[_Mask, _Mask]:
    """The inside of the skull with the spinal canal, and the brain stem within it."""
    y_mm = space.y[0, :, 0]
    # Anterior, middle and posterior fossa, from front to back.
    floor_mm = np.where(y_mm < -20, 2.0, np.where(y_mm < 25, -18.0, -38.0))
    floor_mm = ndimage.gaussian_filter1d(floor_mm, 9)[None, :, None]
    vault = space.ellipsoid((0, -2, 22), (67, 82, 60), 2.3) < 1
    cavity = ndimage.binary_opening(vault & (space.z > floor_mm), iterations=2)
    # The stem leans back as it goes down.
    behind = space.y - 8 + 0.15 * np.minimum(space.z, 0)
    stem = ((space.x / 11) ** 2 + (behind / 10) ** 2 < 1) & (space.z < 5)
    canal = ((space.x / 14) ** 2 + (behind / 13) ** 2 < 1) & (space.z < 0)
    return cavity | canal, stem


def _brain(space: _Space, cavity: _Mask, stem: _Mask) -> tuple[_Mask, _Mask, _Mask]:
    """Brain without fluid, and of it white matter and deep grey matter."""
    x, y, z = space.x, space.y, space.z
    from_skull_mm = ndimage.distance_transform_edt(cavity)
    fissure = (np.abs(x) < 1.4 + 0.5 * space.noise(6)) & (z > 24)
    fissure &= (from_skull_mm < 38) | (z > 38)
    tentorium = np.abs(space.ellipsoid((0, 46, -22), (56, 36, 29), 2.2) - 1) < 0.07
    tentorium &= (y > 8) & (z > -25)
    hull = (from_skull_mm > 2.5) & ~fissure & ~tentorium & ((z > -42) | stem)

    cerebellum = space.ellipsoid((0, 48, -20), (50, 30, 24), 2.2) < 1
    waves = space.noise(4.2) + 0.35 * space.noise(2.2)
    # Noise over its slope is the distance to its nearest zero surface, in mm.
    slope = ndimage.gaussian_gradient_magnitude(waves, 1) + 1e-6
    depth_mm = ndimage.distance_transform_edt(hull)
    sulci = (np.abs(waves) / slope < 0.75) & (depth_mm < 15 + 4 * space.noise(8))
    sulci &= (z > -42) & ~cerebellum & ~(stem & (z < 2))
    ventricles = _ventricles(space)
    brain = hull & ~sulci & ~ventricles

    # Ventricles have no cortex around them.
    from_fluid_mm = ndimage.distance_transform_edt(brain | (ventricles & hull))
    deep_grey = np.zeros(SHAPE, bool)
    for side in (-1, 1):
        deep_grey |= space.ellipsoid((side * 12, 8, 19), (8, 14, 9)) < 1
        deep_grey |= space.ellipsoid((side * 27, -14, 18), (8, 19, 11)) < 1
    deep_grey &= brain
    white = brain & ~deep_grey & (from_fluid_mm > 3 + 0.4 * space.noise(3))
    white &= ~(cerebellum & (from_fluid_mm < 4))
    return brain, white, deep_grey


def _ventricles(space: _Space) -> _Mask:
    x, y, z = space.x, space.y, space.z
    found: _Mask = space.ellipsoid((0, 2, 15), (2, 16, 9)) < 1
    for side in (-1, 1):
        from_axis = (x - side * (9 + 0.1 * np.abs(y + 5))) / 6.5
        found |= from_axis**2 + ((z - 31 + 0.004 * y**2) / 8.5) ** 2 + ((y + 2) / 38) ** 2 < 1
        found |= space.ellipsoid((side * 26, 12, 2), (4, 20, 4)) < 1
    return found


def _soft_tissue(space: _Space, cavity: _Mask) -> _Floats:
    """Everything outside the cavity: skull, scalp, face, neck and air."""
    x, y, z = space.x, space.y, space.z
    from_cavity_mm = ndimage.distance_transform_edt(~cavity)
    skull_mm = 6 + 1.2 * space.noise(18)
    calvaria_and_scalp = from_cavity_mm <= skull_mm + 6 + space.noise(20)
    neck = ((x / 56) ** 2 + ((y - 12) / 60) ** 2 < 1) & (z < 0)
    face = space.ellipsoid((0, -62, -38), (58, 52, 64), 2.4) < 1
    # Padded, for closing must not eat the neck at the lowest slice.
    body = np.pad(calvaria_and_scalp | neck | (face & (z > -76)), 4, mode="edge")
    body = ndimage.binary_closing(body, iterations=3)[4:-4, 4:-4, 4:-4]
    padded = np.pad(body, ((1, 0), (0, 0), (0, 0)), mode="edge")
    under_skin_mm = ndimage.distance_transform_edt(padded)[1:]

    values = np.full(SHAPE, 8.0, np.float32)
    muscle = space.noise(5)
    values[body] = (400 + 60 * muscle)[body]
    values[body & (np.abs(muscle) < 0.16)] = 820
    values[body & (under_skin_mm < 6)] = 930
    values[body & (under_skin_mm < 1.6)] = 520
    skull = body & (from_cavity_mm > 0) & (from_cavity_mm <= skull_mm)
    skull &= ~((np.abs(x) < 14) & (z < -42))
    values[skull] = 70
    values[skull & (from_cavity_mm > 2.2) & (from_cavity_mm < skull_mm - 2)] = 380
    for side in (-1, 1):
        values[space.ellipsoid((side * 32, -84, -12), (12, 12, 12)) < 1] = 150
    values[body & ~cavity & _air_cells(space)] = 15
    return values


def _air_cells(space: _Space) -> _Mask:
    """Nasal cavity, airway, maxillary and frontal sinuses."""
    x, y, z = space.x, space.y, space.z
    cells: _Mask = (np.abs(np.abs(x) - 8) < 4) & (y > -98) & (y < -62) & (z > -58) & (z < -18)
    cells |= ((x / 10) ** 2 + ((y + 28) / 9) ** 2 < 1) & (z < -48)
    cells |= space.ellipsoid((0, -86, 12), (14, 6, 9)) < 1
    for side in (-1, 1):
        cells |= space.ellipsoid((side * 24, -72, -42), (11, 14, 13)) < 1
    return cells


def _as_acquired(space: _Space, values: _Floats) -> NDArray[np.uint16]:
    """Partial volume, the receive coils' bias, and the Rician noise of a magnitude image."""
    blurred = ndimage.gaussian_filter(values * (1 + 0.02 * space.noise(30)), 0.65)
    blurred *= 1 + 0.1 * (space.y / 110) ** 2 - 0.05 * space.z / 90
    real, imaginary = (
        _NOISE_SD * space.random.standard_normal(SHAPE, dtype=np.float32) for _ in range(2)
    )
    magnitude: _Floats = np.hypot(blurred + real, imaginary)
    return np.clip(np.rint(magnitude), 0, 4095).astype(np.uint16)
