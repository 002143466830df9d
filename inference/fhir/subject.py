"""Who a resource is about. The node is no register of patients, so each is contained."""

from urllib.parse import quote

from inference.fhir.resources import HumanName, Patient
from inference.fhir.types import (
    OWN,
    CodeableConcept,
    Coding,
    Extension,
    Identifier,
    Reference,
    some,
)
from storage.core.accession_issuers import AccessionIssuer
from storage.core.entities import Study
from storage.core.patient_sex import sex_of
from storage.core.text.dicom_values import dicom_date

PATIENT_SYSTEM = f"{OWN}:patient-id"
_GENDER = {"M": "male", "F": "female", "O": "other"}
_REPRESENTATION = "http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation"
_ALPHABETIC = "ABC"
_FORMS = (_ALPHABETIC, "IDE", "SYL")
_MR = CodeableConcept(
    coding=[
        Coding(
            system="http://terminology.hl7.org/CodeSystem/v2-0203",
            code="MR",
            display="Medical record number",
        )
    ]
)
_ACSN = CodeableConcept(
    coding=[
        Coding(
            system="http://terminology.hl7.org/CodeSystem/v2-0203",
            code="ACSN",
            display="Accession ID",
        )
    ]
)


def patient_system(issuer_of_patient_id: str) -> str:
    """The identifier system of patient ids of one issuer."""
    if not issuer_of_patient_id:
        return PATIENT_SYSTEM
    return f"{PATIENT_SYSTEM}:{quote(issuer_of_patient_id, safe='')}"


def patient_of(study: Study) -> Patient:
    born = dicom_date(study.patient_birth_date)
    return Patient(
        id="patient",
        identifier=some(_identifiers(study)),
        name=some(_names(study.patient_name)),
        gender=_GENDER.get(sex_of(study.patient_sex)),
        birth_date=born.isoformat() if born else None,
    )


def subject_of(study: Study) -> Reference:
    """The contained patient, and the identifier by which others know him."""
    identifiers = _identifiers(study)
    return Reference(
        reference="#patient",
        type="Patient",
        identifier=identifiers[0] if identifiers else None,
    )


def order_of(study: Study) -> list[Reference] | None:
    """The order, by its accession number."""
    if not study.accession_number.strip():
        return None
    return [Reference(type="ServiceRequest", identifier=accession_of(study))]


def accession_issuer_of(study: Study) -> AccessionIssuer:
    return AccessionIssuer(study.accession_number_namespace, study.accession_number_system)


def accession_of(study: Study) -> Identifier:
    issuer = accession_issuer_of(study)
    return Identifier(
        type=_ACSN,
        system=issuer.fhir_system or None,
        value=study.accession_number.strip(),
        assigner=Reference(display=issuer.namespace) if issuer.namespace else None,
    )


def started(date: str, time: str = "") -> str | None:
    """A DICOM date as FHIR's: without the time, whose zone nobody names."""
    del time
    day = dicom_date(date)
    return day.isoformat() if day else None


def _identifiers(study: Study) -> list[Identifier]:
    if not study.patient_id.strip():
        return []
    return [
        Identifier(
            type=_MR,
            system=patient_system(study.issuer_of_patient_id),
            value=study.patient_id,
        )
    ]


def _names(patient_name: str) -> list[HumanName]:
    """Each component group (PS3.5 6.2.1.2): alphabetic, ideographic, phonetic."""
    groups = patient_name.split("=")
    named = [_name(group, form) for group, form in zip(groups, _FORMS, strict=False)]
    found = [one for one in named if one is not None]
    if len(groups) > 1:
        return found
    # One alone is what everybody expects, and needs no mark.
    return [one.model_copy(update={"extension": None}) for one in found]


def _name(group: str, form: str) -> HumanName | None:
    if not group.strip("^ "):
        return None
    parts = [part.strip() for part in [*group.split("^"), "", "", "", ""]]
    family, given, middle, prefix, suffix = parts[:5]
    # Where names are written in ideographs, the family stands first.
    spoken = (prefix, given, middle, family, suffix)
    written = spoken if form == _ALPHABETIC else (family, given, middle)
    return HumanName(
        text=" ".join(part for part in written if part) or None,
        family=family or None,
        given=some(part for part in (given, middle) if part),
        prefix=some(part for part in (prefix,) if part),
        suffix=some(part for part in (suffix,) if part),
        extension=[Extension(url=_REPRESENTATION, value_code=form)],
    )
