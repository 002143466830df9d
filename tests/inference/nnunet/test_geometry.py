"""What a model sees of series in any plane, beside nibabel; and its result put back."""

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray

from inference.imaging.volume import Volume, assemble_volume
from inference.nnunet.card import AS_SENT, NnunetModel
from inference.nnunet.geometry import grid_seen, seen_by_model
from tests import builders

RAS_FROM_LPS = np.diag((-1.0, -1.0, 1.0, 1.0))
TILT = builders.rotation(6, -8, 5)
PLANES = {
    "axial": np.eye(3),
    "axial, feet first": np.diag((-1.0, 1.0, -1.0)),
    "coronal": np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]),
    "sagittal": np.array([[0.0, 0, -1], [1, 0, 0], [0, -1, 0]]),
}


def volume_of(plane: str) -> Volume:
    voxels = np.random.default_rng(2).integers(0, 900, (7, 11, 9), dtype=np.int16)
    directions = TILT @ PLANES[plane]
    return assemble_volume(
        builders.series(voxels, spacing_mm=(3.0, 1.2, 0.7), directions=directions)
    )


def by_nibabel(volume: Volume, orientation: str) -> tuple[NDArray[np.float64], tuple[float, ...]]:
    """Voxels indexed (z, y, x), and their spacing in that order."""
    image = nib.Nifti1Image(volume.voxels.T, (RAS_FROM_LPS @ volume.lps_from_kji)[:, [2, 1, 0, 3]])
    turned = image.as_reoriented(
        nib.orientations.ornt_transform(
            nib.io_orientation(image.affine), nib.orientations.axcodes2ornt(tuple(orientation))
        )
    )
    assert nib.aff2axcodes(turned.affine) == tuple(orientation)
    return turned.get_fdata().T, tuple(float(one) for one in turned.header.get_zooms()[::-1])


@pytest.mark.parametrize("orientation", ["RAS", "LAS", "PIR"])
@pytest.mark.parametrize("plane", PLANES)
def test_images_are_turned_as_the_card_says_and_back(plane: str, orientation: str) -> None:
    volume = volume_of(plane)
    seen = seen_by_model(volume, [volume.voxels], orientation, None)
    voxels, spacing_mm = by_nibabel(volume, orientation)
    np.testing.assert_array_equal(seen.channels[0], voxels)
    assert seen.spacing_mm == pytest.approx(spacing_mm, rel=1e-6)
    np.testing.assert_array_equal(
        seen.on_source_grid(seen.channels[0].astype(np.int32)), volume.voxels
    )


@pytest.mark.parametrize("plane", PLANES)
def test_as_sent_is_the_order_of_the_series(plane: str) -> None:
    volume = volume_of(plane)
    seen = seen_by_model(volume, [volume.voxels], AS_SENT, None)
    np.testing.assert_array_equal(seen.channels[0], volume.voxels)
    assert seen.spacing_mm == pytest.approx((3.0, 1.2, 0.7))


def test_an_orientation_of_two_axes_is_refused() -> None:
    with pytest.raises(ValueError, match="orientation names an axis twice"):
        NnunetModel(name="a", version="1", modality="MR", orientation="RLS")


@pytest.mark.parametrize(("orientation", "spacing_mm"), [("RAS", 1.5), ("PIR", 0.8), ("LAS", None)])
@pytest.mark.parametrize("plane", PLANES)
def test_the_grid_is_known_before_anything_is_resampled(
    plane: str, orientation: str, spacing_mm: float | None
) -> None:
    volume = volume_of(plane)
    seen = seen_by_model(volume, [volume.voxels], orientation, spacing_mm)
    grid = grid_seen(volume, orientation, spacing_mm)
    assert grid.shape == seen.channels.shape[1:]
    assert grid.spacing_mm == seen.spacing_mm
