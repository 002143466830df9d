"""Masks as one frame a slice: the same voxels as the BINARY object, for those who ask for it."""

from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.imaging.volume import assemble_volume
from inference.results.encode import encode_results
from inference.results.masks.read import read_masks
from inference.results.seg import encode_seg
from storage.dicom.storage_classes import LABEL_MAP_SEGMENTATION_STORAGE
from storage.peers.entities import KnownPeer
from tests import builders
from tests.inference.results_support import PIPELINE, job_for, output_of, save

SHAPE = (9, 12, 14)


def oblique() -> list[Dataset]:
    datasets = builders.series(
        np.zeros(SHAPE, np.int16),
        spacing_mm=(2.5, 0.9, 0.6),
        directions=builders.rotation(25, -15, 110),
    )
    return [datasets[index] for index in np.random.default_rng(9).permutation(len(datasets))]


def numbers() -> NDArray[np.uint8]:
    first = builders.asymmetric_mask(SHAPE)
    second = np.zeros(SHAPE, np.bool_)
    second[3:8, 6:11, 9:13] = True
    return np.where(first, 1, np.where(second, 2, 0)).astype(np.uint8)


def label_map(datasets: list[Dataset], multiframe: bool = False) -> tuple[Dataset, Dataset]:
    """The label map and the BINARY segmentation of one output."""
    sources = [builders.enhanced_mr(datasets, [4, 0, 8, 2, 6, 1, 7, 3, 5])] if multiframe \
        else datasets  # fmt: skip
    volume = assemble_volume(sources)
    values = numbers()
    output = output_of(volume, values == 1, values == 2)
    flat = type(output)(output.segments, values, output.measurements)
    job = job_for(volume)
    return (
        encode_seg(job, PIPELINE, sources, volume, flat, as_label_map=True),
        encode_seg(job, PIPELINE, sources, volume, flat),
    )


def points_by_hand(seg: Dataset, number: int) -> NDArray[np.float64]:
    """Where the voxels of a segment lie in mm, by PS3.3 alone (Equation C.7.6.2.1-1)."""
    shared = seg.SharedFunctionalGroupsSequence[0]
    orientation = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float)
    between_rows, between_columns = map(float, shared.PixelMeasuresSequence[0].PixelSpacing)
    frames = np.frombuffer(seg.PixelData, np.uint8)[: seg.NumberOfFrames * seg.Rows * seg.Columns]
    points = []
    for groups, frame in zip(
        seg.PerFrameFunctionalGroupsSequence,
        frames.reshape(seg.NumberOfFrames, seg.Rows, seg.Columns),
        strict=True,
    ):
        origin = np.array(groups.PlanePositionSequence[0].ImagePositionPatient, float)
        for row, column in np.argwhere(frame == number):
            points.append(
                origin
                + orientation[:3] * between_columns * column
                + orientation[3:] * between_rows * row
            )
    return np.array(points)


@pytest.mark.parametrize("multiframe", [False, True])
def test_two_readers_find_the_same_voxels_in_space(tmp_path: Path, multiframe: bool) -> None:
    datasets = oblique()
    ordered = sorted(datasets, key=lambda one: one.InstanceNumber)
    found, _ = label_map(ordered, multiframe)
    assert found.SOPClassUID == LABEL_MAP_SEGMENTATION_STORAGE
    path = save(found, tmp_path / "seg.dcm")
    affine = assemble_volume(ordered).lps_from_kji
    seg = pydicom.dcmread(path)
    for number in (1, 2):
        expected = np.argwhere(numbers() == number) @ affine[:3, :3].T + affine[:3, 3]
        points = points_by_hand(seg, number)
        for one in (points, expected):
            one[:] = one[np.lexsort(np.round(one, 3).T)]
        np.testing.assert_allclose(points, expected, atol=1e-3)
    read = hd.seg.segread(path)
    geometry = read.get_volume(combine_segments=True)
    assert sorted(geometry.spacing) == pytest.approx([0.6, 0.9, 2.5])
    assert np.array_equal(np.bincount(geometry.array.ravel()), np.bincount(numbers().ravel()))


def test_the_label_map_says_what_the_binary_object_says() -> None:
    datasets = sorted(oblique(), key=lambda one: one.InstanceNumber)
    one, other = label_map(datasets)
    slices = [(str(dataset.SOPInstanceUID), 1) for dataset in datasets]
    assert np.array_equal(read_masks(one, slices).array, read_masks(other, slices).array)
    assert one.SOPInstanceUID != other.SOPInstanceUID
    assert [s.TrackingUID for s in one.SegmentSequence if s.SegmentNumber] == [
        s.TrackingUID for s in other.SegmentSequence
    ]


def test_only_who_asks_for_it_by_name_gets_it() -> None:
    datasets = oblique()
    volume = assemble_volume(datasets)
    values = numbers()
    flat = output_of(volume, values == 1, values == 2)
    job = job_for(volume)
    plain = type(flat)(flat.segments, values, flat.measurements)
    made = encode_results(job, PIPELINE, datasets, volume, plain, {"LABELMAP"})
    assert [one.kind for one in made.objects] == ["SEG", "LABELMAP", "SR"]
    # Overlapping masks have no such form.
    stacked = encode_results(job, PIPELINE, datasets, volume, flat, {"LABELMAP"})
    assert [one.kind for one in stacked.objects] == ["SEG", "SR"]
    anything = KnownPeer(name="pacs", is_destination=True)
    named = KnownPeer(name="pacs", is_destination=True, object_kinds=frozenset({"LABELMAP", "SR"}))
    assert [one.takes(LABEL_MAP_SEGMENTATION_STORAGE) for one in (anything, named)] == [False, True]
