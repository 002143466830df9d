"""Every volume of the shared data, beside dcm2niix converting the same files."""

import shutil
import subprocess
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray

from inference.imaging.geometry import stack_of
from inference.imaging.volume import assemble_volume
from inference.refusals import VolumeRefused
from tests.inference.real_volumes import REFUSED, VOLUMES, paths_of, series_of_images

POSITION_TOLERANCE_MM = 1e-3
_LPS_FROM_RAS = np.diag((-1.0, -1.0, 1.0, 1.0))


def nifti_files(paths: list[Path], folder: Path) -> list[Path]:
    """What dcm2niix writes for one series, with the rescale that DICOM states (-p n)."""
    if shutil.which("dcm2niix") is None:
        pytest.skip("dcm2niix is missing: apt-get install dcm2niix")
    sources, target = folder / "dicom", folder / "nifti"
    sources.mkdir()
    target.mkdir()
    for number, path in enumerate(paths):
        (sources / f"{number}.dcm").symlink_to(path)
    options = ["-b", "n", "-z", "n", "-p", "n", "-m", "y", "-f", "volume"]
    subprocess.run(
        ["dcm2niix", *options, "-o", str(target), str(sources)],
        check=True,
        capture_output=True,
        timeout=120,
    )
    return sorted(target.glob("*.nii"))


def on_grid_of(
    lps_from_kji: NDArray[np.float64], shape: tuple[int, ...], image: nibabel.Nifti1Image
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values and affine of a NIfTI image, its axes ordered and turned as ours are."""
    lps_from_ijk = _LPS_FROM_RAS @ image.affine
    ijk_from_kji = np.rint(np.linalg.inv(lps_from_ijk) @ lps_from_kji).astype(int)
    values = np.asarray(image.dataobj, np.float64)
    axes = [int(np.flatnonzero(ijk_from_kji[:3, axis])[0]) for axis in range(3)]
    turned = [bool(ijk_from_kji[:3, axis].sum() < 0) for axis in range(3)]
    values = np.transpose(values, axes)
    values = np.flip(values, [axis for axis in range(3) if turned[axis]])
    assert values.shape == shape
    return values, lps_from_ijk @ ijk_from_kji


# Half of the time of all: test_volume_beside_simpleitk.py compares their every value, too.
_LARGE = ("T1 head, 384 oblique slices", "chest CT, 133 slices")


@pytest.mark.parametrize(
    "name",
    [pytest.param(one, marks=pytest.mark.slow if one in _LARGE else ()) for one in VOLUMES],
)
def test_a_real_volume_reads_as_dcm2niix_converts_it(
    shared_data: Path, tmp_path: Path, name: str
) -> None:
    paths = paths_of(shared_data, VOLUMES[name])
    order = np.random.default_rng(5).permutation(len(paths))
    volume = assemble_volume([pydicom.dcmread(paths[index]) for index in order])
    (path,) = nifti_files(paths, tmp_path)
    values, theirs = on_grid_of(volume.lps_from_kji, volume.voxels.shape, nibabel.load(path))
    assert np.abs(theirs - volume.lps_from_kji).max() < POSITION_TOLERANCE_MM
    # To the last grey value; theirs are of single precision too, rounded once more.
    np.testing.assert_allclose(volume.voxels, values, rtol=2e-7, atol=0)
    if float(np.abs(values - np.rint(values)).max()) == 0:
        np.testing.assert_array_equal(volume.voxels, values)


@pytest.mark.parametrize("name", VOLUMES)
def test_every_slice_lies_where_its_header_says(shared_data: Path, name: str) -> None:
    """The last slice as well as the first: no step that drifts over hundreds of slices."""
    paths = paths_of(shared_data, VOLUMES[name])
    stack = stack_of([pydicom.dcmread(path, stop_before_pixels=True) for path in paths])
    stated = np.stack([frame.position_mm for frame in stack.frames])
    steps = np.arange(len(stated))[:, None] * stack.lps_from_kji[:3, 0]
    apart = np.linalg.norm(stack.lps_from_kji[:3, 3] + steps - stated, axis=1)
    assert apart.max() < POSITION_TOLERANCE_MM


@pytest.mark.parametrize("pattern", REFUSED)
@pytest.mark.filterwarnings("ignore")  # pydicom warns of values that are broken on purpose
def test_what_is_no_volume_is_refused_in_a_sentence(shared_data: Path, pattern: str) -> None:
    datasets = [pydicom.dcmread(path) for path in paths_of(shared_data, pattern)]
    sentences = []
    for uid in {dataset.SeriesInstanceUID for dataset in datasets}:
        with pytest.raises(VolumeRefused) as refusal:
            assemble_volume([one for one in datasets if one.SeriesInstanceUID == uid])
        sentences.append(str(refusal.value))
    assert any(REFUSED[pattern] in sentence for sentence in sentences)


@pytest.mark.filterwarnings("ignore")
def test_no_volume_of_the_data_is_left_out_of_the_comparison(shared_data: Path) -> None:
    compared = {path for pattern in VOLUMES.values() for path in paths_of(shared_data, pattern)}
    for paths in series_of_images(shared_data).values():
        headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in paths]
        if headers[0].get("Modality") == "SEG":
            continue  # a mask has no grey values
        try:
            stack_of(headers)
        except VolumeRefused:
            continue
        assert set(paths) <= compared
