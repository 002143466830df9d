"""Patient and study of the images a result was made of, taken over into it."""

import copy
from collections.abc import Iterator

import pydicom.config
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag
from pydicom.valuerep import DSfloat, validate_value

from dicom_node.network.data_sets import UNICODE, own_encoding
from inference.imaging.attributes import element_of, tag_of
from inference.results.soundness import make_sound

# PS3.3 C.7.1.1, C.7.1.3, C.7.2.1, C.7.2.2, C.7.2.3, and the character set and time zone of
# C.12.1.1, in which the others are to be understood.
REQUIRED = (
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
INHERITED = frozenset({*REQUIRED, *_OPTIONAL})
# Type 1C (PS3.3 C.12.1, C.7.6.1): an empty one says what an absent one says.
_NEVER_EMPTY = ("SpecificCharacterSet",)
_TEXT_VRS = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
FUNCTIONAL_GROUPS = (
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    "DimensionIndexSequence",
    "DimensionOrganizationSequence",
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
    for keyword in (*REQUIRED, *_OPTIONAL):
        if keyword in result:
            delattr(result, keyword)
    for keyword in _OPTIONAL:
        element = readable_element(source, tag_of(keyword))
        if element is not None and element.is_empty and keyword in _NEVER_EMPTY:
            continue
        if element is not None and _is_valid(element):
            taken[element.tag] = copy.deepcopy(element)
    make_sound(taken)
    result.update(taken)
    for keyword in REQUIRED:
        element = readable_element(source, tag_of(keyword))
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
            if element.keyword not in FUNCTIONAL_GROUPS:
                for item in element.value:
                    yield from _texts(item)
        elif element.VR in _TEXT_VRS and element.value:
            yield str(element.value)


def readable_element(source: Dataset, tag: BaseTag) -> DataElement | None:
    """None where it is absent or not readable in its own value representation."""
    try:
        return element_of(source, tag)
    except (ValueError, TypeError, NotImplementedError):
        return None


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
