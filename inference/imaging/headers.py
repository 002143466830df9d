"""Values of headers, as forgiving as headers need it."""

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence as DatasetSequence

from inference.reasons import reason as because

OF_CONVERTED = (
    "UnassignedSharedConvertedAttributesSequence",
    "UnassignedPerFrameConvertedAttributesSequence",
)
"""Where an enhanced image that was made of classic ones has what no macro takes (PS3.3
C.7.6.16.2.25 and 26)."""
_QUOTED_AT_MOST = 64
"""Characters of a Long String (PS3.5 6.2); some senders write many more."""


def number(holders: Sequence[Dataset], *keywords: str) -> float | None:
    """The first positive number that one of the data sets states under one of the keywords."""
    for holder in holders:
        for keyword in keywords:
            try:
                value = holder.get(keyword)
                if value is None or value == "":
                    continue
                number = float(np.atleast_1d(np.asarray(value, dtype=np.float64))[0])
            except (ValueError, TypeError, IndexError):
                continue  # not a number: as good as not stated
            if np.isfinite(number) and number > 0:
                return number
    return None


def image_type(header: Dataset) -> tuple[str, ...]:
    """The values of ImageType (PS3.3 C.7.6.1.1.2) in capitals, which some senders do not write."""
    return tuple(value.strip(" \0").upper() for value in texts(header.get("ImageType")))


def rescale_types(header: Dataset) -> tuple[str, ...]:
    """What the values after rescale are, as stated of the image and of its frames (Rescale Type,
    PS3.3 C.11.1, C.7.6.16.2.9), each once."""
    holders = (header, *items_of_frames(header, "PixelValueTransformationSequence"))
    return _once(str(one.get("RescaleType") or "").strip(" \0") for one in holders)


def frame_types(header: Dataset) -> tuple[str, ...]:
    """The values of Frame Type (PS3.3 C.8.15.3.1) of the frames of an enhanced CT, each once."""
    groups = items_of_frames(header, "CTImageFrameTypeSequence")
    stated = (value for one in groups for value in texts(one.get("FrameType")))
    return _once(value.strip(" \0").upper() for value in stated)


def items_of_frames(header: Dataset, *macros: str) -> list[Dataset]:
    """Those sequences of all functional groups, shared and of each frame."""
    return [
        item
        for groups in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
        for group in header.get(groups) or ()
        for macro in macros
        for item in group.get(macro) or ()
    ]


def patient_orientation(header: Dataset, frame_number: int = 1) -> tuple[str, ...]:
    """Where rows and columns lead, by the first letter of each: `("L", "F")`; empty where it is not
    stated. Of the frame, counted from 1, where functional groups state it (Patient Orientation in
    Frame, PS3.3 C.7.6.16.2.15), else of the image."""
    frames = header.get("PerFrameFunctionalGroupsSequence") or ()
    shared = header.get("SharedFunctionalGroupsSequence") or ()
    holders = [
        item
        for group in (*frames[frame_number - 1 : frame_number], *shared[:1])
        for item in group.get("PatientOrientationInFrameSequence") or ()
    ]
    for holder in (*holders, header):
        stated = tuple(one.strip()[:1] for one in texts(holder.get("PatientOrientation")))
        if len(stated) == 2 and all(stated):
            return stated
    return ()


def only_number(header: Dataset, macro: str, *keywords: str) -> float | None:
    """The positive number that the image, or each of its frames in that sequence of its functional
    groups, states; None where they state several, or none."""
    holders = (header, *items_of_frames(header, macro, *OF_CONVERTED))
    found = {number((one,), *keywords) for one in holders} - {None}
    return found.pop() if len(found) == 1 else None


def _once(stated: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one for one in stated if one))


def why_not_of_kind(
    header: Dataset,
    modality: str,
    sop_classes: Collection[str],
    unusable_image_types: Mapping[str, str],
) -> str:
    """Why an image is none of those that a pipeline reads; empty where it is one.

    `unusable_image_types`: values of ImageType, and what a series with them is.
    """
    stated = str(header.get("Modality", ""))
    if stated != modality:
        if not stated:
            return because("modality_missing", wanted=modality)
        return because("modality", modality=stated, wanted=modality)
    sop_class = header.get("SOPClassUID")
    if sop_class not in sop_classes:
        kind = getattr(sop_class, "name", sop_class)
        return because("other_objects", kind=kind, modality=modality)
    for value in image_type(header):
        if value in unusable_image_types:
            text = "\\".join(image_type(header))
            return because("image_type", image_type=text, kind=unusable_image_types[value])
    return ""


def texts(value: object) -> tuple[str, ...]:
    """A value of one or several as texts; none where it is empty or missing."""
    if value is None or value == "" or isinstance(value, DatasetSequence):
        return ()
    if isinstance(value, MultiValue | list | tuple):
        return tuple(str(part) for part in value)
    return (str(value),)


def quoted(text: str) -> str:
    """A value for people: what is longer than the standard allows is cut, and its length named."""
    if len(text) <= _QUOTED_AT_MOST:
        return f"'{text}'"
    return f"'{text[:_QUOTED_AT_MOST].rstrip()}…' ({len(text)} characters)"
