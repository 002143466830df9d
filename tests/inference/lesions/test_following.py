"""Lesions of generated studies, turned, moved and breathing, are found again."""

import numpy as np

from inference.imaging.volume import assemble_volume
from inference.lesions.registration import align
from tests import builders
from tests.inference.lesions.counting import score


def test_the_fates_of_lesions_are_found() -> None:
    """Growth, shrinkage, split, merge, new and gone; `make verification` counts many more."""
    found = score([3])
    assert found.right == found.of, found.wrong


def test_a_volume_and_noise_are_not_aligned() -> None:
    shape = (16, 24, 24)
    random = np.random.default_rng(5)
    ball = np.linalg.norm(np.indices(shape) - np.reshape((8, 12, 12), (3, 1, 1, 1)), axis=0) < 6
    steps = (6.0, 4.0, 4.0)
    one, other = (
        assemble_volume(builders.series(values.astype(np.int16), spacing_mm=steps))
        for values in (ball * 500, random.normal(0, 100, shape))
    )
    assert not align(one, other, time_s=60, threads=1).holds
