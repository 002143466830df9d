"""References from a result to the images it was made of."""

from collections.abc import Iterable

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag
from pydicom.valuerep import DSfloat, format_number_as_ds

from inference.imaging.attributes import tag_of
from inference.imaging.frames import is_multiframe
from inference.results.patient_and_study import FUNCTIONAL_GROUPS, REQUIRED, readable_element
from storage.core.uids import derive_uid

_LOSSY = (
    "LossyImageCompression",
    "LossyImageCompressionRatio",
    "LossyImageCompressionMethod",
)
_UIDS = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
# What highdicom reads of a source image, beside those and geometry.
_REFERENCE = (
    "Modality",
    "Rows",
    "Columns",
    "FrameOfReferenceUID",
    "PositionReferenceIndicator",
    "ImageType",
    "NumberOfFrames",
    "PatientPosition",
    *_LOSSY,
)
_REFERENCE_DECIMALS = (
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "SliceThickness",
    "SpacingBetweenSlices",
)
_DECIMAL_CHARACTERS = 16  # PS3.5 6.2
Alike = dict[tuple[BaseTag, tuple[object, ...]], DataElement]
"""Elements that several references have in common, by their values in the sources."""
_Elements = dict[BaseTag, DataElement | RawDataElement]
_EVIDENCE_TAGS = tuple(map(tag_of, _UIDS))
_REFERENCE_TAGS = tuple(map(tag_of, (*_UIDS, *_REFERENCE, *FUNCTIONAL_GROUPS)))
_LOSSY_TAGS = tuple(map(tag_of, _LOSSY))
_NUMBER_OF_FRAMES = tag_of("NumberOfFrames")
_REFERENCE_DECIMAL_TAGS = tuple(map(tag_of, _REFERENCE_DECIMALS))
_EMPTY = tuple(
    (tag := tag_of(keyword), dictionary_VR(tag)) for keyword in REQUIRED if keyword not in _UIDS
)


def reference_to(source: Dataset, alike: Alike | None = None) -> Dataset:
    """The few attributes by which an encoder refers to a source image.

    Decimal strings are written again where they exceed the 16 characters that the standard
    allows. Patient and study stay empty: `inherit_patient_and_study` sets them in the result.
    `alike`, empty at first, is handed from image to image: what is written again and is the same
    in all of them is one element.
    """
    alike = {} if alike is None else alike
    elements = _shared(source, _REFERENCE_TAGS)
    for tag in _LOSSY_TAGS:
        element = readable_element(source, tag)
        if element is not None and element.is_empty:
            del elements[tag]
    if not is_multiframe(source):
        elements.pop(_NUMBER_OF_FRAMES, None)
    for tag in _REFERENCE_DECIMAL_TAGS:
        element = readable_element(source, tag)
        if element is None or element.is_empty:
            continue
        elements[tag] = element if _is_short(element) else _written_again(element, alike)
    for tag, vr in _EMPTY:
        if (tag, ()) not in alike:
            alike[tag, ()] = DataElement(tag, vr, None)
        elements[tag] = alike[tag, ()]
    reference = Dataset(elements)
    if not reference.get("FrameOfReferenceUID"):
        # A mask has to name one (PS3.3 C.7.4.1): the one of this series alone.
        series = str(reference.get("SeriesInstanceUID", ""))
        reference.FrameOfReferenceUID = derive_uid("frame-of-reference", series)
    return reference


def _written_again(element: DataElement, alike: Alike) -> DataElement:
    value = element.value
    values = tuple(value) if isinstance(value, MultiValue) else (value,)
    known = alike.get((element.tag, values))
    if known is None:
        known = DataElement(element.tag, "DS", shortened(value))
        alike[element.tag, values] = known
    return known


def evidence_of(source: Dataset) -> Dataset:
    """The UIDs alone: all that a report needs of each image beside its first."""
    return Dataset(_shared(source, _EVIDENCE_TAGS))


def shortened(value: object) -> str | list[str]:
    """Numbers as decimal strings of 16 characters at most (PS3.5 6.2)."""
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [format_number_as_ds(float(part)) for part in value]
    return format_number_as_ds(float(value))  # type: ignore[arg-type]  # DS: pydicom types it as Any


def integer_of(source: Dataset, keyword: str) -> int | None:
    """A whole number of the source, or None where it is absent or not one."""
    try:
        return int(source.get(keyword))
    except (TypeError, ValueError):
        return None


def _shared(source: Dataset, tags: Iterable[BaseTag]) -> _Elements:
    """Elements of the source as they are, for a data set that is made of all at once: pydicom
    looks closely at each that is put into one by itself, and a result has hundreds of sources.
    """
    found = ((tag, readable_element(source, tag)) for tag in tags)
    return {tag: element for tag, element in found if element is not None}


def _is_short(element: DataElement) -> bool:
    """Whether a decimal string stands as it should, so that it can be taken over as it is."""
    values = element.value if isinstance(element.value, MultiValue) else (element.value,)
    return all(
        isinstance(value, DSfloat)
        and 0 < len(getattr(value, "original_string", "")) <= _DECIMAL_CHARACTERS
        for value in values
    )
