"""A chest from the front as a film would show it, drawn by formulas: nobody's, and of known field.

Each pixel has the path of the beam through soft tissue and bone in cm of water; the film shows the
logarithm of what arrives at the detector, as PS3.3 C.8.11.3 calls LOG. The diaphragm of the tube
is turned by two degrees, so that the exposed field is a rectangle that is not parallel to rows and
columns. Beside the body the detector is saturated. No value of it is a measurement of a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

SPACING_MM = 0.28
SHAPE = (1536, 1250)
"""Rows from head to feet, columns from the patient's right to left: 430 × 350 mm."""

FIELD_DEGREES = 2.0
_FIELD_HALF_MM = (160.0, 193.0)
_FIELD_CENTRE_MM = (-2.0, 4.0)
_PENUMBRA_MM = 0.25
_OUTSIDE = 0.004
"""Of the beam's intensity, what arrives beside the field: scattered radiation."""
_SCATTER = 0.02
_PER_CM = 0.19
_SATURATED = 0.8
_GREY_PER_E = 4095 / 6.0
_NOISE = 0.015
_SEED = 20240102
_RIBS = 10

_Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class ChestFilm:
    """`pixels` uint16 of 12 bits, SHAPE, white being dense. `field`: which of them were exposed.

    `corners` (4, 2) of the field as column and row, 0, 0 being the upper left corner of the upper
    left pixel.
    """

    pixels: NDArray[np.uint16]
    field: NDArray[np.bool_]
    corners: NDArray[np.float64]


def draw_film() -> ChestFilm:
    """The same film each time. Takes about a second."""
    rows, columns = SHAPE
    x = ((np.arange(columns) + 0.5 - columns / 2) * SPACING_MM).astype(np.float32)[None, :]
    y = ((np.arange(rows) + 0.5 - rows / 2) * SPACING_MM).astype(np.float32)[:, None]
    from_edge_mm = _from_edge(x, y)
    arrives = np.exp(-_PER_CM * _path_cm(x, y))
    arrives += _SCATTER * (1 - arrives)
    opened = ndimage.gaussian_filter(
        (from_edge_mm < 0).astype(np.float32), _PENUMBRA_MM / SPACING_MM, truncate=3
    )
    arrives = arrives * opened + _OUTSIDE * (1 - opened)
    random = np.random.default_rng(_SEED)
    grain = random.standard_normal(SHAPE, dtype=np.float32)
    # Fewer quanta are noisier.
    arrives *= 1 + _NOISE * grain / np.sqrt(np.sqrt(arrives))
    grey = -_GREY_PER_E * np.log(np.maximum(arrives, 1e-5) / _SATURATED)
    pixels = np.clip(np.rint(grey), 0, 4095).astype(np.uint16)
    return ChestFilm(pixels, from_edge_mm < 0, _corners())


def _turned() -> tuple[float, float]:
    return float(np.cos(np.radians(FIELD_DEGREES))), float(np.sin(np.radians(FIELD_DEGREES)))


def _from_edge(x: _Floats, y: _Floats) -> _Floats:
    """Below 0 within the field."""
    cosine, sine = _turned()
    dx, dy = x - _FIELD_CENTRE_MM[0], y - _FIELD_CENTRE_MM[1]
    along, down = np.abs(dx * cosine + dy * sine), np.abs(dy * cosine - dx * sine)
    distance: _Floats = np.maximum(along - _FIELD_HALF_MM[0], down - _FIELD_HALF_MM[1])
    return distance


def _corners() -> NDArray[np.float64]:
    cosine, sine = _turned()
    half = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * _FIELD_HALF_MM
    turned = half @ np.array([(cosine, sine), (-sine, cosine)]) + _FIELD_CENTRE_MM
    placed: NDArray[np.float64] = turned / SPACING_MM + np.array(SHAPE[::-1]) / 2
    return placed


def _path_cm(x: _Floats, y: _Floats) -> _Floats:
    """Of the beam through the body, in cm of water; the patient's left is at positive x."""
    away = np.abs(x)
    half = 152 + 30 * _rising(-55 - y, 45) + 6 * _rising(y - 60, 60)
    below_shoulder = y + 172 - 0.3 * away - 0.0011 * away**2
    trunk = _round(x / half, 23.0) * np.sqrt(np.clip(below_shoulder / 90, 0, 1))
    path = np.maximum(trunk, _round(x / 56, 13.0))
    lungs = _lung(x, y, -1, 88.0) + _lung(x, y, 1, 104.0)
    heart = _rising(1 - np.hypot((x - 24 - 0.25 * (y - 62)) / 60, (y - 60) / 62), 0.12)
    vessels = _rising(1 - np.hypot((x - 22) / 20, (y + 50) / 24), 0.25)
    for side in (-1, 1):
        hilum = np.hypot((side * x - 38) / 20, (y + 12) / 30)
        vessels = np.maximum(vessels, 0.6 * _rising(1 - hilum, 0.5))
    middle = _rising(26 + 0.08 * np.maximum(-60 - y, 0) - away, 5)
    lungs = lungs * (1 - np.maximum(np.maximum(heart, middle), 0.8 * vessels))
    path = path - np.minimum(0.62 * lungs, 0.66 * path)
    path += 3.2 * _round(x / 19, 1.0) * (1 + 0.12 * np.cos(y / 4.2))
    path -= 1.6 * _round(x / 8.5, 1.0) * _rising(-40 - y, 8)
    path += _ribs(x, y) + _clavicles(x, y)
    clipped: _Floats = np.maximum(path, 0).astype(np.float32)
    return clipped


def _round(share: _Floats, depth_cm: float) -> _Floats:
    """The thickness of what is round in the beam's direction, `share` being 1 at its edge."""
    thickness: _Floats = depth_cm * np.sqrt(np.clip(1 - share**2, 0, None))
    return thickness


def _rising(value: _Floats, width: float) -> _Floats:
    """0 below -width, 1 above width."""
    rising: _Floats = np.clip(0.5 + value / (2 * width), 0, 1)
    return rising


def _lung(x: _Floats, y: _Floats, side: int, dome_mm: float) -> _Floats:
    """The thickness of air in one lung: narrow at its apex, and on a dome of the diaphragm."""
    middle = 70 + 0.06 * y
    half = 60 * np.sqrt(1 - np.clip((-20 - y) / 138, 0, 0.999) ** 2) + 0.04 * np.maximum(y + 20, 0)
    across = np.abs(side * x - middle) / half
    floor = dome_mm + 34 * ((side * x - 62) / 60) ** 2
    return _round(np.clip(across, 0, 1) ** 1.6, 18.0) * _rising(y + 152, 8) * _rising(floor - y, 3)


def _ribs(x: _Floats, y: _Floats) -> _Floats:
    """Posterior ribs that fall off to the sides, brighter at their edges."""
    ribs = np.zeros(np.broadcast_shapes(x.shape, y.shape), np.float32)
    away = np.abs(x)
    for number in range(_RIBS):
        top = -150 + 25.0 * number
        reach = min(62 + 22.0 * number, 134)
        centre = top + 0.00165 * (away - 38) ** 2
        from_centre = np.abs(y - centre) / 5.2
        shape = np.clip(1 - from_centre**6, 0, 1) * (0.55 + 0.45 * np.clip(from_centre, 0, 1) ** 2)
        ribs += 1.5 * shape * _rising(reach - away, 5) * _rising(away - 16, 4)
    return ribs


def _clavicles(x: _Floats, y: _Floats) -> _Floats:
    away = np.abs(x)
    bow = y + 118 + 0.28 * (away - 18) - 5 * np.sin(away / 26)
    clavicles: _Floats = (
        1.3 * _round(bow / 7.5, 1.0) * _rising(away - 16, 4) * _rising(148 - away, 6)
    )
    return clavicles
