"""Cases: folders with a DICOM series and what somebody holds to be true of it.

The truth is a DICOM SEG, or a NIfTI label map with a `labels.json` (in the case or beside
the cases) that names the segment of each value.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from inference.imaging.volume import Volume
from inference.pipeline import Segment
from inference.refusals import VolumeRefused
from storage.core.clock import utcnow
from storage.core.entities import Series
from storage.core.errors import InvalidRequest, MediViewError
from storage.core.patient_sex import sex_of
from storage.core.untrusted_input.folder_walk import files_below
from storage.core.untrusted_input.whole_numbers import read_whole_number
from storage.dicom.storage_classes import SEGMENTATION_CLASSES

LABELS_FILE = "labels.json"
_LPS_FROM_RAS = np.diag((-1.0, -1.0, 1.0, 1.0))
_CODE = ("SegmentedPropertyTypeCodeSequence", "SegmentedPropertyTypeModifierCodeSequence")


class BadCase(MediViewError):
    """A case cannot be used; the sentence says why."""

    code = "bad_case"


@dataclass(frozen=True)
class TrueSegment:
    """One structure of the truth: masks of the array that `Truth` holds.

    `code` and `side` are the values of its codes, empty where they are not known.
    """

    label: str
    mask: NDArray[np.bool_]
    code: str = ""
    side: str = ""

    def is_that_of(self, segment: Segment) -> bool:
        """By code and laterality, or by its name."""
        side = segment.laterality.value if segment.laterality else ""
        same_code = bool(self.code) and (self.code, self.side) == (segment.type.value, side)
        return same_code or self.label.casefold() == segment.label.casefold()


@dataclass(frozen=True)
class Truth:
    segments: tuple[TrueSegment, ...]
    lps_from_index: NDArray[np.float64]
    """From an index of the masks to LPS in mm."""

    def on_grid(self, segment: TrueSegment, volume: Volume) -> NDArray[np.bool_]:
        """The mask on the grid of the images: the nearest voxel, False outside."""
        index_from_kji = np.linalg.inv(self.lps_from_index) @ volume.lps_from_kji
        shape = volume.voxels.shape
        found = np.zeros(shape, np.bool_)
        rows, columns = np.meshgrid(np.arange(shape[1]), np.arange(shape[2]), indexing="ij")
        in_plane = np.stack([rows, columns, np.ones_like(rows)], axis=-1)
        for k in range(shape[0]):
            at = in_plane @ index_from_kji[:3, 1:].T + k * index_from_kji[:3, 0]
            nearest = np.rint(at).astype(np.intp)
            inside = np.all((nearest >= 0) & (nearest < segment.mask.shape), axis=-1)
            found[k][inside] = segment.mask[tuple(nearest[inside].T)]
        return found


@dataclass(frozen=True)
class Case:
    """`images` carry pixels. The attributes by which cases are grouped come from them."""

    name: str
    images: Sequence[Dataset]
    truth: Truth
    groups: dict[str, str] = field(default_factory=dict)


def case_folders(folder: Path) -> list[Path]:
    """Every folder directly below, by name. Raises InvalidRequest where there is none."""
    found = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    if not found:
        raise InvalidRequest(
            f"{folder} holds no folders of cases.",
            remedy="Give each case a folder with its DICOM files and a SEG or NIfTI of the truth.",
        )
    return found


def read_case(folder: Path) -> Case:
    """Images and truth of one folder. Raises BadCase."""
    images: list[Dataset] = []
    truths: list[Truth] = []
    for path in sorted(files_below(folder)):
        if path.name.endswith((".nii", ".nii.gz")):
            truths.append(nifti_truth(path, folder))
        elif path.suffix != ".json":
            try:
                dataset = dcmread(path)
            except (InvalidDicomError, OSError) as error:
                raise BadCase(f"{path.name} is neither DICOM nor NIfTI.") from error
            if dataset.get("SOPClassUID") in SEGMENTATION_CLASSES:
                truths.append(truth_of_seg(dataset))
            elif "PixelData" in dataset:
                images.append(dataset)
    series = {str(image.get("SeriesInstanceUID", "")) for image in images}
    if len(series) != 1 or len(truths) != 1:
        raise BadCase(
            f"It holds {len(series)} series of images and {len(truths)} masks; one of each"
            " is a case."
        )
    return Case(folder.name, images, truths[0], groups_of(images[0]))


def series_of(images: Sequence[Dataset]) -> Series:
    """The row that a pipeline judges by, as the index would hold it."""
    first, now = images[0], utcnow()
    return Series(
        series_instance_uid=str(first.get("SeriesInstanceUID", "")),
        study_instance_uid=str(first.get("StudyInstanceUID", "")),
        modality=str(first.get("Modality", "")),
        series_number=None,
        series_description=str(first.get("SeriesDescription") or ""),
        body_part_examined=str(first.get("BodyPartExamined") or ""),
        protocol_name=str(first.get("ProtocolName") or ""),
        frame_of_reference_uid=str(first.get("FrameOfReferenceUID") or ""),
        manufacturer=str(first.get("Manufacturer") or ""),
        state="COMPLETE",
        origin="received",
        fingerprint="",
        first_instance_at=now,
        last_instance_at=now,
        completed_at=now,
        instance_count=len(images),
        size_bytes=0,
    )


def groups_of(image: Dataset) -> dict[str, str]:
    """By what results are distinguished: whom, and on which machine."""
    thickness = _number(image.get("SliceThickness"))
    age = str(image.get("PatientAge") or "").strip(" \0").upper()
    stated_sex = str(image.get("PatientSex") or "").strip()
    years = read_whole_number(age[:3]) if age.endswith("Y") else None
    return {
        "sex": sex_of(stated_sex) or stated_sex or "not stated",
        "age": "not stated" if years is None else f"{years // 20 * 20} to {years // 20 * 20 + 19}",
        "manufacturer": str(image.get("Manufacturer") or "not stated"),
        "slice thickness": "not stated" if thickness is None else _thickness(thickness),
    }


def _thickness(mm: float) -> str:
    for most in (1.0, 2.0, 3.0, 5.0):
        if mm <= most:
            return f"{most:g} mm or less"
    return "over 5 mm"


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def nifti_truth(path: Path, folder: Path) -> Truth:
    """A label map; `folder`, or the one above it, names its values. Raises BadCase."""
    import nibabel
    from nibabel.filebasedimages import ImageFileError

    labels_file = next(
        (one / LABELS_FILE for one in (folder, folder.parent) if (one / LABELS_FILE).is_file()),
        None,
    )
    if labels_file is None:
        raise BadCase(f"{path.name} needs a {LABELS_FILE} that names the segment of each value.")
    try:
        labels = {
            int(key): str(value) for key, value in json.loads(labels_file.read_text()).items()
        }
        image: Any = nibabel.load(path)
        values = np.rint(np.asarray(image.dataobj)).astype(np.int64)
    except (ValueError, AttributeError, OSError, ImageFileError) as error:
        raise BadCase(f"{path.name} or its {LABELS_FILE} cannot be read.") from error
    if values.ndim != 3:
        raise BadCase(f"{path.name} has {values.ndim} axes; a label map has 3.")
    return Truth(
        tuple(TrueSegment(label, values == value) for value, label in labels.items()),
        _LPS_FROM_RAS @ np.asarray(image.affine, np.float64),
    )


def truth_of_seg(dataset: Dataset) -> Truth:
    """The segments of a DICOM SEG, whatever its grid. Raises BadCase."""
    import highdicom as hd

    try:
        seg = hd.seg.Segmentation.from_dataset(dataset)
        volume = seg.get_volume(combine_segments=False)
    except (ValueError, RuntimeError, AttributeError, NotImplementedError) as error:
        raise BadCase("Its SEG is not a regular volume.") from error
    segments = []
    for position, number in enumerate(seg.segment_numbers):
        item = seg.get_segment_description(number)
        code = item[_CODE[0]][0]
        modifiers = code.get(_CODE[1]) or ()
        segments.append(
            TrueSegment(
                str(item.get("SegmentLabel") or number),
                np.asarray(volume.array[..., position]) > 0,
                str(code.get("CodeValue") or ""),
                str(modifiers[0].get("CodeValue") or "") if modifiers else "",
            )
        )
    return Truth(tuple(segments), np.asarray(volume.affine, np.float64))


def refusal_text(error: MediViewError | VolumeRefused) -> str:
    return f"{error.message} {error.remedy}".strip()
