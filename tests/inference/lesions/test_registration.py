"""Two studies of one patient in one space. `make verification` counts lesions over many pairs."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from inference.imaging.volume import Volume, assemble_volume
from inference.lesions.matching.registration import align
from tests import builders

SHAPE, SPACING = (20, 30, 30), (4.0, 3.0, 3.0)
MIDDLE = np.array([9.5, 14.5, 14.5])
Values = NDArray[np.float64]


def breathing(kji: Values) -> Values:
    """Where in the earlier study the tissue lies that the later one shows here, as indices."""
    moved = kji.copy()
    moved[..., 1] += 2.5 * np.exp(-(((kji[..., 0] - 9.5) / 5) ** 2))
    return moved


def volume(place: Callable[[Values], Values], seed: int = 5) -> Volume:
    """A body with texture."""
    random = np.random.default_rng(seed)
    texture = gaussian_filter(random.normal(0, 1, SHAPE), 1.5)
    kji = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), axis=-1).astype(float)
    inside = np.linalg.norm((kji - MIDDLE) / (9, 12, 12), axis=-1) < 1
    body = np.where(inside, 300 + 800 * texture / np.abs(texture).max(), 0)
    grey = map_coordinates(body, np.moveaxis(place(kji), -1, 0), order=1)
    return assemble_volume(builders.series(grey.astype(np.int16), spacing_mm=SPACING))


def test_a_patient_who_breathed_is_followed_where_a_rigid_body_would_not() -> None:
    earlier, later = volume(lambda kji: kji), volume(breathing)
    alignment = align(earlier, later, time_s=60, threads=1)
    assert alignment.holds
    assert "deformable" in alignment.method
    here = np.array([[9.0, 12, 12], [10, 16, 17], [7, 15, 10]])
    there = breathing(here)

    def lps(kji: Values) -> Values:
        affine = later.lps_from_kji
        return np.asarray(kji @ affine[:3, :3].T + affine[:3, 3])

    found = alignment.later_from_earlier(lps(there))
    # The tissue has moved by up to 7.5 mm.
    assert np.linalg.norm(lps(here) - lps(there), axis=1).min() > 5
    assert np.linalg.norm(found - lps(here), axis=1).max() < 2.5


def test_a_body_and_noise_are_not_aligned() -> None:
    noise = np.random.default_rng(5).normal(0, 100, SHAPE).astype(np.int16)
    other = assemble_volume(builders.series(noise, spacing_mm=SPACING))
    assert not align(volume(lambda kji: kji), other, time_s=60, threads=1).holds


def test_scans_of_other_table_coordinates_are_aligned() -> None:
    """Of two scanners: by their coordinates they do not overlap at all."""
    earlier, far = volume(lambda kji: kji), np.eye(4)
    far[:3, 3] = (0, -30, -900)
    later = replace(earlier, lps_from_kji=far @ earlier.lps_from_kji)
    alignment = align(earlier, later, time_s=60, threads=1)
    assert alignment.holds
    places = np.array([[0.0, 0, 0], [20, 10, 15]])
    assert np.abs(alignment.later_from_earlier(places) - places - far[:3, 3]).max() < 1


def test_an_alignment_that_ran_out_of_time_does_not_hold() -> None:
    body = volume(lambda kji: kji)
    assert not align(body, volume(breathing), time_s=0, threads=1).holds


def test_another_body_is_not_aligned_although_its_outline_is() -> None:
    """Both are bright in the same ellipsoid; what lies within is another's."""
    earlier = volume(lambda kji: kji)
    other = volume(lambda kji: kji, seed=6)
    alignment = align(earlier, other, time_s=60, threads=1)
    assert alignment.correlation > 0.8
    assert not alignment.holds
