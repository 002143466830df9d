"""What a result takes over from the images it was made of."""

import copy
from collections.abc import Iterable, Iterator

import pydicom.config
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag
from pydicom.valuerep import DSfloat, format_number_as_ds, validate_value

from dicom_node.network.data_sets import UNICODE, own_encoding
from inference.imaging.attributes import element_of, tag_of
from inference.imaging.frames import is_multiframe
from inference.results.soundness import make_sound
from storage.core.uids import derive_uid

# PS3.3 C.7.1.1, C.7.1.3, C.7.2.1, C.7.2.2, C.7.2.3, and the character set and time zone of
# C.12.1.1, in which the others are to be understood.
_REQUIRED = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyInstanceUID",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
    "StudyID",
    "AccessionNumber",
)
_OPTIONAL = (
    "SpecificCharacterSet",
    "TimezoneOffsetFromUTC",
    "IssuerOfPatientID",
    "IssuerOfPatientIDQualifiersSequence",
    "TypeOfPatientID",
    "PatientBirthTime",
    "PatientBirthName",
    "OtherPatientIDsSequence",
    "OtherPatientNames",
    "ReferencedPatientPhotoSequence",
    "ReferencedPatientSequence",
    "EthnicGroup",
    "PatientComments",
    "QualityControlSubject",
    "PatientSpeciesDescription",
    "PatientSpeciesCodeSequence",
    "PatientBreedDescription",
    "PatientBreedCodeSequence",
    "BreedRegistrationSequence",
    "ResponsiblePerson",
    "ResponsiblePersonRole",
    "ResponsibleOrganization",
    "PatientIdentityRemoved",
    "DeidentificationMethod",
    "DeidentificationMethodCodeSequence",
    "ClinicalTrialSponsorName",
    "ClinicalTrialProtocolID",
    "ClinicalTrialProtocolName",
    "ClinicalTrialSiteID",
    "ClinicalTrialSiteName",
    "ClinicalTrialSubjectID",
    "ClinicalTrialSubjectReadingID",
    "ClinicalTrialTimePointID",
    "ClinicalTrialTimePointDescription",
    "StudyDescription",
    "PhysiciansOfRecord",
    "PhysiciansOfRecordIdentificationSequence",
    "NameOfPhysiciansReadingStudy",
    "ReferringPhysicianIdentificationSequence",
    "ConsultingPhysicianName",
    "IssuerOfAccessionNumberSequence",
    "ReferencedStudySequence",
    "ProcedureCodeSequence",
    "AdmittingDiagnosesDescription",
    "AdmittingDiagnosesCodeSequence",
    "PatientAge",
    "PatientSize",
    "PatientWeight",
    "PatientBodyMassIndex",
    "MedicalAlerts",
    "Allergies",
    "SmokingStatus",
    "PregnancyStatus",
    "LastMenstrualDate",
    "PatientState",
    "Occupation",
    "AdditionalPatientHistory",
    "AdmissionID",
    "IssuerOfAdmissionIDSequence",
    "PatientSexNeutered",
)
# Type 1C (PS3.3 C.12.1, C.7.6.1): an empty one says what an absent one says.
_NEVER_EMPTY = ("SpecificCharacterSet",)
_TEXT_VRS = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
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
_FUNCTIONAL_GROUPS = (
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    "DimensionIndexSequence",
    "DimensionOrganizationSequence",
)
Alike = dict[tuple[BaseTag, tuple[object, ...]], DataElement]
"""Elements that several references have in common, by their values in the sources."""
_Elements = dict[BaseTag, DataElement | RawDataElement]
_EVIDENCE_TAGS = tuple(map(tag_of, _UIDS))
_REFERENCE_TAGS = tuple(map(tag_of, (*_UIDS, *_REFERENCE, *_FUNCTIONAL_GROUPS)))
_LOSSY_TAGS = tuple(map(tag_of, _LOSSY))
_NUMBER_OF_FRAMES = tag_of("NumberOfFrames")
_REFERENCE_DECIMAL_TAGS = tuple(map(tag_of, _REFERENCE_DECIMALS))
_EMPTY = tuple(
    (tag := tag_of(keyword), dictionary_VR(tag)) for keyword in _REQUIRED if keyword not in _UIDS
)


def inherit_patient_and_study(result: Dataset, source: Dataset) -> None:
    """Take patient and study over exactly, in the character set that they are written in.

    A set with code extensions, or one that lacks a character of the result, becomes UTF-8: the
    text is the same, and every reader decodes it alike. What identifies is copied whatever it
    says; an absent one that the standard requires becomes empty. Other attributes are left out
    where their value is against the standard or lacks what it requires, since a result that
    carries it would be invalid itself.
    """
    taken = Dataset()
    for keyword in (*_REQUIRED, *_OPTIONAL):
        if keyword in result:
            delattr(result, keyword)
    for keyword in _OPTIONAL:
        element = _element(source, tag_of(keyword))
        if element is not None and element.is_empty and keyword in _NEVER_EMPTY:
            continue
        if element is not None and _is_valid(element):
            taken[element.tag] = copy.deepcopy(element)
    make_sound(taken)
    result.update(taken)
    for keyword in _REQUIRED:
        element = _element(source, tag_of(keyword))
        if element is None:
            setattr(result, keyword, None)
        else:
            result[element.tag] = copy.deepcopy(element)
    if not _can_be_written(result, character_set_of(result)):
        result.SpecificCharacterSet = UNICODE


def character_set_of(dataset: Dataset) -> str:
    """The Specific Character Set as it stands in the element, "" where it is absent."""
    named = dataset.get("SpecificCharacterSet") or ""
    return named if isinstance(named, str) else "\\".join(named)


def shown_name(name: object) -> str:
    """A person name for people: its groups beside each other, "" for none.

    The alphabetic group is first; the ideographic one is how the person writes the name.
    """
    groups = str(name or "").split("=")[:2]
    shown = [" ".join(group.replace("^", " ").split()) for group in groups]
    return " ".join(f"({one})" if index else one for index, one in enumerate(shown) if one)


def _can_be_written(result: Dataset, character_set: str) -> bool:
    """Whether the set has all characters of the text, without escape sequences."""
    texts = list(_texts(result))
    if all(map(str.isascii, texts)):
        return True
    encoding = own_encoding(character_set)
    try:
        return bool(encoding) and all(text.encode(encoding) is not None for text in texts)
    except UnicodeEncodeError:
        return False


def _texts(dataset: Dataset) -> Iterator[str]:
    """All text but that of the functional groups, which is codes alone and stands in thousands."""
    for element in dataset:
        if element.VR == "SQ":
            if element.keyword not in _FUNCTIONAL_GROUPS:
                for item in element.value:
                    yield from _texts(item)
        elif element.VR in _TEXT_VRS and element.value:
            yield str(element.value)


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
        element = _element(source, tag)
        if element is not None and element.is_empty:
            del elements[tag]
    if not is_multiframe(source):
        elements.pop(_NUMBER_OF_FRAMES, None)
    for tag in _REFERENCE_DECIMAL_TAGS:
        element = _element(source, tag)
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


def _element(source: Dataset, tag: BaseTag) -> DataElement | None:
    try:
        return element_of(source, tag)
    except (ValueError, TypeError, NotImplementedError):
        return None  # not readable in its own value representation


def _shared(source: Dataset, tags: Iterable[BaseTag]) -> _Elements:
    """Elements of the source as they are, for a data set that is made of all at once: pydicom
    looks closely at each that is put into one by itself, and a result has hundreds of sources.
    """
    found = ((tag, _element(source, tag)) for tag in tags)
    return {tag: element for tag, element in found if element is not None}


def _is_short(element: DataElement) -> bool:
    """Whether a decimal string stands as it should, so that it can be taken over as it is."""
    values = element.value if isinstance(element.value, MultiValue) else (element.value,)
    return all(
        isinstance(value, DSfloat)
        and 0 < len(getattr(value, "original_string", "")) <= _DECIMAL_CHARACTERS
        for value in values
    )


def _is_valid(element: DataElement) -> bool:
    if element.VR == "SQ" or element.is_empty:
        return True
    values = element.value if element.VM > 1 else [element.value]
    for value in values:
        text: object = value
        if isinstance(value, DSfloat):
            text = value.original_string if hasattr(value, "original_string") else str(value)
        try:
            validate_value(element.VR, text, pydicom.config.RAISE)
        except ValueError:
            return False
    return True
