"""Frames of the Segmentation of a multi-frame image: one for each that a segment is marked on.

The encoder writes those of one frame alone where an image has no Frame of Reference, and looks for
the frames of others by their position, which several frames of a cine share.
"""

import copy
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import SecondaryCaptureImageStorage

from inference.pipeline import ImageResult
from inference.results.patient_and_study import FUNCTIONAL_GROUPS
from inference.results.single_images.references import image_reference
from inference.results.source_references import shortened

_NUMBERS = {
    "PlanePositionSequence": ("ImagePositionPatient",),
    "PlaneOrientationSequence": ("ImageOrientationPatient",),
    "PixelMeasuresSequence": ("PixelSpacing", "SliceThickness"),
}
_OF_ITS_PLACE = ("FrameOfReferenceUID", "ImagePositionPatient", "ImageOrientationPatient")


def reference_to_one_frame(source: Dataset) -> Dataset:
    """What the encoder is given in place of a multi-frame image; `put_frames` names that."""
    reference = image_reference(source)
    for keyword in ("NumberOfFrames", *FUNCTIONAL_GROUPS, *_OF_ITS_PLACE):
        if keyword in reference:
            del reference[keyword]
    # An element of its own: the others are those of the source itself.
    reference["SOPClassUID"] = DataElement("SOPClassUID", "UI", SecondaryCaptureImageStorage)
    return reference


def put_frames(segmentation: Dataset, source: Dataset, image: ImageResult) -> None:
    """In place of the frame that each segment has: those of the source that it is marked on.

    Each refers to the frame of which it is the mask, pixel by pixel, and lies where that lies if
    the source says where (PS3.3 C.7.6.16.2.6, C.7.6.16.2.3). As a dimension, the frames that
    anything is marked on are numbered in their order, since those of a cine have no other.
    """
    for series in segmentation.ReferencedSeriesSequence:
        for one in (*series.ReferencedInstanceSequence, *segmentation.SourceImageSequence):
            one.ReferencedSOPClassUID = source.SOPClassUID
    # The encoder saw what is marked on any of the frames.
    segmentation.SegmentsOverlap = "YES" if _overlap(image) else "NO"
    templates = list(segmentation.PerFrameFunctionalGroupsSequence)
    groups: list[Dataset] = []
    bits = _Bits()
    is_placed = _is_placed(source)
    for index, template in enumerate(templates):
        masks = image.mask(index)
        for position, number in enumerate(image.frame_numbers):
            if masks[position].any():
                groups.append(_of_frame(template, source, index + 1, position + 1, number))
                bits.add(masks[position])
                if is_placed:
                    for keyword, item in _place_of(source, number):
                        setattr(groups[-1], keyword, item)
    if is_placed:
        segmentation.FrameOfReferenceUID = source.FrameOfReferenceUID
        segmentation.PositionReferenceIndicator = source.get("PositionReferenceIndicator")
        shared = segmentation.SharedFunctionalGroupsSequence[0]
        for keyword in _NUMBERS:
            if keyword in shared:
                del shared[keyword]
    segmentation.PerFrameFunctionalGroupsSequence = groups
    segmentation.NumberOfFrames = len(groups)
    segmentation.PixelData = bits.packed()
    dimension = Dataset()
    dimension.DimensionOrganizationUID = segmentation.DimensionIndexSequence[
        0
    ].DimensionOrganizationUID
    dimension.DimensionIndexPointer = Tag("InStackPositionNumber")
    dimension.FunctionalGroupPointer = Tag("FrameContentSequence")
    dimension.DimensionDescriptionLabel = "Frame of the source"
    segmentation.DimensionIndexSequence.append(dimension)


def number_of_frame(segmentation: Dataset, segment_number: int, source_frame_number: int) -> int:
    """Which frame of the segmentation it is, from 1. Raises ValueError where there is none."""
    shared = segmentation.SharedFunctionalGroupsSequence[0]
    for number, groups in enumerate(segmentation.PerFrameFunctionalGroupsSequence, start=1):
        source = groups.DerivationImageSequence[0].SourceImageSequence[0]
        # Of a single segment the encoder states it once for all frames.
        identified = (
            groups.get("SegmentIdentificationSequence") or shared.SegmentIdentificationSequence
        )[0]
        found = int(identified.ReferencedSegmentNumber), int(source.ReferencedFrameNumber)
        if found == (segment_number, source_frame_number):
            return number
    raise ValueError(
        f"Segment {segment_number} is not marked on frame {source_frame_number} of its image."
    )


def _overlap(image: ImageResult) -> bool:
    masks = image.masks
    # Numbered, a pixel is of one segment; else frame by frame: all of a cine would not fit.
    return (
        masks is not None and masks.ndim > 3 and any((one.sum(axis=-1) > 1).any() for one in masks)
    )


def _of_frame(
    template: Dataset, source: Dataset, segment_number: int, position: int, frame_number: int
) -> Dataset:
    groups = copy.deepcopy(template)
    content = groups.FrameContentSequence[0]
    content.StackID, content.InStackPositionNumber = "1", position
    content.DimensionIndexValues = [segment_number, position]
    reference = groups.DerivationImageSequence[0].SourceImageSequence[0]
    reference.ReferencedSOPClassUID = source.SOPClassUID
    reference.ReferencedFrameNumber = frame_number
    return groups


def _is_placed(source: Dataset) -> bool:
    """Whether every frame states its place in the patient."""
    stated = source.get("PerFrameFunctionalGroupsSequence") or ()
    return (
        bool(source.get("FrameOfReferenceUID"))
        and bool(stated)
        and all(
            len(list(_place_of(source, number))) == len(_NUMBERS)
            for number in range(1, len(stated) + 1)
        )
    )


def _place_of(source: Dataset, frame_number: int) -> Iterator[tuple[str, list[Dataset]]]:
    """Position, orientation and pixel measures of a frame, as far as they are stated."""
    own = source.PerFrameFunctionalGroupsSequence[frame_number - 1]
    shared = (source.get("SharedFunctionalGroupsSequence") or [Dataset()])[0]
    for keyword, numbers in _NUMBERS.items():
        stated = own.get(keyword) or shared.get(keyword)
        if not stated or not stated[0].get(numbers[0]):
            continue
        item = Dataset()
        for name in numbers:
            if stated[0].get(name) is not None:
                setattr(item, name, shortened(stated[0][name].value))
        yield keyword, [item]


class _Bits:
    """A bit a pixel, frame after frame without a gap, of even length (PS3.5 8.1.1, 8.2)."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._rest = np.zeros(0, np.bool_)

    def add(self, plane: NDArray[np.bool_]) -> None:
        bits = np.concatenate([self._rest, plane.ravel()])
        whole = bits.size // 8 * 8
        self._bytes += np.packbits(bits[:whole], bitorder="little").tobytes()
        self._rest = bits[whole:]

    def packed(self) -> bytes:
        packed = bytes(self._bytes) + np.packbits(self._rest, bitorder="little").tobytes()
        return packed + b"\0" * (len(packed) % 2)
