"""Sensitivity of boxes at so many false positives per image, by hand and by another computation."""

from collections.abc import Sequence

import numpy as np
import pytest

from inference.evaluation.images.box_measures import (
    FoundBoxes,
    MatchedLabel,
    box_agreement,
    matched,
)
from inference.evaluation.images.box_reference import Box, TrueBoxes

TRUE: Box = (10.0, 10.0, 20.0, 20.0)


def of_image(scored: Sequence[tuple[float, Box]], *true: Box) -> MatchedLabel:
    found = FoundBoxes(
        ["Nodule"] * len(scored), [box for _, box in scored], [score for score, _ in scored]
    )
    return matched(found, TrueBoxes(["Nodule"] * len(true), list(true)), "Nodule")


def overlap(a: Box, b: Box) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    both = max(width, 0.0) * max(height, 0.0)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


@pytest.mark.parametrize(
    ("box", "is_true"),
    [
        ((10, 10, 20, 15), True),  # IoU of exactly 50 / 100.
        ((10, 10, 20, 14.9), False),
        ((10, 10, 30, 20), True),  # 100 / 200.
        ((10, 10, 30.1, 20), False),
    ],
)
def test_half_of_the_union_is_enough(box: Box, is_true: bool) -> None:
    assert of_image([(0.9, box)], TRUE).is_true.tolist() == [is_true]


def test_a_second_box_on_the_same_finding_is_a_false_positive() -> None:
    image = of_image([(0.3, TRUE), (0.8, (10, 10, 20, 18))], TRUE)
    assert image.scores.tolist() == [0.8, 0.3]
    assert image.is_true.tolist() == [True, False]


def test_boxes_of_another_label_find_nothing() -> None:
    found = FoundBoxes(["Mass"], [TRUE], [0.9])
    image = matched(found, TrueBoxes(["Nodule"], [TRUE]), "Nodule")
    assert (len(image.scores), image.true) == (0, 1)


def test_sensitivity_at_false_positives_per_image_by_hand() -> None:
    elsewhere: Box = (50, 50, 60, 60)
    second: Box = (30, 30, 40, 40)
    cases = [
        [of_image([(0.9, TRUE), (0.8, elsewhere), (0.2, second)], TRUE, second)],
        [of_image([(0.7, elsewhere), (0.6, TRUE)], TRUE), of_image([(0.6, elsewhere)])],
        [of_image([], TRUE)],
    ]
    agreement = box_agreement("Nodule", cases)
    # Four images, four boxes. 0.9: 0 wrong, 1 right; 0.8: 1, 1; 0.7: 2, 1; 0.6: 3, 2 (both boxes
    # of that score at once); 0.2: 3, 3.
    assert agreement.curve == (
        (0, 0), (0, 0.25), (0.25, 0.25), (0.5, 0.25), (0.75, 0.5), (0.75, 0.75),
    )  # fmt: skip
    assert agreement.sensitivities == (0.25, 0.75, 0.75)
    metrics = agreement.metrics()
    assert (metrics["images"], metrics["boxes"]) == (4.0, 4.0)
    assert metrics["sensitivity_at_1_lower"] < 0.75 < metrics["sensitivity_at_1_upper"]


def test_many_boxes_are_matched_as_every_threshold_by_itself_says() -> None:
    rng = np.random.default_rng(5)
    cases, plain = [], []
    for _ in range(12):
        corner = rng.uniform(0, 60, (3, 2))
        true = [(x, y, x + 20, y + 20) for x, y in corner.tolist()]
        near = corner[rng.integers(0, 3, 4)] + rng.normal(0, 6, (4, 2))
        at = [*near.tolist(), *rng.uniform(0, 80, (160, 2)).tolist()]
        # The sure ones lie near; two decimals, so that scores are shared.
        scores = np.round([*rng.uniform(0.3, 1, 4), *rng.beta(1, 12, 160)], 2).tolist()
        scored = [(s, (x, y, x + 20, y + 20)) for s, (x, y) in zip(scores, at, strict=True)]
        cases.append([of_image(scored, *true)])
        plain.append((sorted(scored, key=lambda one: -one[0]), true))
    expected = {0.5: 0.0, 1.0: 0.0, 2.0: 0.0}
    for threshold in np.unique([score for scored, _ in plain for score, _ in scored]):
        right = wrong = 0
        for scored, true in plain:
            free = list(true)
            for _, box in (one for one in scored if one[0] >= threshold):
                overlaps = [overlap(box, one) for one in free]
                if max(overlaps, default=0.0) >= 0.5:
                    del free[overlaps.index(max(overlaps))]
                    right += 1
                else:
                    wrong += 1
        for rate, before in expected.items():
            if wrong / 12 <= rate:
                expected[rate] = max(before, right / 36)
    agreement = box_agreement("Nodule", cases)
    assert agreement.sensitivities == pytest.approx(tuple(expected.values()))
    assert 0 < expected[0.5] < expected[2.0] < 1
    for sensitivity, (lower, upper) in zip(
        agreement.sensitivities, agreement.intervals, strict=True
    ):
        assert lower < sensitivity < upper
    assert max(one.true for case in cases for one in case) == 3
    assert len(cases[0][0].scores) == 164


def test_the_interval_where_all_is_found_is_that_of_the_share_of_cases() -> None:
    agreement = box_agreement("Nodule", [[of_image([(0.9, TRUE)], TRUE)]] * 10)
    # Wilson's lower limit of 10 of 10: 10 / (10 + 1.96²).
    assert agreement.intervals[0] == pytest.approx((10 / (10 + 1.959964**2), 1.0), abs=1e-4)


def test_without_a_box_to_be_found_there_is_neither_sensitivity_nor_curve() -> None:
    agreement = box_agreement("Nodule", [[of_image([(0.9, TRUE)])]])
    assert agreement.metrics() == {"images": 1.0, "boxes": 0.0}
    assert agreement.curve == ()
