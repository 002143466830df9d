"""The exposed field of drawn films, of which every corner is known."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from inference.single_images.exposed_field import find_exposed_field
from tests.inference.single_images.collimated import Film, drawn


def off(found: NDArray[np.float64], film: Film) -> float:
    """How far the corner lies that was met worst, in pixels."""
    return max(float(np.hypot(*(found - corner).T).min()) for corner in film.corners)


@pytest.mark.parametrize(
    "film",
    [
        drawn(degrees=2.0),
        drawn(degrees=-9.0),
        drawn(border=0.0, noise=0.0, sharp=True),
        drawn(border=0.45, sharp=True),
        drawn(rows=120, aspect=2.0),
        drawn(rows=240, columns=120, aspect=0.6),
        drawn(degrees=4.0, half=(0.3, 0.2), centre=(0.55, 0.4)),
    ],
    ids=["turned", "turned the other way", "black", "grey", "low", "wide", "small"],
)
def test_all_four_corners_are_found(film: Film) -> None:
    everywhere = np.ones(film.values.shape, bool)
    found = find_exposed_field(film.values, everywhere, film.aspect)
    assert set(found.sides) == {"left", "right", "top", "bottom"}
    assert off(found.corners, film) < 1.0
    assert found.area / film.values.size == pytest.approx(film.share, abs=0.01)
    assert found.mask(film.values.shape).sum() == pytest.approx(found.area, rel=0.01)


@settings(max_examples=4, deadline=None)
@given(
    degrees=st.floats(-10.0, 10.0),
    width=st.floats(0.25, 0.4),
    height=st.floats(0.25, 0.4),
    border=st.sampled_from([0.0, 0.9]),
)
# Of short sides: several angles are as likely, and noise lies in line with one.
@example(degrees=0.25, width=0.25, height=0.25, border=0.9)
@example(degrees=-4.2, width=0.4, height=0.25, border=0.9)
def test_a_rectangle_is_found_however_it_is_turned(
    degrees: float, width: float, height: float, border: float
) -> None:
    film = drawn(degrees=degrees, half=(width, height), border=border, sharp=not border)
    found = find_exposed_field(film.values, np.ones(film.values.shape, bool), 1.0)
    assert off(found.corners, film) < 2.0
    assert found.area / film.values.size == pytest.approx(film.share, abs=0.01)


def test_a_field_that_is_wider_than_the_image_ends_with_it() -> None:
    film = drawn(degrees=3.0, half=(0.8, 0.3))
    found = find_exposed_field(film.values, np.ones(film.values.shape, bool), 1.0)
    assert set(found.sides) == {"top", "bottom"}
    assert found.area / film.values.size == pytest.approx(film.share, abs=0.01)
    assert found.corners.min() == 0.0


def test_padding_is_no_part_of_the_field() -> None:
    film = drawn(degrees=5.0)
    covered = film.inside
    found = find_exposed_field(np.where(covered, film.values, -2000.0), covered, 1.0)
    assert off(found.corners, film) < 2.0


@pytest.mark.parametrize(
    "values",
    [
        drawn(half=(2.0, 2.0)).values,
        np.zeros((240, 200), np.float32),
        np.random.default_rng(3).standard_normal((240, 200)).astype(np.float32),
        np.random.default_rng(4).integers(0, 2, (9, 5)).astype(np.float32),
        np.zeros((1, 1), np.float32),
    ],
    ids=["no collimation", "blank", "noise", "tiny", "one pixel"],
)
def test_without_a_border_the_whole_image_is_the_field(values: NDArray[np.float32]) -> None:
    found = find_exposed_field(values, np.ones(values.shape, bool), 1.0)
    assert found.sides == ()
    assert found.area == values.size
    assert found.mask(values.shape).all()


def test_a_limb_in_even_air_is_no_field() -> None:
    row, column = np.mgrid[0:240, 0:200]
    half = 45 + 4 * np.sin(row / 50)
    limb = np.sqrt(np.clip(1 - ((column - 100) / half) ** 2, 0, None))
    noise = 0.01 * np.random.default_rng(5).standard_normal(limb.shape)
    values = np.maximum(0.1 + 0.6 * limb + noise, 0.12).astype(np.float32)
    assert find_exposed_field(values, np.ones(values.shape, bool), 1.0).sides == ()
