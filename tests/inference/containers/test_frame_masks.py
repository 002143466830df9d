"""What a container marks on the frames of a cine: a SEG that names each frame."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UltrasoundMultiFrameImageStorage

from inference.containers.container_run import ContainerRun, Ended
from inference.pipeline import ImageResult, Segment
from inference.results.single_images.seg import encode_image_seg
from inference.worker.run import run_job
from storage.container import Storage
from tests.builders import enhanced_mr, series
from tests.inference.containers.frame_masks import frames_segmentation
from tests.inference.containers.test_image_sets import NAME, added, cine, cine_card
from tests.inference.containers.test_single_images import node
from tests.inference.results_support import (
    BRAIN,
    CEREBELLUM,
    PIPELINE,
    STRUCTURE,
    complaints,
    job_for,
    save,
)
from tests.inference.single_images.support import decided, done, objects

__all__ = ["node"]
_MARKED = (2, 3, 5)
_OBLIQUE = np.array([[0.8, 0.0, -0.6], [0.0, 1.0, 0.0], [0.6, 0.0, 0.8]])
Writing = Callable[[Dataset, Path], None]


class Marking:
    """Stands for the container: `writing` is given the image and the output folder."""

    def __init__(self, writing: Writing) -> None:
        self.writing = writing

    def run(self, run: ContainerRun, check: Callable[[], None]) -> Ended:
        (path,) = run.input[0].iterdir()
        self.writing(pydicom.dcmread(path), run.output[0])
        check()
        return Ended(0, is_out_of_memory=False)


def moving(image: Dataset, written: Path) -> None:
    """What is bright on frames 2, 3 and 5; on the third two rows less."""
    masks = {number: image.pixel_array[number - 1] > 128 for number in _MARKED}
    masks[3][:8] = False
    frames_segmentation(image, masks).save_as(written / "mask.dcm")


def wide_pixels() -> Dataset:
    """24 rows, 40 columns, rows twice as far apart as columns."""
    dataset = cine()
    dataset.PixelSpacing = [0.8, 0.4]
    return dataset


def test_masks_of_a_cine_come_back_on_their_frames(
    node: Storage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    added(node, monkeypatch, Marking(moving), cine_card())
    dataset = wide_pixels()
    job = done(node, dataset, name=NAME)
    (made,) = objects(node, job, "SEG")
    sent = dataset.pixel_array > 128
    sent[2, :8] = False
    np.testing.assert_array_equal(made.pixel_array > 0, sent[[1, 2, 4]])
    named = [
        one.DerivationImageSequence[0].SourceImageSequence[0]
        for one in made.PerFrameFunctionalGroupsSequence
    ]
    assert [one.ReferencedFrameNumber for one in named] == list(_MARKED)
    assert {one.ReferencedSOPClassUID for one in (*named, *made.SourceImageSequence)} == {
        UltrasoundMultiFrameImageStorage
    }
    (measures,) = made.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence
    assert measures.PixelSpacing == [0.8, 0.4]
    for kind in ("SEG", "SR"):
        (one,) = objects(node, job, kind)
        assert complaints(save(one, tmp_path / f"{kind}.dcm")) == []


def test_a_mask_of_a_cine_is_measured_on_the_frame_where_it_is_largest(
    node: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    added(node, monkeypatch, Marking(moving), cine_card())
    job = done(node, wide_pixels(), name=NAME)
    found = {one.label: one for one in node.findings.of_job(job.job_id)}
    largest = found["Opacity largest share of a frame"]
    assert largest.value == pytest.approx(100 * 8 * 8 / (24 * 40), abs=1e-3)
    assert largest.image is not None
    assert largest.image.frame_number == 2
    assert found["Frames with Opacity"].value == 3
    (report,) = objects(node, job, "SR")
    (mask,) = objects(node, job, "SEG")
    named = [
        one
        for one in _references(report)
        if one.ReferencedSOPInstanceUID == mask.SOPInstanceUID and "ReferencedFrameNumber" in one
    ]
    assert [(one.ReferencedFrameNumber, "ReferencedSegmentNumber" in one) for one in named] == [
        (1, False)
    ]


def _references(report: Dataset) -> list[Dataset]:
    return [
        item
        for element in report.iterall()
        if element.keyword == "ReferencedSOPSequence"
        for item in element.value
    ]


def _beyond_the_last(image: Dataset, written: Path) -> None:
    frames_segmentation(image, {6: image.pixel_array[0] > 128}).save_as(written / "mask.dcm")


def _of_no_frame(image: Dataset, written: Path) -> None:
    found = frames_segmentation(image, {1: image.pixel_array[0] > 128})
    (own,) = found.PerFrameFunctionalGroupsSequence
    del own.DerivationImageSequence[0].SourceImageSequence[0].ReferencedFrameNumber
    found.save_as(written / "mask.dcm")


def _of_another_size(image: Dataset, written: Path) -> None:
    found = frames_segmentation(image, {1: image.pixel_array[0] > 128})
    found.Rows, found.Columns = found.Columns, found.Rows
    found.save_as(written / "mask.dcm")


@pytest.mark.parametrize(
    ("writing", "says"),
    [
        (_beyond_the_last, "is of frame 6; the image has 5"),
        (_of_no_frame, "names no frame of the image"),
        (_of_another_size, "has 24 × 40 pixels; the image has 40 × 24"),
    ],
)
def test_a_mask_that_fits_no_frame_of_the_cine_is_refused(
    node: Storage, monkeypatch: pytest.MonkeyPatch, writing: Writing, says: str
) -> None:
    added(node, monkeypatch, Marking(writing), cine_card())
    decision = decided(node, cine(), name=NAME)
    job = run_job(node, decision.job_id or "", "worker")
    assert job is not None
    assert job.state == "CANCELED"
    assert says in job.reason
    assert node.findings.of_job(job.job_id) == []


def test_a_cine_on_which_nothing_is_marked_has_no_segmentation(
    node: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(image: Dataset, written: Path) -> None:
        frames_segmentation(image, {1: image.pixel_array[0] > 255}).save_as(written / "mask.dcm")
        answers = {"classifications": {"Moving": 0.9}}
        (written / "results.json").write_text(json.dumps(answers))

    added(node, monkeypatch, Marking(nothing), cine_card())
    job = done(node, cine(), name=NAME)
    assert objects(node, job, "SEG") == []


def test_masks_of_an_image_with_a_place_lie_where_its_frames_lie() -> None:
    dataset = enhanced_mr(
        series(np.zeros((4, 6, 9), np.int16), spacing_mm=(3.0, 0.9, 0.6), directions=_OBLIQUE),
        [2, 0, 3, 1],
    )
    marked = np.zeros((2, 6, 9, 2), np.bool_)
    marked[0, 1:3, 2:7, 0] = marked[1, 1:3, 2:7, 1] = marked[1, 4, 4, 0] = True
    image = ImageResult(
        str(dataset.SOPInstanceUID),
        np.zeros((6, 9, 1), np.uint8),
        segments=(
            Segment("Brain", STRUCTURE, BRAIN, (232, 170, 90)),
            Segment("Cerebellum", STRUCTURE, CEREBELLUM, (80, 120, 220)),
        ),
        masks=marked,
        frame_numbers=(1, 4),
    )
    made = encode_image_seg(job_for(None), PIPELINE, dataset, image, 1, "")
    assert made.SegmentsOverlap == "NO"
    placed = [
        (
            one.SegmentIdentificationSequence[0].ReferencedSegmentNumber,
            one.DerivationImageSequence[0].SourceImageSequence[0].ReferencedFrameNumber,
            one.PlanePositionSequence[0].ImagePositionPatient,
            one.PixelMeasuresSequence[0].PixelSpacing,
        )
        for one in made.PerFrameFunctionalGroupsSequence
    ]
    sent = dataset.PerFrameFunctionalGroupsSequence
    spacing = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing
    assert placed == [
        (segment, number, sent[number - 1].PlanePositionSequence[0].ImagePositionPatient, spacing)
        for segment, number in ((1, 1), (1, 4), (2, 4))
    ]
    assert made.FrameOfReferenceUID == dataset.FrameOfReferenceUID
    np.testing.assert_array_equal(
        made.pixel_array, [marked[0, ..., 0], marked[1, ..., 0], marked[1, ..., 1]]
    )
