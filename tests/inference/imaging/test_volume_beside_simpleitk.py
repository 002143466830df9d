"""Volumes of real and made series, beside SimpleITK reading the same files."""

import tempfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference.imaging.volume import Volume, assemble_volume
from tests import builders
from tests.inference.itk import corners, lps_from_kji, read_series
from tests.inference.real_volumes import VOLUMES, paths_of

POSITION_TOLERANCE_MM = 1e-3


def _shuffled(paths: list[Path]) -> list[pydicom.FileDataset]:
    order = np.random.default_rng(7).permutation(len(paths))
    return [pydicom.dcmread(paths[index]) for index in order]


def _assert_same(volume: Volume, image: SimpleITK.Image) -> None:
    theirs = SimpleITK.GetArrayFromImage(image)
    assert volume.voxels.shape == theirs.shape
    assert volume.voxels.dtype == np.float32
    affine = lps_from_kji(image)
    if affine[:3, 0] @ volume.lps_from_kji[:3, 0] < 0:
        # Frames of one instance stay in their order there; ours ascend along the normal.
        theirs = theirs[::-1]
        affine[:3, 3] += affine[:3, 0] * (len(theirs) - 1)
        affine[:3, 0] *= -1
    points = corners(theirs.shape)
    apart = np.abs(volume.lps_from_kji @ points - affine @ points).max()
    assert apart < POSITION_TOLERANCE_MM
    np.testing.assert_array_equal(volume.voxels, theirs.astype(np.float32))


@pytest.mark.parametrize("name", VOLUMES)
def test_a_real_series_in_any_order_reads_as_simpleitk_reads_it(
    shared_data: Path, tmp_path: Path, name: str
) -> None:
    paths = paths_of(shared_data, VOLUMES[name])
    volume = assemble_volume(_shuffled(paths))
    if len(paths) == 1:
        assert volume.is_multiframe
        _assert_same(volume, SimpleITK.ReadImage(str(paths[0])))
    else:
        for path in paths:
            (tmp_path / path.name).symlink_to(path)
        _assert_same(volume, read_series(tmp_path))


@pytest.mark.parametrize("codec", ["jpeg_ls", "jpeg_2000", "rle", "deflated", "big_endian"])
def test_compressed_slices_hold_the_same_values(codec: str) -> None:
    voxels = np.random.default_rng(3).integers(-1000, 3000, (4, 66, 64), dtype=np.int16)
    datasets = builders.series(voxels, modality="CT", slope=1.0, intercept=-24.0)
    plain = assemble_volume(datasets)
    packed = [_in_codec(dataset, codec) for dataset in datasets]
    np.testing.assert_array_equal(assemble_volume(packed).voxels, plain.voxels)


def _in_codec(dataset: pydicom.Dataset, codec: str) -> pydicom.Dataset:
    from io import BytesIO

    syntaxes = {
        "jpeg_ls": pydicom.uid.JPEGLSLossless,
        "jpeg_2000": pydicom.uid.JPEG2000Lossless,
        "rle": pydicom.uid.RLELossless,
    }
    if codec in syntaxes:
        dataset.compress(syntaxes[codec], generate_instance_uid=False)
        return dataset
    buffer = BytesIO()
    if codec == "deflated":
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    else:
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRBigEndian
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<i2").astype(">i2").tobytes()
        dataset["PixelData"].VR = "OW"
        dataset = _native(dataset)
    dataset.save_as(buffer, enforce_file_format=True)
    buffer.seek(0)
    return pydicom.dcmread(buffer)


def _native(dataset: pydicom.Dataset) -> pydicom.Dataset:
    plain = pydicom.Dataset()
    plain.update(dataset)
    plain.file_meta = dataset.file_meta
    return plain


angles = st.floats(-60, 60)
distances = st.floats(0.3, 6.0)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    shape=st.tuples(st.integers(2, 6), st.integers(2, 7), st.integers(2, 8)),
    spacing_mm=st.tuples(distances, distances, distances),
    turn=st.tuples(angles, angles, st.floats(-180, 180)),
    origin_mm=st.tuples(*[st.floats(-300, 300)] * 3),
    kind=st.sampled_from(["u1", "i2", "u2"]),
    slope=st.sampled_from([1.0, 0.25, 2.0, 3.1]),
    intercept=st.sampled_from([0.0, -1024.0, 7.5]),
    seed=st.integers(0, 2**31),
)
def test_an_oblique_anisotropic_volume_reads_as_simpleitk_reads_it(
    shape: tuple[int, int, int],
    spacing_mm: tuple[float, float, float],
    turn: tuple[float, float, float],
    origin_mm: tuple[float, float, float],
    kind: str,
    slope: float,
    intercept: float,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    limits = np.iinfo(kind)
    voxels = rng.integers(limits.min, limits.max, shape, dtype=kind, endpoint=True)
    datasets = builders.series(
        voxels,
        modality="PT",
        spacing_mm=spacing_mm,
        directions=builders.rotation(*turn),
        origin_mm=origin_mm,
        slope=slope,
        intercept=intercept,
        seed=seed,
    )
    order = rng.permutation(len(datasets))
    with tempfile.TemporaryDirectory() as folder:
        paths = builders.write([datasets[index] for index in order], Path(folder))
        volume = assemble_volume([pydicom.dcmread(path) for path in paths])
        _assert_same(volume, read_series(Path(folder)))
    assert volume.sop_instance_uids == tuple(ds.SOPInstanceUID for ds in datasets)
    assert volume.voxel_volume_mm3 == pytest.approx(np.prod(spacing_mm), rel=1e-6)
    assert volume.spacing_mm == pytest.approx(spacing_mm, rel=1e-6)


def test_frames_of_an_enhanced_instance_are_ordered_by_position() -> None:
    voxels = np.random.default_rng(1).integers(0, 100, (5, 6, 7), dtype=np.int16)
    classic = builders.series(voxels, directions=builders.rotation(20, -10, 70))
    enhanced = builders.enhanced_mr(classic, frame_order=(3, 0, 4, 1, 2))
    volume, expected = assemble_volume([enhanced]), assemble_volume(classic)
    np.testing.assert_array_equal(volume.voxels, expected.voxels)
    np.testing.assert_allclose(volume.lps_from_kji, expected.lps_from_kji, atol=1e-9)
    assert volume.frame_numbers == (2, 4, 5, 1, 3)


def test_each_slice_of_a_pet_keeps_its_own_rescale() -> None:
    voxels = np.arange(3 * 4 * 5, dtype=np.int16).reshape(3, 4, 5)
    datasets = builders.series(voxels, modality="PT")
    for k, dataset in enumerate(datasets):
        dataset.RescaleSlope, dataset.RescaleIntercept = str(0.5 + k), str(-k)
    volume = assemble_volume(datasets)
    for k in range(3):
        np.testing.assert_array_equal(volume.voxels[k], voxels[k] * (0.5 + k) - k)


def test_bits_above_bits_stored_are_not_grey_values() -> None:
    values = np.array([[[-2048, -1], [0, 2047]]] * 2, dtype=np.int16)
    datasets = builders.series(values)
    for dataset in datasets:
        dataset.BitsStored, dataset.HighBit = 12, 11
        # An overlay in the four upper bits, as PS3.5 once allowed.
        dataset.PixelData = ((values[0] & 0x0FFF) | 0x5000).astype("<i2").tobytes()
    np.testing.assert_array_equal(assemble_volume(datasets).voxels, values)


def test_padding_written_unsigned_in_signed_pixels_is_recognised() -> None:
    voxels = np.full((3, 4, 5), 40, np.int16)
    voxels[:, 0, :2] = -2000
    datasets = builders.series(voxels, modality="CT", intercept=-1024.0)
    for dataset in datasets:
        dataset.add_new("PixelPaddingValue", "US", 63536)  # -2000 in sixteen signed bits
    volume = assemble_volume(datasets)
    np.testing.assert_array_equal(volume.padding_mask(), voxels == -2000)
    # What is padding keeps its value: nothing of the evidence is changed.
    assert volume.voxels.min() == -3024


def test_a_range_of_padding_values_is_recognised() -> None:
    voxels = np.arange(60, dtype=np.uint16).reshape(3, 4, 5)
    datasets = builders.series(voxels, PixelPaddingValue=0, PixelPaddingRangeLimit=4)
    np.testing.assert_array_equal(assemble_volume(datasets).padding_mask(), voxels <= 4)


def test_padding_of_the_real_ct_is_read_as_signed(shared_data: Path) -> None:
    paths = sorted((shared_data / "ct_chest_LIDC-IDRI-0001").rglob("*.dcm"))
    volume = assemble_volume([pydicom.dcmread(path) for path in paths])
    assert set(volume.padding_ranges.ravel()) == {-2000 - 1024}
