"""Padding is no measured value: none of it is part of a mask, a number or a window."""

from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.imaging.grayscale import display_values
from inference.imaging.padding import measured_voxels, not_imaged, without_not_imaged
from inference.imaging.volume import Volume, assemble_volume
from inference.pipeline import Pipeline, PipelineContext
from inference.volume_preparation.tilt import run_upright
from storage.settings import Settings
from tests import builders
from tests.inference.volume_preparation.test_tilt import _Keeps as Keeps

SHAPE = (4, 24, 24)
MIDDLE = (slice(None), slice(6, 18), slice(6, 18))


def ringed(fill: int, *, modality: str = "CT", **stated: int) -> Volume:
    """Water within, padding around, and a hole of padding in its middle."""
    voxels = np.full(SHAPE, fill, np.int16)
    voxels[MIDDLE] = 0
    voxels[:, 12, 12] = fill
    return assemble_volume(builders.series(voxels, modality=modality, **stated))


def within(volume: Volume) -> NDArray[np.bool_]:
    outside = not_imaged(volume)
    assert outside is not None
    inside: NDArray[np.bool_] = ~outside
    return inside


@pytest.mark.parametrize(
    "stated",
    [
        {},
        {"PixelPaddingValue": -2000},
        {"PixelPaddingValue": -2000, "PixelPaddingRangeLimit": -1500},
    ],
    ids=str,
)
def test_a_ring_and_a_hole_that_no_ct_measures_are_outside(stated: dict[str, int]) -> None:
    volume = ringed(-2000, **stated)
    expected = np.zeros(SHAPE, bool)
    expected[MIDDLE] = True
    expected[:, 12, 12] = False
    np.testing.assert_array_equal(within(volume), expected)
    masks = np.ones(SHAPE, np.uint8)
    assert without_not_imaged(masks, volume).sum() == expected.sum()
    overlapping = np.ones((*SHAPE, 2), bool)
    assert without_not_imaged(overlapping, volume).sum() == 2 * expected.sum()
    assert measured_voxels(volume).min() == 0


def test_streaks_beside_metal_are_measured() -> None:
    voxels = np.full(SHAPE, -1000, np.int16)
    voxels[:, 12, 12] = -2000
    voxels[:, 0, 12] = -2100
    assert not_imaged(assemble_volume(builders.series(voxels, modality="CT"))) is None


def test_air_that_is_clipped_to_the_padding_value_stays_air_within_the_image() -> None:
    volume = ringed(-1024, PixelPaddingValue=-1024)
    assert within(volume)[:, 12, 12].all()
    assert not within(volume)[:, 0].any()


def test_dark_voxels_of_an_mr_stay_in_the_head() -> None:
    assert not_imaged(ringed(-2000, modality="MR")) is None
    volume = ringed(7, modality="MR", PixelPaddingValue=7)
    assert within(volume)[:, 12, 12].all()
    assert not within(volume)[:, 0].any()


def test_no_voxel_between_padding_and_tissue_is_made_by_taking_out_a_tilt() -> None:
    voxels = np.full((6, 24, 24), -2000, np.int16)
    voxels[:, 6:18, 6:18] = 50
    upright = builders.series(voxels, modality="CT", PixelPaddingValue=-2000)
    for k, dataset in enumerate(upright):
        x, y, z = (float(one) for one in dataset.ImagePositionPatient)
        dataset.ImagePositionPatient = [x, y + 0.3 * k, z]
    volume = assemble_volume(upright, tilted=True)
    keeps = Keeps()
    run_upright(cast("Pipeline", keeps), PipelineContext(Settings(), volume))
    assert set(np.unique(keeps.volume.voxels)) == {-2000.0, 50.0}


def test_a_range_of_padding_widens_no_window() -> None:
    pixels = np.array([[0, 5, 100], [3, 150, 200]], np.uint16)
    (dataset,) = builders.series(pixels[None], PixelPaddingValue=0, PixelPaddingRangeLimit=5)
    shown = display_values(pixels, dataset, dataset, None)
    assert (shown[0, 2], shown[1, 2]) == (0, 255)
