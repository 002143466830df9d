"""What containers write is believed after it has been checked, and refused with a sentence."""

import gzip
import json
import os
import shutil
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import SecondaryCaptureImageStorage, generate_uid

from inference.containers.output_files import check_disk, check_disk_before
from inference.containers.results import merged_masks, with_own_labels
from inference.pipeline import Measurement
from inference.refusals import ModelUnusable
from storage.core.errors import StorageFull
from storage.core.findings import Code
from storage.core.untrusted_input.folder_walk import remove_tree
from tests.inference.containers.outputs import (
    IMAGES,
    MASK,
    MIB,
    SHAPE,
    SPLEEN,
    label_map,
    read,
    refusal,
    report,
    segmentation,
)


def test_a_segmentation_is_read_voxel_by_voxel(tmp_path: Path) -> None:
    segmentation().save_as(tmp_path / "a.dcm")
    masks = merged_masks(read(tmp_path))
    assert masks is not None
    np.testing.assert_array_equal(masks.array == 1, MASK)
    (segment,) = masks.segments
    assert (segment.label, segment.type.meaning) == ("Lesion", "Lesion")


def test_the_card_says_what_a_segment_is(tmp_path: Path) -> None:
    segmentation().save_as(tmp_path / "a.dcm")
    masks = merged_masks(read(tmp_path, {1: SPLEEN}))
    assert masks is not None
    assert masks.segments == (SPLEEN,)


def test_several_segmentations_become_one_result(tmp_path: Path) -> None:
    other = np.zeros(SHAPE, bool)
    other[4:, 10:, 10:] = True
    segmentation().save_as(tmp_path / "a.dcm")
    segmentation(other, "Other").save_as(tmp_path / "b.dcm")
    masks = merged_masks(read(tmp_path))
    assert masks is not None
    assert masks.array.ndim == 3
    np.testing.assert_array_equal(masks.array == 2, other)
    segmentation(MASK | other, "Both").save_as(tmp_path / "c.dcm")
    masks = merged_masks(read(tmp_path))
    assert masks is not None
    assert [one.label for one in masks.segments] == ["Lesion", "Other", "Both"]
    np.testing.assert_array_equal(masks.array[..., 2], MASK | other)


@pytest.mark.parametrize("turn", ["RAS", "LPS", "PIR", "SAL"])
def test_a_label_map_may_be_turned(tmp_path: Path, turn: str) -> None:
    label_map(tmp_path, np.where(MASK, 7, 0).astype(np.uint8), turn)
    masks = merged_masks(read(tmp_path, {3: SPLEEN, 7: SPLEEN}))
    assert masks is not None
    assert len(masks.segments) == 1, "3 occurs nowhere"
    np.testing.assert_array_equal(masks.array == 1, MASK)


def moved_by(mm: float) -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        for frame in dataset.PerFrameFunctionalGroupsSequence:
            plane = frame.PlanePositionSequence[0]
            position = plane.ImagePositionPatient
            plane.ImagePositionPatient = [position[0] + mm, *position[1:]]

    return change


def with_other_images(dataset: Dataset) -> None:
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        source = frame.DerivationImageSequence[0].SourceImageSequence[0]
        source.ReferencedSOPInstanceUID = generate_uid()


def states(**values: Any) -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        for keyword, value in values.items():
            setattr(dataset, keyword, value)

    return change


def wider_pixels(dataset: Dataset) -> None:
    measures = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    measures.PixelSpacing = [1.2, 1.2]


def of_segment_9(dataset: Dataset) -> None:
    shared = dataset.SharedFunctionalGroupsSequence[0]
    shared.SegmentIdentificationSequence[0].ReferencedSegmentNumber = 9


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (states(StudyInstanceUID="2.25.9"), "a.dcm of the container is of another study"),
        (states(PatientID="SOMEBODY"), "a.dcm of the container is of another patient"),
        (states(PatientName="Other^Person"), "a.dcm of the container is of another patient"),
        (states(PatientBirthDate="19990101"), "a.dcm of the container is of another patient"),
        (
            states(PatientID=str(IMAGES[0].PatientID).swapcase()),
            "a.dcm of the container is of another patient",
        ),
        (states(FrameOfReferenceUID="2.25.8"), "another frame of reference"),
        (states(SegmentationType="FRACTIONAL"), "is FRACTIONAL, not binary"),
        (states(Rows=19), "has 24 × 19 pixels; the series has 24 × 20"),
        (states(SegmentSequence=[]), "has a frame of segment 1, which it does not describe"),
        (states(PixelData=b"\0\0"), "cannot be read"),
        (moved_by(0.6), "lies beside slice"),
        (wider_pixels, "lies beside slice"),
        (with_other_images, "refers to images that the container was not given"),
        (of_segment_9, "has a frame of segment 9"),
    ],
)
def test_a_segmentation_that_is_not_of_the_series_is_refused(
    tmp_path: Path, change: Callable[[Dataset], None], says: str
) -> None:
    dataset = segmentation()
    change(dataset)
    dataset.save_as(tmp_path / "a.dcm")
    stated = refusal(tmp_path)
    assert says in stated
    assert "SOMEBODY" not in stated


@pytest.mark.parametrize("name", ["", "{}^^Dr.^jun", "{}=山田^太郎", "Qu?ndt^M"])
def test_a_name_may_be_written_in_another_form(tmp_path: Path, name: str) -> None:
    dataset = segmentation()
    states(PatientName=name.format(str(IMAGES[0].PatientName).upper()))(dataset)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.save_as(tmp_path / "a.dcm")
    assert merged_masks(read(tmp_path)) is not None


def test_a_label_map_that_lies_elsewhere_is_refused(tmp_path: Path) -> None:
    label_map(tmp_path, np.zeros((6, 20, 25), np.uint8))
    assert "has 25 × 20 × 6 voxels; the series has 24 × 20 × 6" in refusal(tmp_path, {1: SPLEEN})
    values = np.zeros(SHAPE, np.uint8)
    nib.save(nib.Nifti1Image(values.T, np.eye(4)), tmp_path / "labels.nii.gz")
    assert "lies beside slice 1" in refusal(tmp_path, {1: SPLEEN})
    label_map(tmp_path, values)
    assert "neither the card nor a labels.json beside it names its values" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (np.full(SHAPE, 0.5, np.float32), "values between whole numbers"),
        (np.full(SHAPE, np.nan, np.float32), "values that are no labels"),
        (np.full(SHAPE, -1, np.int16), "values that are no labels"),
        (np.full(SHAPE, 1j, np.complex64), "holds complex64"),
    ],
)
def test_values_that_are_no_labels_are_refused(
    tmp_path: Path, values: NDArray[Any], says: str
) -> None:
    label_map(tmp_path, values)
    assert says in refusal(tmp_path, {1: SPLEEN})


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        (
            "a.nii.gz",
            gzip.compress(bytes(4 * MIB)),
            "is larger than an image on the grid of the series",
        ),
        ("a.nii.gz", b"no gzip", "a.nii.gz of the container cannot be read"),
        ("a.nii", b"short", "a.nii of the container cannot be read"),
        ("a.dcm", bytes(128) + b"DICM" + b"x" * 100, "a.dcm of the container"),
        ("results.json", b"{", "results.json of the container cannot be used: it is not JSON"),
        ("results.json", b'{"text": "x"}', "text: Extra inputs are not permitted"),
        (
            "results.json",
            b'{"measurements": [{"label": "a", "value": NaN, "unit": "1"}]}',
            "measurements.0.value",
        ),
        ("results.json", b'{"classifications": {"a": 1.5}}', "less than or equal to 1"),
        ("big.bin", bytes(9 * MIB), "more than 2000 files, 8 MiB"),
    ],
)
def test_what_cannot_be_read_is_refused(
    tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    (tmp_path / name).write_bytes(content)
    stated = refusal(tmp_path)
    assert says in stated
    assert str(tmp_path) not in stated


def test_links_and_pipes_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "results.json").symlink_to("/etc/passwd")
    assert "results.json, which is not a file" in refusal(tmp_path)
    (tmp_path / "results.json").unlink()
    os.mkfifo(tmp_path / "a.nii")
    assert "a.nii, which is not a file" in refusal(tmp_path)


def test_numbers_come_from_results_and_reports(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(
        json.dumps(
            {
                "measurements": [{"label": "Score", "value": 12.5, "unit": "1"}],
                "classifications": {"effusion": 0.25},
            }
        )
    )
    report(tmp_path / "report.dcm")
    found = read(tmp_path)
    assert [(one.label, one.value, one.unit.value) for one in found.measurements] == [
        ("Nodule 1 Diameter", 8.5, "mm"),
        ("Score", 12.5, "1"),
    ]
    assert [(one.label, one.confidence) for one in found.classifications] == [("effusion", 0.25)]


def test_what_is_not_taken_is_stated(tmp_path: Path) -> None:
    picture = segmentation()
    picture.SOPClassUID = picture.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    picture.save_as(tmp_path / "picture.dcm")
    (tmp_path / "mesh.stl").write_text("solid")
    assert read(tmp_path).notes == (
        "The container wrote what the node does not take: 1 Secondary Capture Image Storage,"
        " 1 file .stl.",
    )


def test_a_label_that_comes_again_is_numbered() -> None:
    one = Measurement("Diameter", Code("1", "99A", "Diameter"), 1.0, Code("mm", "UCUM", "mm"))
    assert [one.label for one in with_own_labels([one, one, one])] == [
        "Diameter",
        "Diameter (2)",
        "Diameter (3)",
    ]


def test_what_a_container_left_is_removed_however_deep(tmp_path: Path) -> None:
    """shutil.rmtree ends at a thousand folders within each other, and left images behind."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    folder = tmp_path / "run"
    (folder / "input").mkdir(parents=True)
    (folder / "input" / "1.dcm").touch()
    here = os.open(folder, os.O_RDONLY)
    for _ in range(1100):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.mkfifo("pipe", dir_fd=here)
    os.symlink(elsewhere, "link", dir_fd=here)
    os.mkdir("closed", mode=0, dir_fd=here)
    os.fchmod(here, 0)
    os.close(here)
    remove_tree(folder)
    assert not folder.exists()
    assert [one.name for one in elsewhere.iterdir()] == ["kept"]
    remove_tree(folder)


def test_a_container_is_ended_before_its_disk_is_too_full_to_receive(tmp_path: Path) -> None:
    """What it removed and keeps open stands in no folder."""
    free = shutil.disk_usage(tmp_path).free
    check_disk(tmp_path, free // 2)
    with pytest.raises(StorageFull, match="too little room"):
        check_disk_before(tmp_path, free)
    with pytest.raises(ModelUnusable, match="nearly full"):
        check_disk(tmp_path, free)


def test_names_of_files_become_notes_that_can_be_stored(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"a.\xff\xfe")).touch()
    (note,) = read(tmp_path).notes
    assert note == "The container wrote what the node does not take: 1 file .\\xff\\xfe."
    for number in range(300):
        (tmp_path / f"a.{number}").touch()
    (note,) = read(tmp_path).notes
    assert len(note) < 400
    assert note.endswith(" others.")


def test_a_file_that_cannot_be_read_is_named_by_what_can_be_shown(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"\xff\x1b[1m\n.nii")
    path.write_bytes(b"no NIfTI")
    assert refusal(tmp_path).startswith("\\xff\\x1b[1m\\n.nii of the container")
    path.unlink()
    path.symlink_to("/etc/passwd")
    assert "\\xff\\x1b[1m\\n.nii, which is not a file" in refusal(tmp_path)


@pytest.mark.parametrize("unseen", ["\u202e", "\u2028", "\x85", "\ud800", "\x7f"])
def test_labels_have_no_characters_that_nobody_sees(tmp_path: Path, unseen: str) -> None:
    one = {"label": f"Volume{unseen}", "value": 1, "unit": "mm"}
    (tmp_path / "results.json").write_text(json.dumps({"measurements": [one]}))
    assert refusal(tmp_path).isprintable()


def test_results_that_are_wrong_everywhere_are_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(json.dumps({"measurements": [{}] * 100}))
    message = refusal(tmp_path)
    assert "measurements.0.label: Field required" in message
    assert "and 295 others" in message
    assert len(message) < 600
    path.write_text(json.dumps({"measurements": [{}] * 100_000}))
    assert len(refusal(tmp_path)) < 600
    path.write_text(json.dumps({"\ud800\n" + "x" * 100_000: 1}))
    assert len(refusal(tmp_path)) < 600


def test_a_report_of_many_empty_items_is_refused_before_it_takes_minutes(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    report(path)
    count = 500_000
    head = struct.pack("<HH2sHI", 0xFFFA, 0xFFFA, b"SQ", 0, 8 * count)
    path.write_bytes(path.read_bytes() + head + struct.pack("<HHI", 0xFFFE, 0xE000, 0) * count)
    started = time.process_time()
    assert "has more than 50000 elements" in refusal(tmp_path)
    assert time.process_time() - started < 10
