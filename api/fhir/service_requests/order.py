"""A ServiceRequest as an item of the worklist: checked by `fhir.resources`, then as DICOM wants it.

The resource is checked against R4B (4.3.0), whose ServiceRequest is that of R4. What is missing or
wrong is named by its place; values are not repeated, since they may name a patient.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from api.errors import MISMATCH_TITLE, ApiProblem
from api.fhir.bodies import checked_resource, decoded_resource
from api.worklist.schemas import NewWorklistItem, to_attributes
from inference.fhir.subject import PATIENT_SYSTEM
from inference.fhir.types import DCM, DICOM_UID, code_system
from storage.core.accession_issuers import AccessionIssuer, issuer_of_system
from storage.core.ae_titles import ANY_STATION
from storage.settings import Settings
from storage.worklist.entities import WorklistState

if TYPE_CHECKING:
    from fhir.resources.R4B.servicerequest import ServiceRequest

_MAX_ELEMENTS = 5000
_STATES: Mapping[str, WorklistState] = {
    "active": "SCHEDULED",
    "completed": "COMPLETED",
    "revoked": "CANCELED",
    "entered-in-error": "CANCELED",
}
_INTENTS = frozenset({"order", "original-order", "reflex-order", "filler-order", "instance-order"})
_PRIORITIES = {"stat": "STAT", "asap": "HIGH", "urgent": "HIGH", "routine": "ROUTINE"}
_SEXES = {"male": "M", "female": "F", "other": "O"}
_NUMBERS = {
    "PlacerOrderNumberImagingServiceRequest": "PLAC",
    "FillerOrderNumberImagingServiceRequest": "FILL",
}
_LO_MAX_CHARACTERS = 64
_TO_THE_DAY = 10
_SCHEMES = {code_system(name): name for name in ("SCT", "LN", "DCM", "RADLEX")}
# Where a value comes from, for who is to correct it.
_PLACES = {
    "patient_name": "Patient.name",
    "patient_id": "Patient.identifier",
    "patient_birth_date": "Patient.birthDate",
    "accession_number": "ServiceRequest.identifier (ACSN)",
    "study_instance_uid": f"ServiceRequest.identifier ({DICOM_UID})",
    "requesting_physician": "ServiceRequest.requester",
    "requested_procedure_description": "ServiceRequest.code",
    "requested_procedure_code_sequence": "ServiceRequest.code",
    "reason_for_the_requested_procedure": "ServiceRequest.reasonCode",
    "requested_procedure_comments": "ServiceRequest.note",
    "scheduled_procedure_step_sequence": "ServiceRequest.orderDetail or occurrence",
}


@dataclass(frozen=True)
class Order:
    state: WorklistState
    accession_number: str
    accession_issuer: AccessionIssuer
    attributes: dict[str, Any]
    """Keywords and values as DICOM writes them."""
    stated_at: datetime | None
    """`meta.lastUpdated`: when the sender last changed it."""


def read_order(body: bytes, settings: Settings) -> tuple[Order, str]:
    """The order, and the resource's own id. Raises ApiProblem naming what is wrong."""
    resource = _checked(body)
    contained = {str(one.id): one for one in resource.contained or () if one.id}
    state = _state_of(resource)
    accession_number = _typed(resource.identifier, "ACSN")
    if not accession_number:
        raise _refused("ServiceRequest.identifier", "has no identifier of the type ACSN (v2-0203)")
    patient = _patient(resource, contained)
    patient_id, issuer = _patient_id(patient, settings)
    modality = _modality(resource)
    start = _start(resource)
    values = {
        "patient_name": _name(patient.name),
        "patient_id": patient_id,
        "issuer_of_patient_id": issuer,
        "patient_birth_date": _day(patient.birthDate),
        "patient_sex": _SEXES.get(patient.gender or "", ""),
        "accession_number": accession_number,
        "requesting_physician": _requester(resource, contained),
        "study_instance_uid": _study_uid(resource),
        "requested_procedure_description": _text(resource.code)[:64],
        "requested_procedure_code_sequence": _codes(resource.code),
        "requested_procedure_priority": _PRIORITIES.get(resource.priority or "", ""),
        "reason_for_the_requested_procedure": _text(_first(resource.reasonCode))[:64],
        "requested_procedure_comments": "\n".join(str(one.text) for one in resource.note or ()),
        "scheduled_procedure_step_sequence": [
            {
                "modality": modality,
                "scheduled_station_ae_title": ANY_STATION,
                "scheduled_procedure_step_location": _display(resource.locationReference)[:16],
                "scheduled_procedure_step_start_date": f"{start:%Y-%m-%d}",
                "scheduled_procedure_step_start_time": f"{start:%H:%M:%S}",
                "scheduled_procedure_step_description": _text(resource.code)[:64],
            }
        ],
    }
    given = {name: value for name, value in values.items() if value}
    stated = resource.meta.lastUpdated if resource.meta else None
    if isinstance(stated, datetime):
        stated = _in_own_zone(stated, "ServiceRequest.meta.lastUpdated")
    number_issuer = _issuer(resource.identifier)
    attributes = _as_dicom(given) | number_issuer.in_attributes() | _numbers(resource)
    return (
        Order(
            state,
            accession_number,
            number_issuer,
            attributes,
            stated if isinstance(stated, datetime) else None,
        ),
        str(resource.id or ""),
    )


def _checked(body: bytes) -> "ServiceRequest":
    # Half a second, which a node without orders by FHIR need not take.
    from fhir.resources.R4B.servicerequest import ServiceRequest

    decoded = decoded_resource(body, "ServiceRequest", _MAX_ELEMENTS, _refused)
    return checked_resource(ServiceRequest, decoded, "R4", _refused)


def _as_dicom(given: dict[str, Any]) -> dict[str, Any]:
    try:
        checked = NewWorklistItem.model_validate(given)
    except ValidationError as error:
        names = dict.fromkeys(str(one["loc"][0]) for one in error.errors() if one["loc"])
        places = ", ".join(_PLACES.get(name, name) for name in names)
        raise _refused(places, "is missing, or no value that DICOM takes") from error
    values = checked.model_dump(exclude_none=True, exclude_unset=True)
    return to_attributes({name: value for name, value in values.items() if value})


def _state_of(resource: "ServiceRequest") -> WorklistState:
    state = _STATES.get(str(resource.status))
    if state is None:
        raise _refused(
            "ServiceRequest.status", f"is none of those that are taken: {', '.join(_STATES)}"
        )
    if resource.intent not in _INTENTS:
        raise _refused(
            "ServiceRequest.intent",
            f"is not of an order; taken are {', '.join(sorted(_INTENTS))}",
        )
    return state


def _patient(resource: "ServiceRequest", contained: Mapping[str, Any]) -> Any:
    reference = str(resource.subject.reference or "") if resource.subject else ""
    found = contained.get(reference.removeprefix("#")) if reference.startswith("#") else None
    if found is None or found.get_resource_type() != "Patient":
        raise _refused(
            "ServiceRequest.subject",
            "does not refer to a contained Patient (#…), and the node has no other",
        )
    return found


def _patient_id(patient: Any, settings: Settings) -> tuple[str, str]:
    """The ID and its issuer: that of the type MR, else the first whose system is known."""
    identifiers = [one for one in patient.identifier or () if (one.value or "").strip()]
    if not identifiers:
        raise _refused("Patient.identifier", "is missing")
    ordered = sorted(identifiers, key=lambda one: not _has_type(one, "MR"))
    known = dict(settings.fhir_order_patient_systems)
    for one in ordered:
        system = str(one.system or "")
        if system in known:
            return one.value.strip(), known[system]
        if system in ("", PATIENT_SYSTEM):
            return one.value.strip(), ""
    raise _refused(
        "Patient.identifier",
        "is of a system that this node does not know",
        remedy="An operator adds the system to MEDIVIEW_FHIR_ORDER_PATIENT_SYSTEMS, with the"
        " issuer that images of these patients name.",
    )


def _modality(resource: "ServiceRequest") -> str:
    """A code of DCM in orderDetail, category or code: CT, MR and the like (PS3.16 CID 29)."""
    concepts = [*(resource.orderDetail or ()), *(resource.category or ())]
    if resource.code is not None:
        concepts.append(resource.code)
    for concept in concepts:
        for coding in concept.coding or ():
            if coding.system == DCM and coding.code:
                return str(coding.code).upper()
    raise _refused(
        "ServiceRequest.orderDetail", f"names no modality: a code of the system {DCM}, such as MR"
    )


def _start(resource: "ServiceRequest") -> datetime:
    """In the node's own zone, which the modalities have; today, where nothing is stated, as ORM."""
    period = resource.occurrencePeriod
    stated = resource.occurrenceDateTime or (period.start if period is not None else None)
    if isinstance(stated, datetime):
        return _in_own_zone(stated, "ServiceRequest.occurrence")
    if isinstance(stated, date):
        return datetime(stated.year, stated.month, stated.day)
    if stated is not None:
        raise _refused("ServiceRequest.occurrence", "is not stated to the day")
    today = date.today()
    return datetime(today.year, today.month, today.day)


def _in_own_zone(stated: datetime, place: str) -> datetime:
    try:
        return stated.astimezone()
    except OverflowError as error:
        raise _refused(place, "is not between the years 1 and 9999 here") from error


def _name(names: Iterable[Any] | None) -> str:
    """HumanName to PN (PS3.5 6.2.1): the official or first that has parts, else its text."""
    ordered = sorted(names or (), key=lambda one: one.use != "official")
    for one in ordered:
        given = [part for part in one.given or () if part]
        parts = (
            one.family or "",
            given[0] if given else "",
            " ".join(given[1:]),
            " ".join(one.prefix or ()),
            " ".join(one.suffix or ()),
        )
        written = "^".join(part.replace("^", " ").replace("=", " ") for part in parts).rstrip("^")
        if written:
            return written
        if one.text:
            return str(one.text).replace("^", " ").replace("=", " ")
    return ""


def _requester(resource: "ServiceRequest", contained: Mapping[str, Any]) -> str:
    if resource.requester is None:
        return ""
    reference = str(resource.requester.reference or "")
    found = contained.get(reference.removeprefix("#")) if reference.startswith("#") else None
    if found is not None and found.get_resource_type() == "Practitioner":
        return _name(found.name)
    return str(resource.requester.display or "").replace("^", " ").replace("=", " ")[:64]


def _study_uid(resource: "ServiceRequest") -> str:
    for one in resource.identifier or ():
        if one.system == DICOM_UID:
            return str(one.value or "").removeprefix("urn:oid:")
    return ""


def _numbers(resource: "ServiceRequest") -> dict[str, str]:
    """The numbers of who placed the order and of who fills it (LO)."""
    found = {}
    for keyword, code in _NUMBERS.items():
        number = _typed(resource.identifier, code)
        if len(number) > _LO_MAX_CHARACTERS or not number.isprintable() or "\\" in number:
            raise _refused(f"ServiceRequest.identifier ({code})", "is not a value that DICOM takes")
        if number:
            found[keyword] = number
    return found


def _codes(concept: Any) -> list[dict[str, str]]:
    found = []
    for coding in (concept.coding if concept is not None else None) or ():
        scheme = _SCHEMES.get(str(coding.system or ""))
        if scheme and coding.system != DCM and coding.code and len(coding.code) <= 16:
            meaning = str(coding.display or concept.text or coding.code)[:64]
            found.append(
                {
                    "code_value": coding.code,
                    "coding_scheme_designator": scheme,
                    "code_meaning": meaning,
                }
            )
    return found


def _text(concept: Any) -> str:
    if concept is None:
        return ""
    displays = [str(one.display) for one in concept.coding or () if one.display]
    return str(concept.text or (displays[0] if displays else ""))


def _typed(identifiers: Iterable[Any] | None, code: str) -> str:
    for one in identifiers or ():
        if _has_type(one, code) and (one.value or "").strip():
            return str(one.value).strip()
    return ""


def _issuer(identifiers: Iterable[Any] | None) -> AccessionIssuer:
    """Of the accession number."""
    found = (
        one for one in identifiers or () if _has_type(one, "ACSN") and (one.value or "").strip()
    )
    if (one := next(found, None)) is None:
        return AccessionIssuer()
    return issuer_of_system(str(one.system or ""), _assigner(one.assigner))


def _assigner(assigner: Any) -> str:
    if assigner is None:
        return ""
    named = assigner.identifier.value if assigner.identifier is not None else ""
    return str(assigner.display or named or "")


def _has_type(identifier: Any, code: str) -> bool:
    codings = (identifier.type.coding if identifier.type is not None else None) or ()
    return any(one.code == code for one in codings)


def _display(references: list[Any] | None) -> str:
    first = _first(references)
    return str(first.display or "") if first is not None else ""


def _first(given: list[Any] | None) -> Any:
    return given[0] if given else None


def _day(given: Any) -> str:
    """Only where it is known to the day: DA has no other dates."""
    return given.isoformat()[:_TO_THE_DAY] if isinstance(given, date) else ""


def _refused(place: str, what: str, *, remedy: str = "") -> ApiProblem:
    return ApiProblem(
        422,
        "validation_failed",
        f"{place} {what}.",
        title=MISMATCH_TITLE,
        remedy=remedy or "docs/fhir.md lists what an order must state.",
        extra={"issue": "business-rule"},
    )
