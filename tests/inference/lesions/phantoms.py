"""Two studies of one patient with lesions whose fate is known.

The patient is a function of anatomical coordinates. A study samples it on a grid of its own
(oblique, anisotropic), after the patient was turned, moved and has breathed; lesions grow,
shrink, part, merge, come and go in anatomical coordinates, so that the truth is exact.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from inference.imaging.volume import Volume

Points = NDArray[np.float64]
Truth = tuple[str, int | None, int | None]
BODY_MM = np.array([115.0, 85.0, 100.0])
FIELD_MM = np.array([260.0, 200.0, 230.0])
_GAP_MM = 10.0
_SHARED_ORGANS = 4
"""Lungs, spine and liver, which lie in the same places in everybody."""


@dataclass(frozen=True)
class Ellipsoid:
    centre: Points
    radii: Points

    def contains(self, points: Points) -> NDArray[np.bool_]:
        return np.asarray((((points - self.centre) / self.radii) ** 2).sum(axis=-1) <= 1)


@dataclass(frozen=True)
class Position:
    """How the patient lay and breathed: anatomical coordinates of places in the scanner."""

    rotation: Rotation
    shift_mm: Points
    breath_mm: float = 0.0

    def anatomy(self, places: Points) -> Points:
        still = self.rotation.inv().apply(places - self.shift_mm)
        moved = still.copy()
        # Most at the base of the lungs, along the body.
        depth = np.exp(-(((still[:, 2] + 40) / 60) ** 2))
        moved[:, 2] += self.breath_mm * depth * np.cos(still[:, 0] / 80)
        moved[:, 1] += 0.5 * self.breath_mm * depth * np.cos(still[:, 2] / 60)
        return np.asarray(moved)


@dataclass(frozen=True)
class Patient:
    organs: Sequence[tuple[Ellipsoid, float]]
    waves: Sequence[tuple[Points, float, float]]

    def grey(self, anatomy: Points) -> NDArray[np.float64]:
        inside = Ellipsoid(np.zeros(3), BODY_MM).contains(anatomy)
        values = np.where(inside, 40.0, -1000.0)
        for organ, grey in self.organs:
            values[inside & organ.contains(anatomy)] = grey
        for direction, phase, amplitude in self.waves:
            values[inside] += amplitude * np.cos(anatomy[inside] @ direction + phase)
        return np.asarray(values)


@dataclass(frozen=True)
class Study:
    volume: Volume
    lesions: list[Points] = field(default_factory=list)
    """The centres of each lesion's voxels in mm, LPS."""


@dataclass(frozen=True)
class Case:
    earlier: Study
    later: Study
    truth: frozenset[Truth]


def patient(random: np.random.Generator) -> Patient:
    organs = []
    for side in (-1, 1):
        lung = Ellipsoid(np.array([side * 60.0, 5, 35]), np.array([45.0, 65, 75]))
        organs.append((lung, -850.0 + random.normal(0, 15)))
    organs.append((Ellipsoid(np.array([0.0, 70, 0]), np.array([14.0, 14, 130])), 350.0))
    organs.append((Ellipsoid(np.array([-50.0, 5, -70]), np.array([65.0, 60, 35])), 90.0))
    for _ in range(10):
        centre = random.uniform(-0.65, 0.65, 3) * BODY_MM
        organs.append(
            (Ellipsoid(centre, random.uniform(8, 25, 3)), float(random.uniform(-80, 250)))
        )
    waves = [
        (random.normal(0, 0.06, 3), float(random.uniform(0, 6.3)), float(random.uniform(6, 14)))
        for _ in range(6)
    ]
    return Patient(organs, waves)


STILL = Position(Rotation.identity(), np.zeros(3))


def case(
    seed: int,
    *,
    lesions: int = 9,
    second: Position | None = None,
    is_other_person: bool = False,
) -> Case:
    """Up to 12 mm of breathing, 15 degrees of turning, 30 mm of shift, any of the changes.

    `second`: how the patient lies in the later study instead. `is_other_person`: somebody else
    has the lesions then, and no organ is in the same place in both.
    """
    random = np.random.default_rng(seed)
    subject = patient(random)
    before, after, truth = _fates(random, lesions)
    by_chance = Position(
        Rotation.from_euler("zyx", random.uniform(-15, 15, 3), degrees=True),
        random.uniform(-30, 30, 3),
        float(random.uniform(-12, 12)),
    )
    other = subject
    if is_other_person:
        subject, other = (
            Patient(one.organs[_SHARED_ORGANS:], one.waves)
            for one in (subject, patient(np.random.default_rng(seed + 1000)))
        )
    return Case(
        _study(random, subject, STILL, before),
        _study(random, other, second or by_chance, after),
        frozenset(truth),
    )


def _study(
    random: np.random.Generator,
    subject: Patient,
    position: Position,
    lesions: Sequence[Ellipsoid],
) -> Study:
    """On a grid of another obliqueness each time: some planes are turned out of the axial."""
    tilt = Rotation.from_euler("zyx", random.uniform(-20, 20, 3), degrees=True)
    spacing = np.array([random.uniform(3, 4.5), *[random.uniform(2.2, 3.0)] * 2])
    shape = tuple(int(one) for one in np.ceil(FIELD_MM[::-1] / spacing))
    columns = tilt.as_matrix()[:, ::-1] * spacing
    affine = np.eye(4)
    affine[:3, :3] = columns
    affine[:3, 3] = position.shift_mm - columns @ ((np.array(shape) - 1) / 2)
    kji = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1).reshape(-1, 3)
    places = kji @ columns.T + affine[:3, 3]
    anatomy = position.anatomy(places)
    grey = subject.grey(anatomy)
    found = []
    for lesion in lesions:
        inside = lesion.contains(anatomy)
        grey[inside] = 60.0
        found.append(places[inside])
    grey += random.normal(0, 12, grey.shape)
    return Study(_volume(grey.reshape(shape), affine), found)


def _volume(voxels: NDArray[np.float64], affine: NDArray[np.float64]) -> Volume:
    count = len(voxels)
    return Volume(
        voxels=voxels.astype(np.float32),
        lps_from_kji=affine,
        sop_instance_uids=tuple(f"2.25.{k + 1}" for k in range(count)),
        frame_numbers=(1,) * count,
        instance_indices=tuple(range(count)),
        frame_of_reference_uid="2.25.1",
        series_instance_uid="2.25.2",
        study_instance_uid="2.25.3",
        modality="CT",
        photometric_interpretation="MONOCHROME2",
        padding_ranges=np.full((count, 2), np.nan, np.float32),
    )


def _fates(
    random: np.random.Generator, wanted: int
) -> tuple[list[Ellipsoid], list[Ellipsoid], set[Truth]]:
    before: list[Ellipsoid] = []
    after: list[Ellipsoid] = []
    truth: set[Truth] = set()
    taken: list[tuple[Points, float]] = []
    fates = random.choice(
        ["same", "grown", "shrunken", "gone", "split", "merged", "new"],
        size=wanted,
        p=[0.2, 0.2, 0.2, 0.1, 0.1, 0.1, 0.1],
    )
    for fate in fates:
        radius = float(
            random.uniform(5, 14) if fate in ("split", "merged") else random.uniform(3.5, 12)
        )
        # Each part is to have a voxel at least.
        radius = max(radius, 11.5) if fate == "split" else radius
        # Room for all that it may become.
        room = radius * (2.2 if fate in ("grown", "merged") else 1.1) + _GAP_MM / 2
        centre = _place(random, taken, room)
        if centre is None:
            continue
        taken.append((centre, room))
        i, j = len(before), len(after)
        radii = radius * random.uniform(0.85, 1.15, 3)
        if fate in ("same", "grown", "shrunken"):
            factor = {"same": 1.0, "grown": random.uniform(1.2, 1.9)}.get(
                str(fate), max(random.uniform(0.45, 0.8), 2.8 / radius)
            )
            before.append(Ellipsoid(centre, radii))
            after.append(Ellipsoid(centre, radii * factor))
            truth.add(("matched", i, j))
        elif fate == "gone":
            before.append(Ellipsoid(centre, radii))
            truth.add(("gone", i, None))
        elif fate == "new":
            after.append(Ellipsoid(centre, radii))
            truth.add(("new", None, j))
        elif fate == "split":
            axis = _direction(random)
            before.append(Ellipsoid(centre, radii))
            after.append(Ellipsoid(centre + axis * radius * 0.42, np.full(3, radius * 0.45)))
            after.append(Ellipsoid(centre - axis * radius * 0.58, np.full(3, radius * 0.32)))
            truth |= {("split", i, j), ("split", i, j + 1)}
        else:
            axis = _direction(random)
            small = radius * 0.7
            before.append(Ellipsoid(centre + axis * radius * 0.8, np.full(3, small)))
            before.append(Ellipsoid(centre - axis * radius * 0.8, np.full(3, small * 0.75)))
            after.append(Ellipsoid(centre, np.full(3, radius * 1.5)))
            truth |= {("merged", i, j), ("merged", i + 1, j)}
    return before, after, truth


def _direction(random: np.random.Generator) -> Points:
    direction = random.normal(size=3)
    return np.asarray(direction / np.linalg.norm(direction))


def _place(
    random: np.random.Generator, taken: Sequence[tuple[Points, float]], room: float
) -> Points | None:
    for _ in range(300):
        centre = random.uniform(-0.8, 0.8, 3) * BODY_MM
        if np.linalg.norm(centre / (BODY_MM - room)) < 1 and all(
            np.linalg.norm(centre - other) > room + taken_room for other, taken_room in taken
        ):
            return np.asarray(centre)
    return None
