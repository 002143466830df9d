"""Contours of a mask: whoever fills them has the mask again, holes and all."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.path import Path as Polygon
from numpy.typing import NDArray

from inference.results.contours import contours

Mask = NDArray[np.bool_]


def filled(polygons: list[NDArray[np.int64]], shape: tuple[int, int]) -> Mask:
    """As matplotlib fills them: the centres that lie within, each contour by itself."""
    rows, columns = np.indices(shape)
    centres = np.stack([columns.ravel() + 0.5, rows.ravel() + 0.5], axis=1)
    found = np.zeros(shape, bool)
    for polygon in polygons:
        inside = Polygon(polygon.astype(float)).contains_points(centres).reshape(shape)
        assert not (found & inside).any(), "two contours lie over each other"
        found |= inside
    return found


def area(polygon: NDArray[np.int64]) -> float:
    x, y = polygon.T
    return abs(float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))) / 2


@given(st.integers(1, 9), st.integers(1, 9), st.data())
@settings(max_examples=150, deadline=None)
def test_filling_gives_the_mask_again(rows: int, columns: int, data: st.DataObject) -> None:
    bits = data.draw(st.lists(st.booleans(), min_size=rows * columns, max_size=rows * columns))
    mask = np.array(bits).reshape(rows, columns)
    found = contours(mask)
    assert np.array_equal(filled(found, mask.shape), mask)
    assert sum(map(area, found)) == mask.sum()


@pytest.mark.parametrize(
    ("picture", "parts"),
    [
        (["#####", "#.#.#", "#####"], 1),
        (["#######", "#.....#", "#.###.#", "#.#.#.#", "#.###.#", "#.....#", "#######"], 2),
        (["###...", "#.#...", "###...", "...###", "...#.#", "...###"], 2),
    ],
    ids=["two holes", "an island in a hole, with a hole", "rings that touch at a corner"],
)
def test_each_part_is_one_contour(picture: list[str], parts: int) -> None:
    mask = np.array([[one == "#" for one in row] for row in picture])
    found = contours(mask)
    assert np.array_equal(filled(found, mask.shape), mask)
    assert len(found) == parts


def test_an_empty_mask_has_none() -> None:
    assert contours(np.zeros((3, 4), bool)) == []
