"""Search parameters that several resources share."""

from collections.abc import Callable, Mapping
from typing import TypeVar
from urllib.parse import unquote

from api.fhir.search.parameters import SearchParameters, read_span
from api.fhir.search.references import by_reference
from api.fhir.search.tokens import read_token
from inference.fhir.subject import PATIENT_SYSTEM
from storage.db.conditions import Condition, TimeSpan, any_of, never
from storage.studies.conditions import has_patient_id_of, patient_id_is

SortKeyT = TypeVar("SortKeyT", bound=str)
Parameter = Callable[[str, str], Condition]
"""From the parameter's name and one of its alternatives."""


def conditions(asked: SearchParameters, known: Mapping[str, Parameter]) -> list[Condition]:
    """All that was asked, together; alternatives of one parameter hold singly."""
    return [any_of(*(known[name](name, value) for value in values)) for name, values in asked.given]


def patient_identifier(name: str, value: str) -> Condition:
    token = read_token(name, value)
    if token.system is None:
        return patient_id_is(token.code)
    issuer = issuer_of(token.system)
    if issuer is None:
        return never()
    return patient_id_is(token.code, issuer) if token.code else has_patient_id_of(issuer)


def issuer_of(system: str) -> str | None:
    """The issuer whose identifier system that is (`patient_system`); None: it is none of them."""
    if system == PATIENT_SYSTEM:
        return ""
    before, _, issuer = system.partition(f"{PATIENT_SYSTEM}:")
    return None if before or not issuer or "\0" in unquote(issuer) else unquote(issuer)


# The node is no register of patients: what stands for one's logical id is the PatientID.
by_patient = by_reference("Patient", "PatientID", patient_id_is)
PATIENT: dict[str, Parameter] = {
    "patient": by_patient,
    "subject": by_patient,
    "subject.identifier": patient_identifier,
    "patient.identifier": patient_identifier,
    "patient:identifier": patient_identifier,
    "subject:identifier": patient_identifier,
}


def order(asked: SearchParameters, sorts: Mapping[str, SortKeyT]) -> list[tuple[SortKeyT, bool]]:
    """What `_sort` asks for, in its order, each with whether it descends."""
    return [(sorts[key.removeprefix("-")], key.startswith("-")) for key in asked.sort]


def by_time(condition: Callable[[TimeSpan], Condition]) -> Parameter:
    """A date or time."""
    return lambda name, value: condition(read_span(name, value))


def by_text(condition: Callable[[str], Condition]) -> Parameter:
    return lambda _name, value: condition(value)


def by_study(condition: Callable[[str], Condition]) -> Parameter:
    """A reference to an ImagingStudy: `ImagingStudy/<uid>`, its URL here, or the UID alone."""
    return by_reference("ImagingStudy", "StudyInstanceUID", condition)
