"""A DICOM Segmentation of a container, believed after it has been checked."""

from collections.abc import Mapping

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from inference.containers.labels import check_label
from inference.containers.masks import Masks, check_corners
from inference.imaging.frames import number_of_frames
from inference.imaging.volume import Volume
from inference.pipeline import SEGMENTS_AT_MOST, Segment
from inference.refusals import ModelUnusable
from inference.results.masks.place import corners_of_frame, grid_of, group_of
from inference.results.masks.read import STACK_AT_MOST_BYTES, read_masks, read_segments
from storage.core.findings import Code

_REMEDY = "Ask who made the image for a segmentation on the grid of the series."
_LABEL_AT_MOST, _VALUE_AT_MOST = 64, 16


def read_segmentation(
    segmentation: Dataset, volume: Volume, at_most_bytes: int = STACK_AT_MOST_BYTES
) -> Masks:
    """Raises ModelUnusable where it is not of this series, and what pydicom raises of what is
    no segmentation. `at_most_bytes`: of its masks."""
    _check_type(segmentation)
    frame_of_reference = str(segmentation.get("FrameOfReferenceUID") or "")
    if frame_of_reference != volume.frame_of_reference_uid:
        raise _refused("has another frame of reference than the series")
    size = (int(segmentation.Rows), int(segmentation.Columns))
    if size != volume.voxels.shape[1:]:
        rows, columns = volume.voxels.shape[1:]
        raise _refused(f"has {size[1]} × {size[0]} pixels; the series has {columns} × {rows}")
    segments = _segments(segmentation)
    _check_frames(segmentation, volume, len(segments))
    slices = list(zip(volume.sop_instance_uids, volume.frame_numbers, strict=True))
    return Masks(segments, read_masks(segmentation, slices, at_most_bytes).array)


def read_image_segmentation(segmentation: Dataset, source: Dataset, at_most_bytes: int) -> Masks:
    """Of a single image, pixel by pixel: masks of one slice, or of each frame of a multi-frame
    image. Raises as `read_segmentation`."""
    _check_type(segmentation)
    size = (int(segmentation.Rows), int(segmentation.Columns))
    own = (int(source.Rows), int(source.Columns))
    if size != own:
        raise _refused(f"has {size[1]} × {size[0]} pixels; the image has {own[1]} × {own[0]}")
    frame_of_reference = str(segmentation.get("FrameOfReferenceUID") or "")
    stated = str(source.get("FrameOfReferenceUID") or "")
    if stated and frame_of_reference != stated:
        raise _refused("has another frame of reference than the image")
    segments = _segments(segmentation)
    count = number_of_frames(source)
    keys = [(str(source.SOPInstanceUID), number) for number in range(1, count + 1)]
    places = {key: k for k, key in enumerate(keys)}
    for frame in segmentation.PerFrameFunctionalGroupsSequence:
        if count > 1:
            _check_frame_number(segmentation, frame, str(source.SOPInstanceUID), count)
        _source_among(segmentation, frame, places)
        _check_segment_number(segmentation, frame, len(segments))
    return Masks(segments, read_masks(segmentation, keys, at_most_bytes).array)


def image_of(segmentation: Dataset) -> str:
    """The SOP Instance UID of the image that its first frame is the mask of."""
    first = segmentation.PerFrameFunctionalGroupsSequence[0]
    source = group_of(segmentation, first, "DerivationImageSequence").SourceImageSequence[0]
    return str(source.ReferencedSOPInstanceUID)


def _check_type(segmentation: Dataset) -> None:
    if segmentation.get("SegmentationType") not in ("BINARY", "LABELMAP"):
        raise _refused(f"is {str(segmentation.get('SegmentationType'))[:20]}, not binary")


def _segments(segmentation: Dataset) -> tuple[Segment, ...]:
    numbers = [int(one.SegmentNumber) for one in segmentation.SegmentSequence]
    if numbers != list(range(1, len(numbers) + 1)) or len(numbers) > SEGMENTS_AT_MOST:
        raise _refused(f"numbers its {len(numbers)} segments otherwise than from 1 to 255")
    segments = read_segments(segmentation, {})
    for segment in segments:
        _check_words(segment)
    return segments


def _source_among(
    segmentation: Dataset, own: Dataset, places: Mapping[tuple[str, int], int]
) -> int:
    """Which of the images of a frame it is the mask of."""
    source = group_of(segmentation, own, "DerivationImageSequence").SourceImageSequence[0]
    key = (str(source.ReferencedSOPInstanceUID), int(source.get("ReferencedFrameNumber") or 1))
    if key not in places:
        raise _refused("refers to images that the container was not given")
    return places[key]


def _check_frame_number(segmentation: Dataset, own: Dataset, uid: str, count: int) -> None:
    """Of a multi-frame image each mask is that of one frame, which it names."""
    source = group_of(segmentation, own, "DerivationImageSequence").SourceImageSequence[0]
    if str(source.ReferencedSOPInstanceUID) != uid:
        return
    stated = source.get("ReferencedFrameNumber")
    if stated is None or isinstance(stated, MultiValue):
        raise _refused(
            f"names {'no frame' if stated is None else 'several frames'} of the image in one of"
            f" its frames; the image has {count}"
        )
    if not 1 <= int(stated) <= count:
        raise _refused(f"is of frame {int(stated)}; the image has {count}")


def _check_segment_number(segmentation: Dataset, own: Dataset, count: int) -> None:
    if segmentation.SegmentationType == "BINARY":
        identified = group_of(segmentation, own, "SegmentIdentificationSequence")
        number = int(identified.ReferencedSegmentNumber)
        if not 1 <= number <= count:
            raise _refused(f"has a frame of segment {number}, which it does not describe")


def _check_frames(segmentation: Dataset, volume: Volume, count: int) -> None:
    """Each is the mask of the slice that it names, and lies where that lies."""
    slices = zip(volume.sop_instance_uids, volume.frame_numbers, strict=True)
    places = {key: k for k, key in enumerate(slices)}
    for own in segmentation.PerFrameFunctionalGroupsSequence:
        k = _source_among(segmentation, own, places)
        _check_segment_number(segmentation, own, count)
        check_corners(grid_of(volume), k, corners_of_frame(segmentation, own))


def _check_words(segment: Segment) -> None:
    for code in (segment.category, segment.type, segment.laterality):
        if code is not None and not _is_code(code):
            raise _refused("has a code that is none by DICOM")
    if not _is_text(segment.label, _LABEL_AT_MOST):
        raise _refused("has a segment without a name, or with one of more than 64 letters")
    try:
        check_label(segment.label)
    except ValueError as error:
        raise _refused(f"has a segment whose name {error}") from error


def _is_code(code: Code) -> bool:
    return (
        _is_text(code.value, _VALUE_AT_MOST)
        and _is_text(code.scheme_designator, _VALUE_AT_MOST)
        and _is_text(code.meaning, _LABEL_AT_MOST)
    )


def _is_text(text: str, at_most: int) -> bool:
    return 0 < len(text) <= at_most and text.isprintable() and "\\" not in text


def _refused(why: str) -> ModelUnusable:
    return ModelUnusable(f"A segmentation of the container {why}.", remedy=_REMEDY)
