"""Makes curvedReformat.json: what SciPy and SimpleITK find along a curve through an oblique volume.

The curve is SciPy's natural spline, its length an integral, its frames the solution of their
differential equation (r' = -(r . t') t), its values SimpleITK's linear interpolation.

Run from the repository's root: .venv/bin/python viewer/tests/dicom/golden/curvedReformat.py
"""

import json
from itertools import pairwise
from math import ceil, radians
from pathlib import Path

import numpy as np
import SimpleITK
from scipy.integrate import quad, solve_ivp
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq, minimize_scalar
from scipy.spatial.transform import Rotation

SIZE = (17, 15, 12)  # columns, rows, slices
SPACING = (1.1, 1.7, 2.9)
ORIGIN = (-14.0, 22.0, -240.0)
POINTS = [(-2.0, 26.0, -234.0), (2.5, 31.0, -228.0), (-1.0, 38.0, -224.0), (4.0, 40.0, -214.0)]
TOWARDS = (1.0, 0.0, 0.0)
STEP_MM, PIXEL_MM, WIDTH_MM, DEGREES, SLAB_MM = 0.8, 1.5, 24.0, 35.0, 6.0


def oblique_noise(direction: np.ndarray) -> SimpleITK.Image:
    voxels = np.random.default_rng(11).integers(-1000, 1500, SIZE[::-1]).astype(np.float32)
    image = SimpleITK.GetImageFromArray(voxels)
    image.SetSpacing(SPACING)
    image.SetOrigin(ORIGIN)
    image.SetDirection(direction.ravel())
    return image


def main() -> None:
    direction = Rotation.from_euler("xyz", (12, -25, 33), degrees=True).as_matrix()
    image = oblique_noise(direction)
    voxels = SimpleITK.GetArrayViewFromImage(image)

    points = np.array(POINTS)
    knots = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    curve = CubicSpline(knots, points, bc_type="natural")
    velocity, acceleration = curve.derivative(1), curve.derivative(2)

    def length_to(parameter: float) -> float:
        inner = [knot for knot in knots if knot < parameter]
        ends = [*inner, parameter]
        return sum(
            quad(lambda u: np.linalg.norm(velocity(u)), low, high, epsabs=1e-12, epsrel=1e-12)[0]
            for low, high in pairwise(ends)
        )

    length = length_to(knots[-1])
    steps = ceil(length / STEP_MM)
    along = np.linspace(0, length, steps + 1)
    parameters = np.array(
        [
            0,
            *(
                brentq(lambda u, s=s: length_to(u) - s, 0, knots[-1], xtol=1e-12)
                for s in along[1:-1]
            ),
            knots[-1],
        ]
    )
    tangents = velocity(parameters)
    tangents /= np.linalg.norm(tangents, axis=1)[:, None]

    def turning(parameter: float, normal: np.ndarray) -> np.ndarray:
        v, a = velocity(parameter), acceleration(parameter)
        speed = np.linalg.norm(v)
        tangent = v / speed
        change = (a - tangent * np.dot(a, tangent)) / speed
        return -np.dot(normal, change) * tangent

    start = np.cross(tangents[0], (0.0, 0.0, 1.0))
    start /= np.linalg.norm(start)
    normals = solve_ivp(
        turning, (0, knots[-1]), start, t_eval=parameters, rtol=1e-11, atol=1e-12
    ).y.T
    asides = np.cross(tangents, normals)

    def turned(angle: float) -> np.ndarray:
        return np.cos(angle) * normals + np.sin(angle) * asides

    coarse = np.linspace(0, 2 * np.pi, 73)
    near = coarse[np.argmax([np.sum(turned(angle) @ TOWARDS) for angle in coarse])]
    best = minimize_scalar(
        lambda angle: -np.sum(turned(angle) @ TOWARDS),
        bounds=(near - 0.1, near + 0.1),
        method="bounded",
        options={"xatol": 1e-10},
    ).x

    def value(place: np.ndarray) -> float | None:
        index = np.array(image.TransformPhysicalPointToContinuousIndex(place.tolist()))
        size = np.array(SIZE)
        if np.any(index < -0.5) or np.any(index > size - 0.5):
            return None
        inside = np.clip(index, 0, size - 1 - 1e-6)
        inner = image.TransformContinuousIndexToPhysicalPoint(inside.tolist())
        return image.EvaluateAtPhysicalPoint(inner, SimpleITK.sitkLinear)

    across = turned(best + radians(DEGREES))
    behind = np.cross(across, tangents)
    half = int(WIDTH_MM / 2 / PIXEL_MM)
    depths = np.linspace(-SLAB_MM / 2, SLAB_MM / 2, ceil(SLAB_MM / min(SPACING)) + 1)
    places = curve(parameters)
    pictures: dict[str, list[float | None]] = {"slice": [], "max": [], "min": [], "mean": []}
    for place, right, back in zip(places, across, behind, strict=True):
        for column in range(-half, half + 1):
            here = place + column * PIXEL_MM * right
            pictures["slice"].append(value(here))
            met = [one for depth in depths if (one := value(here + depth * back)) is not None]
            for name, of in (("max", max), ("min", min), ("mean", np.mean)):
                pictures[name].append(float(of(met)) if met else None)
    station = len(places) // 2
    section = [
        value(places[station] + PIXEL_MM * (column * across[station] + row * behind[station]))
        for row in range(-half, half + 1)
        for column in range(-half, half + 1)
    ]
    found = {
        "volume": {
            "size": SIZE,
            "spacing": SPACING,
            "origin": ORIGIN,
            "direction": direction.round(12).tolist(),
            "voxels": voxels.ravel().astype(int).tolist(),
        },
        "points": POINTS,
        "towards": TOWARDS,
        "stepMm": STEP_MM,
        "pixelMm": PIXEL_MM,
        "widthMm": WIDTH_MM,
        "degrees": DEGREES,
        "slabMm": SLAB_MM,
        "lengthMm": round(length, 9),
        "pointsMm": [round(length_to(knot), 9) for knot in knots],
        "places": places.round(9).tolist(),
        "tangents": tangents.round(9).tolist(),
        "normals": turned(best).round(9).tolist(),
        "pictures": {
            name: [None if one is None else round(one, 4) for one in values]
            for name, values in pictures.items()
        },
        "section": {
            "station": station,
            "values": [None if one is None else round(one, 4) for one in section],
        },
    }
    Path(__file__).with_suffix(".json").write_text(json.dumps(found, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
