"""Data types of FHIR R4 (hl7.org/fhir/R4/datatypes.html), as far as the node uses them.

Attributes are snake_case here and camelCase on the wire. FHIR knows no empty lists:
what has no value is None, and is left out.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from storage.core.text.outside_text import written_text

ItemT = TypeVar("ItemT")

DICOM_UID = "urn:dicom:uid"
DCM = "http://dicom.nema.org/resources/ontology/DCM"
UCUM = "http://unitsofmeasure.org"
OWN = "urn:mediview"
"""Namespace of identifiers and codes that are the node's own."""
_CODE_SYSTEMS = {
    "SCT": "http://snomed.info/sct",
    "SRT": "http://snomed.info/srt",
    "LN": "http://loinc.org",
    "DCM": DCM,
    "UCUM": UCUM,
    "RADLEX": "http://www.radlex.org",
    "FMA": "http://purl.org/sig/ont/fma",
}


class FhirModel(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, extra="forbid"
    )

    def to_json(self) -> dict[str, Any]:
        """Without characters that FHIR's strings exclude (R4 datatypes, string), and none of
        direction, whatever a header, a model or another system wrote."""
        return {
            name: _cleaned(value)
            for name, value in self.model_dump(
                mode="json", by_alias=True, exclude_none=True
            ).items()
        }


_UNREADABLE = "\N{REPLACEMENT CHARACTER}"


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        written = written_text(value, lines=True)
        # FHIR has no string without a character to see (R4 2.24.0.1).
        return written if written.strip() or not value else _UNREADABLE
    if isinstance(value, dict):
        return {name: _cleaned(one) for name, one in value.items()}
    return [_cleaned(one) for one in value] if isinstance(value, list) else value


class Coding(FhirModel):
    system: str | None = None
    version: str | None = None
    code: str | None = None
    display: str | None = None


class CodeableConcept(FhirModel):
    coding: list[Coding] | None = None
    text: str | None = None


class Period(FhirModel):
    start: datetime | None = None
    end: datetime | None = None


class Identifier(FhirModel):
    use: str | None = None
    type: CodeableConcept | None = None
    system: str | None = None
    value: str | None = None
    assigner: "Reference | None" = None


class Reference(FhirModel):
    reference: str | None = None
    type: str | None = None
    identifier: Identifier | None = None
    display: str | None = None


class Extension(FhirModel):
    url: str
    value_code: str


class Quantity(FhirModel):
    value: float | None = None
    comparator: Literal["<", ">"] | None = None
    unit: str | None = None
    system: str | None = None
    code: str | None = None


class Range(FhirModel):
    low: Quantity | None = None
    high: Quantity | None = None


class Annotation(FhirModel):
    author_string: str | None = None
    time: datetime | None = None
    text: str


class Attachment(FhirModel):
    content_type: str | None = None
    language: str | None = None
    data: str | None = None
    url: str | None = None
    title: str | None = None
    creation: datetime | None = None


class Meta(FhirModel):
    version_id: str
    last_updated: datetime
    tag: list[Coding] | None = None


class Narrative(FhirModel):
    status: str = Field(examples=["generated"])
    div: str


def code_system(scheme_designator: str) -> str:
    """The URI by which FHIR knows a DICOM coding scheme (PS3.16 Table 8-1)."""
    return _CODE_SYSTEMS.get(scheme_designator, f"{OWN}:code-system:{scheme_designator or 'none'}")


def concept(value: str, scheme_designator: str, meaning: str) -> CodeableConcept:
    coding = Coding(
        system=code_system(scheme_designator), code=value or None, display=meaning or None
    )
    return CodeableConcept(coding=[coding], text=meaning or None)


def plain(text: str) -> CodeableConcept:
    return CodeableConcept(text=text)


def uid_identifier(uid: str) -> Identifier:
    """A DICOM UID as FHIR writes it (hl7.org/fhir/R4/imagingstudy.html#notes)."""
    return Identifier(use="official", system=DICOM_UID, value=f"urn:oid:{uid}")


def some(items: Iterable[ItemT]) -> list[ItemT] | None:
    """The items, None where there are none."""
    return list(items) or None


def meta(last_updated: datetime, *tags: Coding) -> Meta:
    """The version is the time of the last change: it moves whenever that does."""
    return Meta(
        version_id=str(int(last_updated.timestamp() * 1_000_000)),
        last_updated=last_updated,
        tag=some(tags),
    )
