"""Search parameters that several resources share."""

from collections.abc import Callable, Mapping
from typing import TypeVar
from urllib.parse import quote, unquote

from api.errors import ApiProblem
from api.fhir.parameters import SearchParameters, read_span, read_token
from api.fhir.types import OWN
from storage.db.conditions import Condition, TimeSpan, always, any_of, never
from storage.studies.conditions import patient_id_is

SortKeyT = TypeVar("SortKeyT", bound=str)
Parameter = Callable[[str, str], Condition]
"""From the parameter's name and one of its alternatives."""

PATIENT_SYSTEM = f"{OWN}:patient-id"


def conditions(asked: SearchParameters, known: Mapping[str, Parameter]) -> list[Condition]:
    """All that was asked, together; alternatives of one parameter hold singly."""
    return [any_of(*(known[name](name, value) for value in values)) for name, values in asked.given]


def patient_system(issuer_of_patient_id: str) -> str:
    """The identifier system of patient ids of one issuer."""
    if not issuer_of_patient_id:
        return PATIENT_SYSTEM
    return f"{PATIENT_SYSTEM}:{quote(issuer_of_patient_id, safe='')}"


def patient_identifier(name: str, value: str) -> Condition:
    token = read_token(value)
    if not token.system:
        return patient_id_is(token.code)
    if token.system == PATIENT_SYSTEM:
        return patient_id_is(token.code, "")
    if token.system.startswith(f"{PATIENT_SYSTEM}:"):
        issuer = unquote(token.system.removeprefix(f"{PATIENT_SYSTEM}:"))
        return never() if "\0" in issuer else patient_id_is(token.code, issuer)
    return never()


def by_patient(name: str, value: str) -> Condition:
    """A reference to a patient. The node is no register of patients: what stands for one's
    logical id is the PatientID."""
    before, _, patient_id = value.rpartition("/")
    if before and before.rpartition("/")[2] != "Patient":
        raise ApiProblem(
            400,
            "search_refused",
            f"'{name}' takes a Patient.",
            remedy="Write Patient/<PatientID>, or use patient.identifier=<system>|<PatientID>.",
            extra={"issue": "invalid"},
        )
    return patient_id_is(patient_id)


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


def by_fixed(*codes: str) -> Parameter:
    """A code that every row has; the system is not looked at."""

    def condition(name: str, value: str) -> Condition:
        return always() if read_token(value).code in codes else never()

    return condition


def by_study(condition: Callable[[str], Condition]) -> Parameter:
    """A reference to an ImagingStudy: `ImagingStudy/<uid>`, its URL, or the UID alone."""

    def parameter(name: str, value: str) -> Condition:
        before, _, uid = value.rpartition("/")
        if before and before.rpartition("/")[2] != "ImagingStudy":
            raise ApiProblem(
                400,
                "search_refused",
                f"'{name}' takes an ImagingStudy.",
                remedy="Write ImagingStudy/<StudyInstanceUID>.",
                extra={"issue": "invalid"},
            )
        return condition(uid)

    return parameter
