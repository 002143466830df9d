"""Masks on the frames of a cine: where they lie, what is measured, and what is left out."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import cast

import highdicom as hd
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import UltrasoundMultiFrameImageStorage

from inference.bundles.single_images import ImageBundle
from inference.model_registry.adding import add_model
from inference.pipelines.single_images.bundle import BundleReading
from inference.single_images.description import describe_image_model
from storage.container import Storage
from tests.inference.films import (
    bright_classifier,
    bright_detector,
    bright_segmenter,
    film,
    part10,
    ultrasound,
)
from tests.inference.results_support import complaints, save
from tests.inference.single_images.cines import COLUMNS, ROWS, added, beating
from tests.inference.single_images.support import decided, done, objects, ran


def by_source_frame(segmentation: Dataset) -> dict[int, NDArray[np.bool_]]:
    """As a reader that knows the standard alone takes it: each frame to the one that it names."""
    read = {}
    pixels = segmentation.pixel_array.reshape(-1, segmentation.Rows, segmentation.Columns)
    for plane, groups in zip(pixels, segmentation.PerFrameFunctionalGroupsSequence, strict=True):
        (source,) = groups.DerivationImageSequence[0].SourceImageSequence
        read[int(source.ReferencedFrameNumber)] = plane > 0
    return read


def test_masks_of_a_cine_lie_on_the_frames_that_show_what_they_mark(
    storage: Storage, tmp_path: Path
) -> None:
    added(storage, tmp_path / "s")
    dataset = ultrasound("cine", beating())
    job = done(storage, dataset)
    (made,) = objects(storage, job, "SEG")
    assert "FrameOfReferenceUID" not in made
    read = by_source_frame(made)
    assert list(read) == [2, 3, 4, 6]
    for number, mask in read.items():
        np.testing.assert_array_equal(mask, dataset.pixel_array[number - 1] > 128)
    (series,) = made.ReferencedSeriesSequence
    for one in (*made.SourceImageSequence, *series.ReferencedInstanceSequence):
        assert one.ReferencedSOPClassUID == UltrasoundMultiFrameImageStorage
        assert one.ReferencedSOPInstanceUID == dataset.SOPInstanceUID
    again = hd.seg.segread(io.BytesIO(part10(made)))
    assert again.number_of_segments == 1
    masks = again.get_pixels_by_source_frame(
        str(dataset.SOPInstanceUID), [2, 3, 4, 6], assert_missing_frames_are_empty=True
    )
    np.testing.assert_array_equal(masks[..., 0], dataset.pixel_array[[1, 2, 3, 5]] > 128)
    for kind in ("SEG", "SR"):
        (one,) = objects(storage, job, kind)
        assert complaints(save(one, tmp_path / f"{kind}.dcm")) == []


def test_masks_come_back_from_a_cine_that_was_turned_resized_and_inverted(
    storage: Storage, tmp_path: Path
) -> None:
    """Of twelve rows and columns of the network's grid to one of the image, at whole pixels."""
    image = {
        "channels": 1,
        "orientation": ["L", "F"],
        "resize": {"size": [160, 120], "fit": "pad"},
    }
    added(storage, tmp_path / "s", modalities=["XA"], image=image)
    dark = np.full((3, 120, 160), 3800, np.uint16)
    dark[1, 20:52, 40:100] = 100
    dark[2, 60:100, 8:120] = 100
    first = film("turned", pixels=dark[0])
    dataset = ultrasound("turned", dark.astype(np.uint8))
    for keyword in ("BitsAllocated", "BitsStored", "HighBit"):
        setattr(dataset, keyword, first[keyword].value)
    dataset.PixelData = dark.tobytes()
    dataset.PhotometricInterpretation, dataset.Modality = "MONOCHROME1", "XA"
    dataset.WindowCenter, dataset.WindowWidth = 2048, 4096
    dataset.PatientOrientation = ["F", "L"]
    # Rows lie half as far apart as columns.
    dataset.PixelAspectRatio = [1, 2]
    job = done(storage, dataset)
    (made,) = objects(storage, job, "SEG")
    read = by_source_frame(made)
    assert list(read) == [2, 3]
    for number, mask in read.items():
        truth = dark[number - 1] < 2000
        assert 2 * (mask & truth).sum() / (mask.sum() + truth.sum()) > 0.97


def test_a_cine_on_which_nothing_is_marked_states_that(storage: Storage, tmp_path: Path) -> None:
    added(storage, tmp_path / "s")
    dim = np.full((3, ROWS, COLUMNS), 20, np.uint8)
    dim[:, 5, 5] = 40
    job = done(storage, ultrasound("dim", dim))
    (finding,) = storage.findings.of_job(job.job_id)
    assert (finding.label, finding.value) == ("Segments found", 0.0)
    assert [one["kind"] for one in job.result["instances"]] == ["SR", "SC"]


@pytest.mark.parametrize("make", [bright_classifier, bright_detector, bright_segmenter])
def test_a_cine_is_taken_though_a_frame_of_it_is_padding(
    storage: Storage, tmp_path: Path, make: Callable[..., Path]
) -> None:
    made = make(tmp_path / "m", frames={})
    add_model(storage.settings, storage.model_states, storage.shadow_runs, made, "petra")
    job = done(storage, ultrasound("padded", beating()[:4], PixelPaddingValue=0))
    assert "Left out, since nothing is shown there: frame 1 of the image." in job.result["notes"]
    all_padding = decided(
        storage, ultrasound("padding", np.zeros((2, 30, 40), np.uint8), PixelPaddingValue=0)
    )
    refused = ran(storage, all_padding)
    assert refused.state == "CANCELED"
    assert "padding" in refused.reason


class Above:
    """Stands for a bundle: class 1 where the image is bright."""

    def classes(self, seen: NDArray[np.float32]) -> NDArray[np.uint8]:
        return (seen[..., 0] > 0.5).astype(np.uint8)


def test_a_bundle_marks_the_frames_of_a_cine_too(tmp_path: Path) -> None:
    frames = {"fractional_area_change": ["1"]}
    folder = bright_segmenter(tmp_path / "b", frames=frames, image={"channels": 1})
    dataset = ultrasound("bundle", beating()[:4])
    reading = BundleReading(describe_image_model(folder), cast(ImageBundle, Above()))
    result = reading.of_image(dataset)
    assert result.frame_numbers == (2, 3, 4)
    np.testing.assert_array_equal(result.mask(0), dataset.pixel_array[1:] > 128)
    assert "Left out, since nothing is shown there: frame 1 of the image." in result.notes
    values = {one.label: (one.value, one.frame_number) for one in result.measurements}
    assert values["Bright part least area"] == (320.0, 3)
    assert values["Bright part fractional area change"][0] == pytest.approx(100 * 22 / 30)


def test_a_card_without_frames_says_how_a_cine_is_taken(storage: Storage, tmp_path: Path) -> None:
    made = bright_segmenter(tmp_path / "s")
    add_model(storage.settings, storage.model_states, storage.shadow_runs, made, "petra")
    decision = decided(storage, ultrasound("cine", beating()))
    assert not decision.accepted
    assert decision.reason == (
        "The image has 6 frames; the model's card takes single images. Add a version whose card"
        " states model.frames to have its frames taken."
    )
