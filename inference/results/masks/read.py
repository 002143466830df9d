"""A Segmentation read back onto the grid of its source."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from inference.imaging.volume import Volume
from inference.pipeline import Segment
from inference.results.masks.place import corners_of_frame, grid_of, group_of, lies_on_slice
from storage.core.errors import InvalidRequest
from storage.core.findings import Code
from storage.pixels.decoding import decompress

_MAX_DECODED_BYTES = 1 << 30
STACK_AT_MOST_BYTES = 4 << 30
SliceKey = tuple[str, int]
"""SOPInstanceUID and frame number of a slice of the source."""


class MaskStack:
    """Masks on the grid of their source, in the least memory that holds them.

    `array` is as in `PipelineOutput.masks`: one array of numbers, or a mask each (bool, the
    segment last) once some of them overlap. Segments are numbered from 1 without a gap.
    """

    def __init__(
        self, shape: tuple[int, int, int], count: int, at_most_bytes: int = STACK_AT_MOST_BYTES
    ) -> None:
        """Raises InvalidRequest, as `put`, before more than `at_most_bytes` would be taken."""
        self.count = count
        self._at_most_bytes = at_most_bytes
        self._check_room(math.prod(shape) * (1 if count < 256 else 2))
        self.array: NDArray[Any] = np.zeros(shape, np.uint8 if count < 256 else np.uint16)

    def plane(self, number: int, k: int) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = (
            self.array[k, ..., number - 1] if self.array.ndim == 4 else self.array[k] == number
        )
        return found

    def put(self, number: int, k: int, wanted: NDArray[np.bool_]) -> None:
        """Let segment `number` be `wanted` on slice k, whatever it was."""
        if self.array.ndim == 3:
            plane = self.array[k]
            plane[plane == number] = 0
            if not plane[wanted].any():
                plane[wanted] = number
                return
            self._check_room(self.array.size * self.count)
            overlapping = np.zeros((*self.array.shape, self.count), np.bool_)
            for one in range(1, self.count + 1):
                np.equal(self.array, one, out=overlapping[..., one - 1])
            self.array = overlapping
        self.array[k, ..., number - 1] = wanted

    def _check_room(self, size_bytes: int) -> None:
        if size_bytes > self._at_most_bytes:
            raise InvalidRequest(
                f"The masks of {self.count} segments take {size_bytes >> 20} MiB on a series of"
                f" this size; {self._at_most_bytes >> 20} MiB are the most.",
                remedy="Use fewer segments that overlap.",
            )

    def voxel_count(self, number: int) -> int:
        return sum(int(np.count_nonzero(self.plane(number, k))) for k in range(len(self.array)))


def read_masks(
    segmentation: Dataset, slices: Sequence[SliceKey], at_most_bytes: int = STACK_AT_MOST_BYTES
) -> MaskStack:
    """The segments on the slices of the source, which are given in the order of k.

    Raises InvalidRequest where the segmentation lies on another grid, or its masks would take more
    than `at_most_bytes`.
    """
    places = {key: k for k, key in enumerate(slices)}
    shape = (len(slices), int(segmentation.Rows), int(segmentation.Columns))
    masks = MaskStack(shape, len(segmentation.SegmentSequence), at_most_bytes)
    for frame in _frames(segmentation):
        k = places.get(frame.source)
        if k is None:
            raise InvalidRequest(
                "The segmentation lies on other slices than its source has now.",
                remedy="Have the series analysed again, and edit the new segmentation.",
            )
        plane = _plane(segmentation, frame.index)
        if frame.number is not None:
            masks.put(frame.number, k, plane != 0)
            continue
        for label in np.unique(plane):
            if 0 < label <= masks.count:
                masks.put(int(label), k, plane == label)
    return masks


def read_segment(segmentation: Dataset, volume: Volume, number: int) -> NDArray[np.bool_]:
    """One segment on the grid of a series: bool, shape (slices, rows, columns).

    Raises InvalidRequest where it lies on other slices, or elsewhere than they do.
    """
    grid = grid_of(volume)
    slices = zip(volume.sop_instance_uids, volume.frame_numbers, strict=True)
    places = {key: k for k, key in enumerate(slices)}
    mask = np.zeros(grid.shape, np.bool_)
    for frame in _frames(segmentation):
        if frame.number not in (None, number):
            continue
        plane = _plane(segmentation, frame.index)
        marked = plane == number if frame.number is None else plane != 0
        if not marked.any():
            continue
        k = places.get(frame.source)
        if k is None:
            raise InvalidRequest(
                f"Segment {number} of the segmentation lies on other slices than the series has.",
                remedy="Choose a segmentation of this series.",
            )
        if not lies_on_slice(grid, k, corners_of_frame(segmentation, frame.own)):
            raise InvalidRequest(
                f"Segment {number} of the segmentation lies elsewhere than slice {k + 1} of the"
                " series, which it names.",
                remedy="Choose a segmentation on the grid of this series.",
            )
        mask[k] = marked
    return mask


def slices_named_in(segmentation: Dataset) -> set[SliceKey]:
    """The slices of the source that its frames lie on; those without a mask need not be named."""
    return {_source_of(segmentation, own) for own in segmentation.PerFrameFunctionalGroupsSequence}


def _source_of(segmentation: Dataset, own: Dataset) -> SliceKey:
    source = group_of(segmentation, own, "DerivationImageSequence").SourceImageSequence[0]
    return str(source.ReferencedSOPInstanceUID), int(source.get("ReferencedFrameNumber") or 1)


@dataclass(frozen=True)
class _Frame:
    """`number` of its segment; None: its pixels are numbers of segments. `own`: its groups."""

    index: int
    own: Dataset
    source: SliceKey
    number: int | None


def _frames(segmentation: Dataset) -> Iterator[_Frame]:
    """Its pixels can be read by `_plane` from the first frame on."""
    is_labelmap = segmentation.SegmentationType == "LABELMAP"
    if segmentation.file_meta.TransferSyntaxUID not in (
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
    ):
        decompress(segmentation, _MAX_DECODED_BYTES)
    for index, own in enumerate(segmentation.PerFrameFunctionalGroupsSequence):
        number = None
        if not is_labelmap:
            identified = group_of(segmentation, own, "SegmentIdentificationSequence")
            number = int(identified.ReferencedSegmentNumber)
        yield _Frame(index, own, _source_of(segmentation, own), number)


def _plane(segmentation: Dataset, index: int) -> NDArray[Any]:
    """One frame, so that many of them need not be in memory unpacked."""
    rows, columns = int(segmentation.Rows), int(segmentation.Columns)
    size = rows * columns
    if segmentation.BitsAllocated == 1:
        begin = index * size
        packed = np.frombuffer(
            segmentation.PixelData, np.uint8, -(-(begin + size) // 8) - begin // 8, begin // 8
        )
        bits = np.unpackbits(packed, bitorder="little")[begin % 8 : begin % 8 + size]
        return bits.reshape(rows, columns)
    kind = np.uint8 if segmentation.BitsAllocated == 8 else np.dtype("<u2")
    bytes_each = int(segmentation.BitsAllocated) // 8
    values = np.frombuffer(segmentation.PixelData, kind, size, index * size * bytes_each)
    return values.reshape(rows, columns)


def read_segments(
    segmentation: Dataset, colors: dict[int, tuple[int, int, int]]
) -> tuple[Segment, ...]:
    """What the segments stand for. `colors`: as the findings of the segment tell them."""
    return tuple(
        Segment(
            label=str(one.SegmentLabel),
            category=_code(one.SegmentedPropertyCategoryCodeSequence),
            type=_code(one.SegmentedPropertyTypeCodeSequence),
            color_rgb=colors.get(int(one.SegmentNumber)) or _rgb(one),
            laterality=_laterality(one),
            tracking_uid=str(one.get("TrackingUID") or ""),
        )
        for one in segmentation.SegmentSequence
    )


def _code(sequence: Sequence[Dataset]) -> Code:
    return Code(
        str(sequence[0].CodeValue),
        str(sequence[0].CodingSchemeDesignator),
        str(sequence[0].CodeMeaning),
    )


def _laterality(segment: Dataset) -> Code | None:
    modifiers = segment.SegmentedPropertyTypeCodeSequence[0].get(
        "SegmentedPropertyTypeModifierCodeSequence"
    )
    return _code(modifiers) if modifiers else None


def _rgb(segment: Dataset) -> tuple[int, int, int]:
    from highdicom.color import CIELabColor

    stated = segment.get("RecommendedDisplayCIELabValue")
    if stated is None:
        return (255, 214, 10)
    red, green, blue = CIELabColor.from_dicom_value(list(stated)).to_rgb()
    return red, green, blue
