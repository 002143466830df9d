"""Enhanced images as NIfTI for containers: place and spacing stand in their functional groups."""

import copy
from pathlib import Path

import nibabel
import numpy as np
import pytest
from pydicom.dataset import Dataset

from inference.containers.images.grid import grids_of
from inference.containers.images.nifti import write_image
from tests import builders

SPACING_MM = (3.0, 0.7, 1.1)


def enhanced(frames: int) -> tuple[Dataset, list[Dataset]]:
    """And the classic images that it is made of; each scales its values by itself."""
    voxels = np.random.default_rng(4).integers(0, 900, (frames, 12, 10)).astype(np.int16)
    classic = builders.series(
        voxels,
        spacing_mm=SPACING_MM,
        directions=builders.rotation(25, -15, 110),
        slope=2.0,
        intercept=-40.0,
    )
    return builders.enhanced_mr(classic, range(frames)), classic


def test_one_frame_lies_where_its_functional_groups_say(tmp_path: Path) -> None:
    image, (classic,) = enhanced(1)
    (enhanced_grid,), (classic_grid,) = grids_of(image), grids_of(classic)
    np.testing.assert_allclose(enhanced_grid.lps_from_kji, classic_grid.lps_from_kji)
    write_image(image, tmp_path / "image.nii.gz")
    given = nibabel.load(tmp_path / "image.nii.gz")
    place = given.affine[:3, 3] * (-1, -1, 1)
    np.testing.assert_allclose(place, classic.ImagePositionPatient, atol=1e-3)
    np.testing.assert_array_equal(
        np.asarray(given.dataobj)[..., 0].T, classic.pixel_array * 2.0 - 40.0
    )


def test_frames_have_the_spacing_that_their_functional_groups_state(tmp_path: Path) -> None:
    image, classic = enhanced(3)
    write_image(image, tmp_path / "image.nii.gz")
    given = nibabel.load(tmp_path / "image.nii.gz")
    # Columns are 1.1 mm apart and rows 0.7; frames of an image are 1 apart.
    assert given.header.get_zooms() == pytest.approx((1.1, 0.7, 1.0))
    values = np.asarray(given.dataobj).transpose(2, 1, 0)
    np.testing.assert_array_equal(values, [one.pixel_array * 2.0 - 40.0 for one in classic])


def test_frames_of_different_spacings_have_none() -> None:
    image, _ = enhanced(2)
    measures = image.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence
    del image.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence
    for number, group in enumerate(image.PerFrameFunctionalGroupsSequence, start=1):
        own = copy.deepcopy(measures[0])
        own.PixelSpacing = [0.7 * number, 1.1]
        group.PixelMeasuresSequence = [own]
    (grid,) = grids_of(image)
    assert [grid.lps_from_kji[1, 1], grid.lps_from_kji[0, 2]] == [1.0, 1.0]
