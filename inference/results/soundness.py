"""What a faulty header would make faulty in a result: completed where not stated, or left out.

By PS3.3 C.7.1.1, C.7.1.3, C.7.2.1, C.7.2.2 and C.7.2.3.
"""

from collections.abc import Sequence

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

_REFERENCE = ("ReferencedSOPClassUID", "ReferencedSOPInstanceUID")
_PERSON = ("PersonIdentificationCodeSequence", "InstitutionName|InstitutionCodeSequence")
_ISSUER = ("LocalNamespaceEntityID|UniversalEntityID",)
# What each item has to hold; of names with a bar between them, one is enough.
_NEEDED = {
    "ReferencedStudySequence": _REFERENCE,
    "ReferencedPatientSequence": _REFERENCE,
    "OtherPatientIDsSequence": ("PatientID", "TypeOfPatientID"),
    "PhysiciansOfRecordIdentificationSequence": _PERSON,
    "ReferringPhysicianIdentificationSequence": _PERSON,
    "IssuerOfAccessionNumberSequence": _ISSUER,
    "IssuerOfAdmissionIDSequence": _ISSUER,
}
_CODE = (
    "CodeValue|LongCodeValue|URNCodeValue",
    "CodingSchemeDesignator|URNCodeValue",
    "CodeMeaning",
)
# Of animals (Type 2C): empty ones say that nothing is known.
_MAY_BE_EMPTY = ("PatientBreedCodeSequence", "BreedRegistrationSequence")
_ENUMERATED: dict[str, tuple[str | int, ...]] = {
    "PatientIdentityRemoved": ("YES", "NO"),
    "QualityControlSubject": ("YES", "NO"),
    "PatientSexNeutered": ("ALTERED", "UNALTERED"),
    "SmokingStatus": ("YES", "NO", "UNKNOWN"),
    "PregnancyStatus": (1, 2, 3, 4),
}
_TRIAL = ("ClinicalTrialSponsorName", "ClinicalTrialProtocolID")
_TRIAL_SUBJECT = ("ClinicalTrialSubjectID", "ClinicalTrialSubjectReadingID")
_TRIAL_TYPE_2 = ("ClinicalTrialProtocolName", "ClinicalTrialSiteID", "ClinicalTrialSiteName")
_METHODS = "DeidentificationMethod|DeidentificationMethodCodeSequence"


def make_sound(taken: Dataset) -> None:
    """Mend the attributes of patient and study that a result takes over."""
    for keyword, allowed in _ENUMERATED.items():
        if not _is_absent(taken, keyword) and taken[keyword].value not in allowed:
            del taken[keyword]
    for element in list(taken):
        if element.VR == "SQ" and not _is_sound(element):
            del taken[element.tag]
    if taken.get("PatientIdentityRemoved") == "YES" and not _has(taken, _METHODS):
        # Type 1C. That identity was removed is kept, though nobody says how.
        taken.DeidentificationMethod = "Not stated"
    _complete_trial(taken)


def _complete_trial(taken: Dataset) -> None:
    """All of a clinical trial that is required, or nothing of it."""
    if all(_has(taken, names) for names in (*_TRIAL, "|".join(_TRIAL_SUBJECT))):
        for keyword in _TRIAL_TYPE_2:
            if keyword not in taken:
                setattr(taken, keyword, None)
    else:
        for keyword in (*_TRIAL, *_TRIAL_SUBJECT, *_TRIAL_TYPE_2):
            if keyword in taken:
                del taken[keyword]
    if "ClinicalTrialTimePointDescription" in taken and "ClinicalTrialTimePointID" not in taken:
        taken.ClinicalTrialTimePointID = None


def _is_sound(sequence: DataElement) -> bool:
    try:
        return _is_whole(sequence.keyword, sequence.value)
    except (ValueError, TypeError, NotImplementedError):
        return False  # not readable in its own value representation


def _is_whole(keyword: str, items: Sequence[Dataset]) -> bool:
    """Whether every item says what it has to say, and those within it."""
    if not items:
        return keyword in _MAY_BE_EMPTY
    needed = _CODE if keyword.endswith("CodeSequence") else _NEEDED.get(keyword, ())
    return all(
        len(item) > 0
        and all(_has(item, names) for names in needed)
        and all(_is_whole(one.keyword, one.value) for one in item if one.VR == "SQ" and one.value)
        for item in items
    )


def _has(item: Dataset, names: str) -> bool:
    return any(not _is_absent(item, keyword) for keyword in names.split("|"))


def _is_absent(item: Dataset, keyword: str) -> bool:
    return keyword not in item or item[keyword].is_empty
