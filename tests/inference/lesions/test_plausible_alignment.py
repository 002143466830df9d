"""Lesions that all lie off by one shift say that the alignment of two studies is wrong."""

import numpy as np
from numpy.typing import NDArray

from inference.lesions.matching.plausible_alignment import (
    is_doubtful,
    may_be_shifted,
    shift_between,
)
from inference.lesions.matching.registration import align
from tests.inference.lesions.test_registration import volume

VERTEBRA_MM = np.array([1.5, -2.0, 26.0])


def lesions(count: int, seed: int) -> list[NDArray[np.float64]]:
    random = np.random.default_rng(seed)
    places = random.uniform((-90, -45, -60), (90, 35, 60), (count, 3))
    return [place + random.normal(0, 3, (20, 3)) for place in places]


def test_lesions_that_lie_off_by_one_vertebra_say_by_how_much() -> None:
    earlier = lesions(9, 3)
    random = np.random.default_rng(4)
    # In any order; two are new, and two are not found any more.
    later = [one + VERTEBRA_MM + random.normal(0, 1, 3) for one in earlier[:7]][::-1]
    shift = shift_between(earlier, later + lesions(2, 8))
    assert shift is not None
    assert np.linalg.norm(shift - VERTEBRA_MM) < 1.5


def test_other_lesions_are_no_shift() -> None:
    assert shift_between(lesions(8, 3), lesions(8, 5)) is None
    assert shift_between(lesions(1, 3), lesions(1, 5)) is None
    # Beyond what an alignment may be off by.
    far = np.array([0.0, 0, 90])
    assert shift_between(lesions(6, 3), [one + far for one in lesions(6, 3)]) is None


def test_many_gone_and_as_many_new_ones_are_doubted() -> None:
    assert is_doubtful(found=0, gone=11, new=11)
    assert is_doubtful(found=2, gone=3, new=4)
    assert not is_doubtful(found=9, gone=2, new=2)
    # Two may well be gone where two others have come, and any number where none is new.
    assert not is_doubtful(found=0, gone=2, new=2)
    assert not is_doubtful(found=0, gone=8, new=0)


def test_few_lesions_are_believed_only_where_the_images_agree_as_well() -> None:
    assert may_be_shifted(0.985, 0.991, found=9)
    assert not may_be_shifted(0.9, 0.991, found=9)
    assert not may_be_shifted(0.985, 0.991, found=2)


def test_an_alignment_goes_on_from_where_lesions_lie() -> None:
    body = volume(lambda kji: kji)
    right = align(body, body, time_s=60, threads=1)
    places = np.array([[0.0, 0, 0], [20, 10, 15]])
    shifted = align(body, body, time_s=60, threads=1, near=(right, np.array([2.0, 1, 4])))
    # A few millimetres off, it finds back.
    assert np.abs(shifted.later_from_earlier(places) - places).max() < 0.5
    assert shifted.correlation >= right.correlation - 0.001
