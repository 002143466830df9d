"""Rows about lesions: their diameters, and how they are followed over time."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from benchmarks.verification.rows import Row
from inference.imaging.volume import Volume, assemble_volume
from inference.lesions.components import with_single_lesions
from inference.lesions.matching.pairing import match
from inference.pipeline import PipelineOutput, Segment
from storage.core.findings import Code
from tests import builders
from tests.inference.lesions.counting import found_relations, score, score_cases
from tests.inference.lesions.phantoms import STILL, Position, case

_PAIRS = 24
_WRONG_AT_MOST_PERCENT = 2.0
_PLACES = 16
_SPACINGS_MM = ((1.25, 0.7, 0.7), (3.0, 0.5, 1.0), (5.0, 0.9, 0.9))
"""Of slices, rows and columns."""
_DIAMETERS_MM = ((10.0, 10.0), (20.0, 20.0), (40.0, 40.0), (20.0, 10.0), (30.0, 24.0))
_POSITIONS = {
    "turned by 12, 9 and 12 degrees": Position(
        Rotation.from_euler("xyz", (-12, 9, -12), degrees=True), np.zeros(3)
    ),
    "shifted by 24, 0 and 18 mm": Position(Rotation.identity(), np.array([-24.0, 0, 18])),
    "breathed by 12 mm": Position(Rotation.identity(), np.zeros(3), 12.0),
    "turned about the long axis by 30 degrees": Position(
        Rotation.from_euler("z", 30, degrees=True), np.zeros(3)
    ),
    "z coordinates 900 mm apart": Position(Rotation.identity(), np.array([0.0, 0, -900])),
}
_SEGMENT = Segment(
    "Lesion",
    Code("49755003", "SCT", "Morphologically Abnormal Structure"),
    Code("52988006", "SCT", "Lesion"),
    (60, 120, 200),
)


def lesion_rows(pairs: int = _PAIRS, places: int = _PLACES) -> Iterator[Row]:
    """Diameters of bodies of known size, and how many relations are right of all that are true
    or were found."""
    yield from _diameter_rows(places)
    found = score(range(pairs))
    yield Row(
        "lesions over time",
        f"{pairs} generated pairs of studies",
        "relations that are right",
        "%",
        100.0,
        round(found.right / found.of * 100, 2),
        _WRONG_AT_MOST_PERCENT,
        f"the generator, {found.of} relations",
    )
    yield from _position_rows()
    yield _other_person_row()
    yield from _type_rows()


def _position_rows() -> Iterator[Row]:
    """One pair each, of positions at the limits of what the documentation names, or beyond."""
    for seed, (name, second) in enumerate(_POSITIONS.items()):
        found = score_cases([case(seed, second=second)])
        yield Row(
            "lesions over time",
            f"one generated pair of studies, {name}",
            "relations that are wrong or missing",
            "",
            0.0,
            float(found.of - found.right),
            0.0,
            "the generator",
        )


def _other_person_row() -> Row:
    """The same outline and lesions in the same places, in a body with other organs."""
    found = found_relations(case(5, second=STILL, is_other_person=True))
    return Row(
        "lesions over time",
        "one generated pair of studies, the later one of a body with other organs",
        "relations that are stated",
        "",
        None,
        None if found is None else float(len(found)),
        0.0,
        "the generator",
        caveat="the images could not be aligned",
    )


def _type_rows() -> Iterator[Row]:
    """A metastasis beside, and in the place of, a lymph node."""
    node, metastasis = _ball(0.0, 8.0), _ball(6.0, 1.5)
    beside = match([node], [node, metastasis], is_one_type=lambda _, later: later == 0)
    instead = match([node], [node], is_one_type=lambda _, _later: False)
    for name, found, relation, expected in (
        ("a metastasis in the edge of a lymph node", beside, "split", 0),
        ("a metastasis in the place of a lymph node", instead, "uncertain", 2),
    ):
        yield Row(
            "lesions over time",
            name,
            f"lesions that are stated as {relation}",
            "",
            float(expected),
            float(sum(one.relation == relation for one in found)),
            0.0,
            "construction",
        )


def _ball(x_mm: float, radius_mm: float) -> NDArray[np.float64]:
    steps = np.arange(-radius_mm, radius_mm + 1)
    points = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    inside = points[np.linalg.norm(points, axis=1) <= radius_mm]
    return np.asarray(inside + np.array([x_mm, 0.0, 0.0]))


def _diameter_rows(places: int) -> Iterator[Row]:
    """The mean of bodies that lie between the pixels, and are turned, at random."""
    random = np.random.default_rng(20)
    for spacing_mm in _SPACINGS_MM:
        shape = [int(np.ceil(50.0 / step)) for step in spacing_mm]
        volume = assemble_volume(builders.series(np.zeros(shape, np.int16), spacing_mm=spacing_mm))
        for diameters_mm in _DIAMETERS_MM:
            bodies = [_body(shape, spacing_mm, diameters_mm, random) for _ in range(places)]
            expected = np.mean([true_mm for _, true_mm in bodies], axis=0)
            measured = np.mean([_axes_mm(mask, volume) for mask, _ in bodies], axis=0)
            for quantity, theirs, ours in zip(
                ("long axis", "short axis"), expected, measured, strict=True
            ):
                yield Row(
                    "lesion diameters",
                    f"{_named(diameters_mm)}, pixels of {spacing_mm[1]:g} by {spacing_mm[2]:g} mm,"
                    f" slices of {spacing_mm[0]:g} mm",
                    quantity,
                    "mm",
                    round(float(theirs), 3),
                    round(float(ours), 3),
                    max(spacing_mm[1:]) / 2,
                    f"construction, mean of {places}",
                )


def _named(diameters_mm: tuple[float, float]) -> str:
    long_mm, short_mm = diameters_mm
    if long_mm == short_mm:
        return f"sphere of {long_mm:g} mm"
    return f"ellipsoid of {long_mm:g} by {short_mm:g} mm"


def _body(
    shape: list[int],
    spacing_mm: tuple[float, ...],
    diameters_mm: tuple[float, float],
    random: np.random.Generator,
) -> tuple[NDArray[np.bool_], tuple[float, float]]:
    """An ellipsoid as the voxels whose centres it holds, and the axes of its largest section.

    Sections of an ellipsoid are alike: each is smaller by one factor, that of a sphere's.
    """
    half = np.array(diameters_mm) / 2
    turn = random.uniform(0, np.pi)
    at = [n // 2 * step for n, step in zip(shape, spacing_mm, strict=True)]
    at_mm = np.array(at) + random.uniform(-0.5, 0.5, 3) * spacing_mm
    z, y, x = (
        np.arange(n) * step - middle
        for n, step, middle in zip(shape, spacing_mm, at_mm, strict=True)
    )
    along = x * np.cos(turn) + y[:, None] * np.sin(turn)
    across = y[:, None] * np.cos(turn) - x * np.sin(turn)
    section = (along / half[0]) ** 2 + (across / half[1]) ** 2
    height = (z / half[1]) ** 2
    factor = float(np.sqrt(1 - height.min()))
    long_mm, short_mm = (factor * one for one in diameters_mm)
    return section + height[:, None, None] <= 1, (long_mm, short_mm)


def _axes_mm(mask: NDArray[np.bool_], volume: Volume) -> list[float]:
    output = with_single_lesions(PipelineOutput((_SEGMENT,), mask.astype(np.uint8), ()), volume)
    found = {one.label: one.value for one in output.measurements}
    return [found["Lesion long axis"], found["Lesion short axis"]]
