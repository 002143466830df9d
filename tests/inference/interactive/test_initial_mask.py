"""A segment of another vendor's Segmentation as that with which a session begins."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from inference.imaging.volume import Volume
from inference.interactive.initial_mask import read_initial_mask
from storage.container import Storage
from storage.core.errors import InvalidRequest
from storage.interactive.entities import InitialMask
from tests.api.client import part10
from tests.inference.containers.outputs import MASK, VOLUME, segmentation
from tests.inference.orchestration import storage_in


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    with storage_in(tmp_path_factory.mktemp("initial") / "node") as opened:
        yield opened


def begun_with(storage: Storage, dataset: Dataset, volume: Volume = VOLUME) -> NDArray[np.bool_]:
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    storage.ingest.accept(part10(dataset), source="dimse:OTHER")
    wanted: InitialMask = {"sop_instance_uid": dataset.SOPInstanceUID, "segment_number": 1}
    return read_initial_mask(storage, volume, wanted)


def shared_of(dataset: Dataset, keyword: str) -> Dataset:
    found: Dataset = dataset.SharedFunctionalGroupsSequence[0][keyword].value[0]
    return found


def mirrored(dataset: Dataset) -> None:
    """Its rows run the other way over the same voxels, its pixels as they were."""
    orientation = shared_of(dataset, "PlaneOrientationSequence")
    spacing = float(shared_of(dataset, "PixelMeasuresSequence").PixelSpacing[1])
    row = np.array(orientation.ImageOrientationPatient[:3], float)
    orientation.ImageOrientationPatient = [*-row, *orientation.ImageOrientationPatient[3:]]
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        plane = frame.PlanePositionSequence[0]
        end = np.array(plane.ImagePositionPatient, float) + row * spacing * (dataset.Columns - 1)
        plane.ImagePositionPatient = [round(one, 6) for one in end]


def far_away(dataset: Dataset) -> None:
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        frame.PlanePositionSequence[0].ImagePositionPatient = [500, 500, 500]


def one_slice_further(dataset: Dataset) -> None:
    frames = dataset.PerFrameFunctionalGroupsSequence
    positions = [one.PlanePositionSequence for one in frames]
    for frame, position in zip(frames, [*positions[1:], positions[0]], strict=True):
        frame.PlanePositionSequence = position


def large_pixels(dataset: Dataset) -> None:
    shared_of(dataset, "PixelMeasuresSequence").PixelSpacing = [9, 9]


def without_positions(dataset: Dataset) -> None:
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        del frame.PlanePositionSequence


def foreign_frame_of_reference(dataset: Dataset) -> None:
    dataset.FrameOfReferenceUID = generate_uid()


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
def test_another_vendors_segment_on_the_grid_of_the_series_is_taken(
    storage: Storage, kind: str
) -> None:
    found = begun_with(storage, segmentation(segmentation_type=kind))
    np.testing.assert_array_equal(found, MASK)


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
@pytest.mark.parametrize(
    ("change", "says"),
    [
        (mirrored, "lies elsewhere than slice"),
        (far_away, "lies elsewhere than slice"),
        (one_slice_further, "lies elsewhere than slice"),
        (large_pixels, "lies elsewhere than slice"),
        (without_positions, "does not say of which slices its frames are, and where they lie"),
        (foreign_frame_of_reference, "another frame of reference"),
    ],
)
def test_a_segment_that_lies_elsewhere_than_the_slices_it_names_is_refused(
    storage: Storage, change: Callable[[Dataset], None], says: str, kind: str
) -> None:
    dataset = segmentation(segmentation_type=kind)
    change(dataset)
    with pytest.raises(InvalidRequest, match=says) as refused:
        begun_with(storage, dataset)
    assert refused.value.remedy


def test_of_a_series_without_a_frame_of_reference_the_places_alone_count(storage: Storage) -> None:
    """A Segmentation has to name one, which is then its own."""
    volume = replace(VOLUME, frame_of_reference_uid="")
    np.testing.assert_array_equal(begun_with(storage, segmentation(), volume), MASK)
    dataset = segmentation()
    mirrored(dataset)
    with pytest.raises(InvalidRequest, match="lies elsewhere"):
        begun_with(storage, dataset, volume)
