"""The SEG: valid, on the source grid, and the same voxels for every reader."""

import copy
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.imaging.volume import assemble_volume
from tests import builders
from tests.inference.results_support import complaints, encode, result, save

SHAPE = (9, 11, 13)


def _oblique(shape: tuple[int, int, int] = SHAPE) -> list[Dataset]:
    voxels = np.random.default_rng(8).integers(0, 500, shape, dtype=np.int16)
    datasets = builders.series(
        voxels, spacing_mm=(2.5, 0.9, 0.6), directions=builders.rotation(25, -15, 110)
    )
    order = np.random.default_rng(9).permutation(len(datasets))
    return [datasets[index] for index in order]


def _points_by_hand(seg: Dataset, segment_number: int) -> NDArray[np.float64]:
    """Where the voxels of a segment lie in mm, by bit arithmetic and PS3.3 alone.

    Bits are packed from the lowest one (PS3.5 8.1.1); each frame has its own position.
    """
    shared = seg.SharedFunctionalGroupsSequence[0]
    orientation = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float)
    between_rows, between_columns = map(float, shared.PixelMeasuresSequence[0].PixelSpacing)
    rows, columns = seg.Rows, seg.Columns
    bits = np.unpackbits(np.frombuffer(seg.PixelData, np.uint8), bitorder="little")
    points = []
    for index, groups in enumerate(seg.PerFrameFunctionalGroupsSequence):
        holder = groups if "SegmentIdentificationSequence" in groups else shared
        if holder.SegmentIdentificationSequence[0].ReferencedSegmentNumber != segment_number:
            continue
        start = index * rows * columns
        frame = bits[start : start + rows * columns].reshape(rows, columns)
        origin = np.array(groups.PlanePositionSequence[0].ImagePositionPatient, float)
        for row, column in np.argwhere(frame):
            # Equation C.7.6.2.1-1
            along_row = orientation[:3] * between_columns * column
            along_column = orientation[3:] * between_rows * row
            points.append(origin + along_row + along_column)
    return np.array(points)


def _expected_points(datasets: list[Dataset], mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    affine = assemble_volume(datasets).lps_from_kji
    return np.argwhere(mask) @ affine[:3, :3].T + affine[:3, 3]


def _sorted(points: NDArray[np.float64]) -> NDArray[np.float64]:
    rounded = np.round(points, 3)
    return points[np.lexsort(rounded.T)]


def test_highdicom_reads_the_same_voxels_back(tmp_path: Path) -> None:
    datasets, mask = _oblique(), builders.asymmetric_mask(SHAPE)
    path = save(result(encode(datasets, mask), "SEG"), tmp_path / "seg.dcm")
    seg = hd.seg.segread(path)
    ordered = [ds.SOPInstanceUID for ds in sorted(datasets, key=lambda ds: ds.InstanceNumber)]
    read = seg.get_pixels_by_source_instance(ordered, combine_segments=True)
    np.testing.assert_array_equal(read.astype(bool), mask)
    geometry = seg.get_volume(combine_segments=True)
    assert sorted(geometry.spacing) == pytest.approx([0.6, 0.9, 2.5])


def test_arithmetic_by_hand_finds_the_same_voxels_in_space(tmp_path: Path) -> None:
    datasets, mask = _oblique(), builders.asymmetric_mask(SHAPE)
    path = save(result(encode(datasets, mask), "SEG"), tmp_path / "seg.dcm")
    found = _points_by_hand(pydicom.dcmread(path), 1)
    expected = _expected_points(datasets, mask)
    assert len(found) == len(expected)
    np.testing.assert_allclose(_sorted(found), _sorted(expected), atol=1e-3)


def test_two_overlapping_segments_are_both_kept(tmp_path: Path) -> None:
    datasets, first = _oblique(), builders.asymmetric_mask(SHAPE)
    second = np.flip(first, (0, 2)) | first
    path = save(result(encode(datasets, first, second), "SEG"), tmp_path / "seg.dcm")
    assert complaints(path) == []
    seg = pydicom.dcmread(path)
    for number, mask in ((1, first), (2, second)):
        found = _points_by_hand(seg, number)
        np.testing.assert_allclose(
            _sorted(found), _sorted(_expected_points(datasets, mask)), atol=1e-3
        )


def test_each_frame_refers_to_the_source_frame_of_which_it_is_the_mask() -> None:
    datasets, mask = _oblique(), builders.asymmetric_mask(SHAPE)
    seg = result(encode(datasets, mask), "SEG")
    positions = {ds.SOPInstanceUID: ds.ImagePositionPatient for ds in datasets}
    assert seg.NumberOfFrames == SHAPE[0]  # the empty ones, too
    for groups in seg.PerFrameFunctionalGroupsSequence:
        source = groups.DerivationImageSequence[0].SourceImageSequence[0]
        stated = np.array(groups.PlanePositionSequence[0].ImagePositionPatient, float)
        expected = np.array(positions[source.ReferencedSOPInstanceUID], float)
        np.testing.assert_allclose(stated, expected, atol=1e-6)
    referenced = seg.ReferencedSeriesSequence[0]
    assert referenced.SeriesInstanceUID == datasets[0].SeriesInstanceUID
    assert {item.ReferencedSOPInstanceUID for item in referenced.ReferencedInstanceSequence} == set(
        positions
    )


@pytest.mark.parametrize("which", ["oblique", "axial", "sagittal", "empty", "full"])
def test_the_validators_find_no_error(tmp_path: Path, which: str) -> None:
    datasets, mask = _oblique(), builders.asymmetric_mask(SHAPE)
    if which in ("axial", "sagittal"):
        turn = (0, 0, 0) if which == "axial" else (90, 0, 90)
        voxels = np.zeros(SHAPE, np.int16)
        datasets = builders.series(voxels, directions=builders.rotation(*turn))
    if which in ("empty", "full"):
        mask = np.full(SHAPE, which == "full")
    assert complaints(save(result(encode(datasets, mask), "SEG"), tmp_path / "seg.dcm")) == []


def test_a_thickness_of_zero_is_that_of_the_steps_in_the_mask_and_stays_in_the_source() -> None:
    datasets, mask = _oblique(), builders.asymmetric_mask(SHAPE)
    for dataset in datasets:
        dataset.SliceThickness = "0"
    seg = result(encode(datasets, mask), "SEG")
    measures = seg.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    step_mm = assemble_volume(datasets).spacing_mm[0]
    assert float(measures.SliceThickness) == pytest.approx(step_mm, abs=1e-6)
    assert {float(dataset.SliceThickness) for dataset in datasets} == {0.0}


def test_the_step_between_slices_is_that_of_their_positions_whatever_the_header_says() -> None:
    """Some state the gap between slices there, and a volume of the mask would be wrong by it."""
    datasets, mask = _oblique(), builders.asymmetric_mask(SHAPE)
    classic = builders.series(np.zeros(SHAPE, np.int16), directions=builders.rotation(25, -15, 110))
    enhanced = builders.enhanced_mr(classic, frame_order=range(SHAPE[0]))
    for holder in (
        *datasets,
        enhanced.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0],
    ):
        holder.SpacingBetweenSlices = "9.9"
    for sources in (datasets, [enhanced]):
        seg = result(encode(sources, mask), "SEG")
        measures = seg.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
        step_mm = assemble_volume(sources).spacing_mm[0]
        assert float(measures.SpacingBetweenSlices) == pytest.approx(step_mm, abs=1e-6)
    assert {float(dataset.SpacingBetweenSlices) for dataset in datasets} == {9.9}


def test_orientations_that_differ_by_rounding_are_one_in_the_mask(tmp_path: Path) -> None:
    datasets, mask = _oblique(), builders.asymmetric_mask(SHAPE)
    for number, dataset in enumerate(datasets):
        rounded = [
            float(f"{cosine:.{6 + number % 3}f}") for cosine in dataset.ImageOrientationPatient
        ]
        dataset.ImageOrientationPatient = rounded
    path = save(result(encode(datasets, mask), "SEG"), tmp_path / "seg.dcm")
    assert complaints(path) == []
    found = _points_by_hand(pydicom.dcmread(path), 1)
    expected = _expected_points(datasets, mask)
    np.testing.assert_allclose(_sorted(found), _sorted(expected), atol=1e-3)


def test_a_multi_frame_source_keeps_its_own_order_of_frames(tmp_path: Path) -> None:
    classic = builders.series(np.zeros(SHAPE, np.int16), directions=builders.rotation(25, -15, 110))
    source = builders.enhanced_mr(classic, frame_order=(4, 0, 8, 2, 1, 7, 3, 6, 5))
    mask = builders.asymmetric_mask(SHAPE)
    path = save(result(encode([source], mask), "SEG"), tmp_path / "seg.dcm")
    found = _points_by_hand(pydicom.dcmread(path), 1)
    expected = _expected_points([source], mask)
    np.testing.assert_allclose(_sorted(found), _sorted(expected), atol=1e-3)
    read = hd.seg.segread(path).get_pixels_by_source_frame(
        source.SOPInstanceUID, [2, 5, 4, 7, 1, 9, 8, 6, 3], combine_segments=True
    )
    np.testing.assert_array_equal(read.astype(bool), mask)


def test_measures_that_are_stated_frame_by_frame_are_found(tmp_path: Path) -> None:
    """As Philips writes them; and without a thickness or a frame of reference."""
    classic = builders.series(np.zeros(SHAPE, np.int16), directions=builders.rotation(25, -15, 110))
    source = builders.enhanced_mr(classic, frame_order=(4, 0, 8, 2, 1, 7, 3, 6, 5))
    (shared,) = source.SharedFunctionalGroupsSequence
    for group in source.PerFrameFunctionalGroupsSequence:
        group.PixelMeasuresSequence = copy.deepcopy(shared.PixelMeasuresSequence)
        del group.PixelMeasuresSequence[0].SliceThickness
        group.PlaneOrientationSequence = copy.deepcopy(shared.PlaneOrientationSequence)
    del shared.PixelMeasuresSequence, shared.PlaneOrientationSequence
    del source.FrameOfReferenceUID
    mask = builders.asymmetric_mask(SHAPE)
    before = copy.deepcopy(source)
    path = save(result(encode([source], mask), "SEG"), tmp_path / "seg.dcm")
    assert source == before
    assert complaints(path) == []
    seg = pydicom.dcmread(path)
    found = _points_by_hand(seg, 1)
    np.testing.assert_allclose(_sorted(found), _sorted(_expected_points([source], mask)), atol=1e-3)
    (measures,) = seg.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence
    assert float(measures.SliceThickness) == pytest.approx(2.5)
    assert seg.FrameOfReferenceUID


def test_a_segment_says_what_it_is_and_who_made_it() -> None:
    seg = result(encode(_oblique(), builders.asymmetric_mask(SHAPE)), "SEG")
    (segment,) = seg.SegmentSequence
    assert segment.SegmentLabel == "Brain"
    assert segment.SegmentAlgorithmType == "AUTOMATIC"
    assert segment.SegmentedPropertyTypeCodeSequence[0].CodeValue == "12738006"
    (algorithm,) = segment.SegmentationAlgorithmIdentificationSequence
    assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ("deepbet", "1.0.2")
    color = hd.color.CIELabColor.from_dicom_value(segment.RecommendedDisplayCIELabValue)
    assert color.to_rgb() == pytest.approx((232, 170, 90), abs=2)
    assert segment.TrackingID == "brain-volume: Brain"
    assert "AI, research use only" in seg.SeriesDescription
    purposes = [
        item.PurposeOfReferenceCodeSequence[0].CodeMeaning
        for item in seg.ContributingEquipmentSequence
    ]
    assert purposes == ["Acquisition Equipment", "Processing Equipment"]


def test_a_rerun_gives_the_same_bytes(tmp_path: Path) -> None:
    datasets, mask = _oblique(), builders.asymmetric_mask(SHAPE)
    first = save(result(encode(datasets, mask), "SEG"), tmp_path / "1.dcm")
    again = save(result(encode(datasets[::-1], mask), "SEG"), tmp_path / "2.dcm")
    assert first.read_bytes() == again.read_bytes()


def test_other_input_or_version_gives_other_uids_and_the_same_tracking() -> None:
    datasets, mask = _oblique(), builders.asymmetric_mask(SHAPE)
    seg = result(encode(datasets, mask), "SEG")
    for change in ({"input_fingerprint": "other"}, {"pipeline_version": "2.0.0"}):
        other = result(encode(datasets, mask, **change), "SEG")
        assert other.SOPInstanceUID != seg.SOPInstanceUID
        assert other.SeriesInstanceUID != seg.SeriesInstanceUID
        assert other.SegmentSequence[0].TrackingUID == seg.SegmentSequence[0].TrackingUID
