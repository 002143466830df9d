"""Which lesion is which, where both studies lie in one space already."""

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.lesions.matching.pairing import match


def ball(x: float, y: float, z: float, radius: float) -> NDArray[np.float64]:
    steps = np.arange(-radius, radius + 1, 1.0)
    points = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    return np.asarray(points[np.linalg.norm(points, axis=1) <= radius] + (x, y, z))


def relations(
    earlier: list[NDArray[np.float64]], later: list[NDArray[np.float64]]
) -> set[tuple[str, int | None, int | None, bool]]:
    return {(one.relation, one.earlier, one.later, one.is_main) for one in match(earlier, later)}


@pytest.mark.parametrize("radius", [2.0, 5.0, 16.0])
def test_a_lesion_that_grew_or_shrank_is_the_same(radius: float) -> None:
    assert relations([ball(0, 0, 0, 8)], [ball(1, 0, 1, radius)]) == {("matched", 0, 0, True)}


def test_new_and_gone_lesions_are_not_one_because_they_are_near() -> None:
    found = relations([ball(0, 0, 0, 5)], [ball(22, 0, 0, 5)])
    assert found == {("gone", 0, None, True), ("new", None, 0, True)}


def test_the_larger_part_of_a_split_keeps_the_identity() -> None:
    parts = [ball(-5, 0, 0, 3), ball(5, 0, 0, 4.5)]
    assert relations([ball(0, 0, 0, 10)], parts) == {
        ("split", 0, 1, True),
        ("split", 0, 0, False),
    }


def test_the_larger_of_two_that_merged_keeps_its_identity() -> None:
    before = [ball(-7, 0, 0, 4), ball(7, 0, 0, 6)]
    assert relations(before, [ball(0, 0, 0, 14)]) == {
        ("merged", 1, 0, True),
        ("merged", 0, 0, False),
    }


def test_a_share_of_the_edge_does_not_outweigh_the_size() -> None:
    # The larger one reaches out of what both became: 0.91 of it lies there, of the smaller all.
    before = [ball(-7, 0, 0, 6), ball(5, 0, 0, 5)]
    assert relations(before, [ball(2, 0, 0, 11)]) == {
        ("merged", 0, 0, True),
        ("merged", 1, 0, False),
    }
    assert relations([ball(2, 0, 0, 11)], before) == {
        ("split", 0, 0, True),
        ("split", 0, 1, False),
    }


def test_the_largest_is_so_in_its_own_study_not_as_the_registration_left_it() -> None:
    before = [ball(-7, 0, 0, 6), ball(7, 0, 0, 6)]
    (main,) = (
        one for one in match(before, [ball(0, 0, 0, 14)], earlier_mm=[10, 12]) if one.is_main
    )
    assert main.earlier == 1


def test_of_what_merged_and_shrank_the_larger_is_it() -> None:
    before = [ball(-4, 0, 0, 7), ball(4, 0, 0, 8)]
    assert ("merged", 1, 0, True) in relations(before, [ball(-1, 0, 0, 4)])


def test_a_large_new_lesion_beside_one_does_not_take_its_identity() -> None:
    # It covers half of it, and with the tolerance three quarters.
    after = [ball(0, 0, 0, 5), ball(18, 0, 0, 18)]
    assert ("split", 0, 0, True) in relations([ball(0, 0, 0, 5)], after)


def test_neighbours_of_unlike_growth_keep_their_partners() -> None:
    before = [ball(0, 0, 0, 5), ball(7, 0, 0, 7)]
    after = [ball(0, 0, 0, 7), ball(7, 0, 0, 5)]
    mains = {(one.earlier, one.later) for one in match(before, after) if one.is_main}
    assert mains == {(0, 0), (1, 1)}


def test_a_small_lesion_is_found_beside_where_it_was_expected_with_less_confidence() -> None:
    (moved,) = match([ball(0, 0, 0, 2)], [ball(6, 0, 0, 2)])
    assert moved.relation == "matched"
    assert moved.confidence < 0.25
    (still,) = match([ball(0, 0, 0, 2)], [ball(0, 0, 0, 2)])
    assert still.confidence == 1.0
    # A large lesion where a speck was is another one.
    assert {one.relation for one in match([ball(0, 0, 0, 1)], [ball(24, 0, 0, 16)])} == {
        "gone",
        "new",
    }


def test_nobody_can_tell_whether_a_lesion_farther_off_is_it() -> None:
    found = relations([ball(0, 0, 0, 4)], [ball(11.5, 0, 0, 4)])
    assert found == {("uncertain", 0, None, True), ("uncertain", None, 0, True)}
    # One that found itself again may not be another one.
    before, after = [ball(0, 0, 0, 4), ball(12, 0, 0, 4)], [ball(12, 0, 0, 4)]
    assert relations(before, after) == {("matched", 1, 0, True), ("gone", 0, None, True)}


def test_lesions_of_other_types_are_neither_one_nor_parts_of_one() -> None:
    node, speck = ball(0, 0, 0, 8), ball(6, 0, 0, 1.5)

    def is_one_type(earlier: int, later: int) -> bool:
        return later == 0

    found = {
        (one.relation, one.earlier, one.later, one.confidence)
        for one in match([node], [node, speck], is_one_type=is_one_type)
    }
    assert found == {("matched", 0, 0, 1.0), ("new", None, 1, 1.0)}
    # A model that calls the same place otherwise says neither that one went nor that one came.
    places = {
        (one.relation, one.earlier, one.later)
        for one in match([node], [node], is_one_type=lambda _earlier, _later: False)
    }
    assert places == {("uncertain", 0, None), ("uncertain", None, 0)}


def test_neighbours_keep_their_partners() -> None:
    before = [ball(0, 0, 0, 5), ball(14, 0, 0, 5), ball(0, 14, 0, 5)]
    after = [ball(0.5, 14, 1, 6), ball(1, 0, 0.5, 3), ball(14, 1, 0, 6)]
    assert relations(before, after) == {
        ("matched", 0, 1, True),
        ("matched", 1, 2, True),
        ("matched", 2, 0, True),
    }


def test_nothing_on_one_side() -> None:
    assert relations([], [ball(0, 0, 0, 3)]) == {("new", None, 0, True)}
    assert relations([ball(0, 0, 0, 3)], []) == {("gone", 0, None, True)}
    assert relations([], []) == set()
