"""Search parameters that several resources share, as conditions over the tables."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, unquote

from sqlalchemy import ColumnElement, and_, false, or_

from api.errors import ApiProblem
from api.fhir.parameters import SearchParameters, Span, read_span, read_token
from api.fhir.types import OWN
from storage import tables as t

Condition = ColumnElement[bool]
Parameter = Callable[[str, str], Condition]
"""From the parameter's name and one of its alternatives."""

PATIENT_SYSTEM = f"{OWN}:patient-id"


def conditions(asked: SearchParameters, known: Mapping[str, Parameter]) -> list[Condition]:
    """All that was asked, together; alternatives of one parameter hold singly."""
    return [
        or_(*(known[name](name, value) for value in values)) if values else false()
        for name, values in asked.given
    ]


def patient_system(issuer_of_patient_id: str) -> str:
    """The identifier system of patient ids of one issuer."""
    if not issuer_of_patient_id:
        return PATIENT_SYSTEM
    return f"{PATIENT_SYSTEM}:{quote(issuer_of_patient_id, safe='')}"


def patient_identifier(name: str, value: str) -> Condition:
    token = read_token(value)
    same = t.patient.c.patient_id == token.code
    if not token.code:
        return false()
    if not token.system:
        return same
    if token.system == PATIENT_SYSTEM:
        return and_(same, t.patient.c.issuer_of_patient_id == "")
    if token.system.startswith(f"{PATIENT_SYSTEM}:"):
        issuer = unquote(token.system.removeprefix(f"{PATIENT_SYSTEM}:"))
        if "\0" in issuer:
            return false()
        return and_(same, t.patient.c.issuer_of_patient_id == issuer)
    return false()


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
    return t.patient.c.patient_id == patient_id if patient_id else false()


PATIENT: dict[str, Parameter] = {
    "patient": by_patient,
    "subject": by_patient,
    "subject.identifier": patient_identifier,
    "patient.identifier": patient_identifier,
    "patient:identifier": patient_identifier,
    "subject:identifier": patient_identifier,
}


def order(asked: SearchParameters, sorts: Mapping[str, ColumnElement[Any]]) -> list[Any]:
    """What `_sort` asks for, in its order."""
    columns = [(sorts[key.removeprefix("-")], key.startswith("-")) for key in asked.sort]
    return [column.desc() if descending else column.asc() for column, descending in columns]


def by_time(column: ColumnElement[Any]) -> Parameter:
    """A date or time against a column of times."""

    def condition(name: str, value: str) -> Condition:
        span = read_span(name, value)
        compared: dict[str, Condition] = {
            "eq": and_(column >= span.start, column < span.end),
            "ge": column >= span.start,
            "gt": column >= span.end,
            "le": column < span.end,
            "lt": column < span.start,
        }
        return compared[span.prefix]

    return condition


def by_dicom_date(column: ColumnElement[str]) -> Parameter:
    """A date against a column of DA values; what has none fits nothing."""

    def condition(name: str, value: str) -> Condition:
        span = read_span(name, value)
        return and_(column != "", _compared(column, span))

    return condition


def _compared(column: ColumnElement[str], span: Span) -> Condition:
    compared: dict[str, Condition] = {
        "eq": and_(column >= span.day_from, column <= span.day_to),
        "ge": column >= span.day_from,
        "gt": column > span.day_to,
        "le": column <= span.day_to,
        "lt": column < span.day_from,
    }
    return compared[span.prefix]


def by_text(column: ColumnElement[str]) -> Parameter:
    def condition(name: str, value: str) -> Condition:
        return column == value

    return condition


def by_fixed(*codes: str) -> Parameter:
    """A code that every row has; the system is not looked at."""

    def condition(name: str, value: str) -> Condition:
        return t.study.c.id.is_not(None) if read_token(value).code in codes else false()

    return condition


def by_study(column: ColumnElement[str]) -> Parameter:
    """A reference to an ImagingStudy: `ImagingStudy/<uid>`, its URL, or the UID alone."""

    def condition(name: str, value: str) -> Condition:
        before, _, uid = value.rpartition("/")
        if before and before.rpartition("/")[2] != "ImagingStudy":
            raise ApiProblem(
                400,
                "search_refused",
                f"'{name}' takes an ImagingStudy.",
                remedy="Write ImagingStudy/<StudyInstanceUID>.",
                extra={"issue": "invalid"},
            )
        return column == uid

    return condition
