"""A person's segmentation as a DICOM Segmentation (PS3.3 A.51) and an RT Structure Set (A.19)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import highdicom as hd
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian

from inference.pipeline_output import MORPHOLOGICALLY_ABNORMAL, PipelineOutput, Segment
from inference.result_identity import DEVICE_SERIAL_NUMBER, MANUFACTURER, result_series_number
from inference.results.author import Author
from inference.results.coding import dicom_code
from inference.results.equipment import finish, node_equipment
from inference.results.iod_questions import answer_once
from inference.results.observer import person_name
from inference.results.patient_and_study import inherit_patient_and_study
from inference.results.rtstruct import StructureSetHead, write_structure_set
from inference.results.source_frames import in_source_order, name_own_frames
from inference.results.source_references import integer_of
from inference.segmentations.entities import (
    BY_HAND,
    DESCRIPTION_SUFFIX,
    SHORT_TOOLS,
    TOOLS,
    Aid,
    DrawnSegment,
)
from inference.segmentations.source_series import SourceStack
from storage.core.errors import LimitExceeded
from storage.core.findings import Code
from storage.core.text.long_string import long_string
from storage.dicom.file_meta import IMPLEMENTATION_VERSION_NAME

answer_once()

NOTE = "Drawn by a reader, unverified, research use only"
# Up to so many segments, frames without a voxel are kept (`inference.results.seg`).
_KEEPS_EMPTY_FRAMES = 4
_SEG_AT_MOST_BYTES = 1 << 30
_EDGES_AT_MOST = 4_000_000
_LONGEST_NAME = 64
"""Characters of an LO (PS3.5 6.2)."""
# PS3.16 CID 7162; of several tools the first names the family.
_FAMILIES: dict[Aid, Code] = {
    "MODEL": Code("123110", "DCM", "Artificial Intelligence"),
    "REGION_GROWING": Code("123101", "DCM", "Neighborhood Analysis"),
    "THRESHOLD": Code("123105", "DCM", "Histogram Analysis"),
    "INTERPOLATION": Code("123104", "DCM", "Morphological Operations"),
    "RESAMPLING": Code("123104", "DCM", "Morphological Operations"),
}


@dataclass(frozen=True)
class Identity:
    """Under which UIDs a version is written; `number` is the version's, from 1."""

    series_instance_uid: str
    sop_instance_uid: str
    number: int


def encode_segmentation(
    stack: SourceStack,
    masks: NDArray[np.uint8],
    segments: Sequence[DrawnSegment],
    author: Author,
    at: datetime,
    identity: Identity,
    *,
    title: str,
    predecessor: Dataset | None = None,
) -> Dataset:
    """A BINARY Segmentation with one frame a source frame and segment.

    `masks`: uint8, shape (slices, rows, columns) on the stack; n for the nth segment. `segments`
    all have a `tracking_uid`. Raises LimitExceeded.
    """
    first = stack.sources[stack.volume.instance_indices[0]]
    omits_empty = len(segments) > _KEEPS_EMPTY_FRAMES
    _check_size(masks, len(segments), omits_empty)
    references, ordered = in_source_order(stack.sources, stack.volume, masks)
    segmentation = hd.seg.Segmentation(
        source_images=references,
        pixel_array=ordered,
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[
            _described(segment, number) for number, segment in enumerate(segments, start=1)
        ],
        series_instance_uid=identity.series_instance_uid,
        series_number=result_series_number(integer_of(first, "SeriesNumber"), "SEG"),
        sop_instance_uid=identity.sop_instance_uid,
        instance_number=identity.number,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MANUFACTURER,
        software_versions=IMPLEMENTATION_VERSION_NAME,
        device_serial_number=DEVICE_SERIAL_NUMBER,
        content_description=NOTE,
        content_label="READER_DRAWN",
        omit_empty_frames=omits_empty,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        series_description=_series_description(title),
        content_date=at.date(),
        content_time=at.time(),
        series_date=at.date(),
        series_time=at.time(),
    )
    name_own_frames(segmentation, stack.volume)
    segmentation.ContentCreatorName = person_name(author)
    if predecessor is not None:
        _name_predecessor(segmentation, predecessor)
    inherit_patient_and_study(segmentation, first)
    return finish(segmentation, at, node_equipment(at))


def encode_contours(
    stack: SourceStack,
    masks: NDArray[np.uint8],
    segments: Sequence[DrawnSegment],
    at: datetime,
    identity: Identity,
    *,
    title: str,
) -> Dataset:
    """The same masks as contours. Raises LimitExceeded where they are too ragged for contours."""
    edges = sum(
        int(np.count_nonzero(np.diff(plane, axis=0)) + np.count_nonzero(np.diff(plane, axis=1)))
        for plane in masks
    )
    if edges > _EDGES_AT_MOST:
        raise LimitExceeded(
            f"The outlines have {edges} edges of pixels; {_EDGES_AT_MOST} fit a structure set.",
            remedy="Save the segmentation without a structure set, or smooth the segments.",
        )
    head = StructureSetHead(
        series_instance_uid=identity.series_instance_uid,
        sop_instance_uid=identity.sop_instance_uid,
        at=at,
        series_description=_series_description(title),
        label="READER_DRAWN",
        description=f"{NOTE}.",
        software_versions=[IMPLEMENTATION_VERSION_NAME],
        roi_description=NOTE,
        generation_algorithms=tuple(_algorithm_type(one) for one in segments),
        generation_description=MANUFACTURER,
        equipment=node_equipment(at),
    )
    output = PipelineOutput(
        segments=tuple(
            Segment(
                one.label,
                one.category,
                one.type,
                one.color_rgb,
                is_lesion=one.category.value == MORPHOLOGICALLY_ABNORMAL,
            )
            for one in segments
        ),
        masks=masks,
    )
    return write_structure_set(head, stack.sources, stack.volume, output)


def _series_description(title: str) -> str:
    return long_string(title, 64 - len(DESCRIPTION_SUFFIX)) + DESCRIPTION_SUFFIX


def _algorithm_type(segment: DrawnSegment) -> str:
    return "MANUAL" if BY_HAND.issuperset(segment.aids) else "SEMIAUTOMATIC"


def _described(segment: DrawnSegment, number: int) -> hd.seg.SegmentDescription:
    description = hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=long_string(segment.label),
        segmented_property_category=dicom_code(segment.category),
        segmented_property_type=dicom_code(segment.type),
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues(_algorithm_type(segment)),
        algorithm_identification=_tools(segment.aids),
        tracking_uid=segment.tracking_uid,
        tracking_id=long_string(segment.label),
        display_color=hd.color.CIELabColor.from_rgb(*segment.color_rgb),
    )
    if segment.laterality is not None:
        description.SegmentedPropertyTypeCodeSequence[
            0
        ].SegmentedPropertyTypeModifierCodeSequence = [
            hd.sr.CodedConcept.from_code(dicom_code(segment.laterality))
        ]
    return description


def _tools(aids: Sequence[Aid]) -> hd.AlgorithmIdentificationSequence | None:
    """Which tools were used (PS3.3 C.8.20.4); None for what is drawn by hand."""
    used = [aid for aid in TOOLS if aid in aids]
    if BY_HAND.issuperset(used):
        return None
    name = f"Reader's tools: {', '.join(TOOLS[one] for one in used)}"
    if len(name) > _LONGEST_NAME:
        name = "/".join(SHORT_TOOLS[one] for one in used)
    return hd.AlgorithmIdentificationSequence(
        name=long_string(name),
        family=dicom_code(_FAMILIES[used[0]]),
        version=IMPLEMENTATION_VERSION_NAME,
        source=MANUFACTURER,
    )


def _name_predecessor(segmentation: Dataset, predecessor: Dataset) -> None:
    """Which version it was made of, as `inference.results.seg` states it of edited masks."""
    reference = Dataset()
    reference.ReferencedSOPClassUID = predecessor.SOPClassUID
    reference.ReferencedSOPInstanceUID = predecessor.SOPInstanceUID
    reference.PurposeOfReferenceCodeSequence = [
        hd.sr.CodedConcept.from_code(codes.DCM.SourceImageForImageProcessingOperation)
    ]
    segmentation.SourceImageSequence = [reference]


def _check_size(masks: NDArray[np.uint8], count: int, omits_empty: bool) -> None:
    """Before the encoder makes a frame of each slice and segment."""
    slices, rows, columns = masks.shape
    frames = slices * count
    if omits_empty:
        frames = sum(int(np.count_nonzero(np.bincount(one.ravel())[1:])) for one in masks)
    size_bytes = frames * rows * columns // 8
    if size_bytes > _SEG_AT_MOST_BYTES:
        raise LimitExceeded(
            f"The segmentation would have {size_bytes >> 20} MiB of pixels;"
            f" {_SEG_AT_MOST_BYTES >> 20} MiB are allowed.",
            remedy="Save fewer segments at once.",
        )
