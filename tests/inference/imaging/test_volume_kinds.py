"""PT with a rescale for each slice, and repeated positions, beside dcm2niix and SimpleITK."""

from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import EnhancedCTImageStorage, EnhancedPETImageStorage

from inference.imaging.stacks import stacks_of
from inference.imaging.volume import assemble_volume
from tests import builders
from tests.inference.imaging.test_volume_beside_dcm2niix import nifti_files, on_grid_of
from tests.inference.itk import read_series


def _pet(shape: tuple[int, int, int] = (7, 12, 10)) -> list[Dataset]:
    """Counts whose scale differs from slice to slice, as attenuation and decay make it."""
    voxels = np.random.default_rng(8).integers(0, 32767, shape, dtype=np.int16)
    datasets = builders.series(
        voxels,
        modality="PT",
        spacing_mm=(3.27, 5.46875, 5.46875),
        directions=builders.rotation(8, -5, 12),
        Units="BQML",
    )
    for k, ds in enumerate(datasets):
        ds.RescaleSlope = f"{0.31 + 0.137 * k:.6f}"
        ds.SeriesType, ds.SliceLocation = ["WHOLE BODY", "IMAGE"], f"{3.27 * k:.2f}"
    return datasets


def _stored(datasets: list[Dataset]) -> NDArray[np.float64]:
    return np.stack([ds.pixel_array * float(ds.RescaleSlope) for ds in datasets])


def test_a_pet_is_scaled_slice_by_slice_as_both_others_do(tmp_path: Path) -> None:
    datasets = _pet()
    paths = builders.write(datasets, tmp_path / "written")
    volume = assemble_volume([pydicom.dcmread(path) for path in reversed(paths)])
    np.testing.assert_allclose(volume.voxels, _stored(datasets), rtol=2e-7)
    theirs = SimpleITK.GetArrayFromImage(read_series(tmp_path / "written"))
    np.testing.assert_allclose(volume.voxels, theirs, rtol=2e-6)
    (nifti,) = nifti_files(paths, tmp_path)
    values, affine = on_grid_of(volume.lps_from_kji, volume.voxels.shape, nibabel.load(nifti))
    assert np.abs(affine - volume.lps_from_kji).max() < 1e-3
    np.testing.assert_allclose(volume.voxels, values, rtol=2e-6)


@pytest.mark.parametrize(
    ("sop_class_uid", "modality"),
    [(EnhancedPETImageStorage, "PT"), (EnhancedCTImageStorage, "CT")],
)
def test_an_enhanced_instance_scales_each_frame_by_its_own_group(
    sop_class_uid: str, modality: str
) -> None:
    datasets = _pet()
    enhanced = builders.enhanced_mr(datasets, frame_order=(4, 0, 6, 2, 1, 5, 3))
    enhanced.SOPClassUID = enhanced.file_meta.MediaStorageSOPClassUID = sop_class_uid
    enhanced.Modality = modality
    volume = assemble_volume([enhanced])
    np.testing.assert_allclose(volume.voxels, _stored(datasets), rtol=2e-7)
    np.testing.assert_allclose(volume.lps_from_kji, assemble_volume(datasets).lps_from_kji)
    assert volume.frame_numbers == (2, 5, 4, 7, 1, 6, 3)


def test_echoes_of_one_series_are_the_volumes_that_dcm2niix_makes_of_them(tmp_path: Path) -> None:
    datasets = []
    for number, echo in enumerate(("4.9", "9.8"), start=1):
        voxels = np.random.default_rng(number).integers(0, 999, (5, 12, 10), dtype=np.int16)
        echoes = builders.series(voxels, directions=builders.rotation(4, 6, 9), EchoTime=echo)
        for k, ds in enumerate(echoes):
            ds.EchoNumbers, ds.InstanceNumber = number, 10 * number + k
            ds.RepetitionTime, ds.SeriesDescription = "600", "two echoes"
            ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = f"1.2.{number}.{k}"
        datasets += echoes
    (path,) = nifti_files(builders.write(datasets, tmp_path / "written"), tmp_path)
    both = nibabel.load(path)  # told to merge, it writes four axes, the last by echo
    stacks = stacks_of(datasets)
    assert [stack.name for stack in stacks] == ["EchoTime 4.9 ms", "EchoTime 9.8 ms"]
    volumes = [assemble_volume(stack.of(datasets)) for stack in stacks]
    assert both.shape[3] == len(volumes)
    for number, volume in enumerate(volumes):
        one = both.slicer[..., number]
        values, _ = on_grid_of(volume.lps_from_kji, volume.voxels.shape, one)
        np.testing.assert_array_equal(volume.voxels, values)
