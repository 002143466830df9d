"""How what a rule of routing sends leaves: when, with which attributes, in which syntax."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.uid import (
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGLSLossless,
)

from inference.rules.conditions import Strict, as_list
from inference.rules.hours_field import HoursField

TransferSyntaxWord = Literal[
    "explicit-little-endian", "jpeg-2000-lossless", "htj2k-lossless", "jpeg-ls-lossless"
]
TRANSFER_SYNTAXES: Mapping[TransferSyntaxWord, str] = {
    "explicit-little-endian": str(ExplicitVRLittleEndian),
    "jpeg-2000-lossless": str(JPEG2000Lossless),
    "htj2k-lossless": str(HTJ2KLossless),
    "jpeg-ls-lossless": str(JPEGLSLossless),
}
"""All keep every pixel as it is."""

EMPTIED = frozenset({"AccessionNumber", "ReferringPhysicianName", "StudyID", "BodyPartExamined"})
"""Type 2 somewhere: removing one leaves it without a value (PS3.5 7.4.3)."""
COERCED = EMPTIED | frozenset(
    {
        "AdmittingDiagnosesDescription",
        "AdmissionID",
        "AdditionalPatientHistory",
        "CurrentPatientLocation",
        "DeviceSerialNumber",
        "EthnicGroup",
        "ImageComments",
        "InstitutionAddress",
        "InstitutionName",
        "InstitutionalDepartmentName",
        "IssuerOfPatientID",
        "NameOfPhysiciansReadingStudy",
        "Occupation",
        "OperatorsName",
        "OtherPatientIDs",
        "OtherPatientNames",
        "PatientAddress",
        "PatientComments",
        "PatientMotherBirthName",
        "PatientState",
        "PatientTelephoneNumbers",
        "PerformedProcedureStepDescription",
        "PerformingPhysicianName",
        "PhysiciansOfRecord",
        "ProtocolName",
        "ReferringPhysicianAddress",
        "ReferringPhysicianTelephoneNumbers",
        "RequestedProcedureDescription",
        "RequestingPhysician",
        "RequestingService",
        "SeriesDescription",
        "StationName",
        "StudyComments",
        "StudyDescription",
    }
)
"""What a rule may change: text about circumstances. Neither who the patient is, nor a UID, nor
what an image shows or what to beware of."""
_LONGEST = {"CS": 16, "SH": 16, "LO": 64, "PN": 64, "ST": 1024}
_LONGEST_TEXT = 10_240


class SendingTerms(Strict):
    """Fields of a rule that sends."""

    hours: HoursField | None = None
    """When it sends, by the node's clock; absent: always."""
    set: dict[str, str] = Field(default_factory=dict, max_length=50)
    """Attributes that get another value on the way, by keyword."""
    remove: Annotated[tuple[str, ...], BeforeValidator(as_list)] = Field((), max_length=50)
    """Keywords of attributes that do not go along."""
    transfer_syntax: TransferSyntaxWord | None = None
    """In which images leave where they can be written so; absent: as they are stored."""

    @model_validator(mode="after")
    def _coercible(self) -> Self:
        for keyword in (*self.set, *self.remove):
            if keyword not in COERCED:
                raise ValueError(
                    f"'{keyword}' is not an attribute that a rule changes;"
                    f" use {', '.join(sorted(COERCED))}"
                )
        both = sorted(frozenset(self.set).intersection(self.remove))
        if both:
            raise ValueError(f"{both[0]} is both set and removed")
        for keyword, text in self.set.items():
            _check_value(keyword, text)
        return self

    def in_words(self) -> list[str]:
        """What it says beyond where to, for people."""
        found = []
        if self.hours is not None:
            found.append(f"sends in these hours: {self.hours.text}")
        if self.set:
            found.append(f"sets {', '.join(self.set)}")
        if self.remove:
            found.append(f"removes {', '.join(self.remove)}")
        if self.transfer_syntax is not None:
            found.append(f"writes images as {self.transfer_syntax}")
        return found

    @property
    def coerces(self) -> bool:
        return bool(self.set or self.remove)


def _check_value(keyword: str, text: str) -> None:
    vr = dictionary_VR(tag_for_keyword(keyword) or 0)
    longest = _LONGEST.get(vr, _LONGEST_TEXT)
    if not text or len(text) > longest:
        raise ValueError(
            f"the value of {keyword} has {len(text)} characters; 1 to {longest} are allowed"
            " (PS3.5 6.2). Use remove for none"
        )
    controls = any(ord(one) < 32 for one in text)
    if controls or (vr not in ("LT", "ST", "UT") and "\\" in text):
        raise ValueError(f"the value of {keyword} has a backslash or a control character")
    if vr == "CS" and not all(
        one.isascii() and (one.isupper() or one.isdigit() or one in " _") for one in text
    ):
        raise ValueError(f"the value of {keyword} has other than capital letters, digits, space, _")
