"""Filters of a subscription: by patient and by category, in the words of a search."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from api.errors import MISMATCH_TITLE, ApiProblem
from api.fhir.search.conditions import issuer_of
from api.fhir.search.references import read_reference
from api.fhir.search.tokens import read_token
from inference.fhir.diagnostic_report import SERVICE_SECTIONS
from inference.fhir.observation import OBSERVATION_CATEGORIES
from storage.fhir_subscriptions.entities import PatientKey

PATIENT_FILTERS = ("patient", "subject")
CATEGORIES = {
    "DiagnosticReport": (SERVICE_SECTIONS, "RAD"),
    "Observation": (OBSERVATION_CATEGORIES, "imaging"),
}
"""The one category that all resources of a kind have."""
_MOST_VALUES = 100
_VALUE_MAX = 256

Filter = str | tuple[str, str, str]
"""Of R4 `[Resource]?[parameter]=[value]&…`; of R5 resource, parameter and value."""


@dataclass(frozen=True)
class Filters:
    """`stated`: parameters with their values. `patients`: all must hold, each by one of them."""

    stated: tuple[tuple[str, str], ...]
    patients: tuple[tuple[PatientKey, ...], ...]


def read_filters(
    given: Sequence[Filter], resource_type: str, relative: Callable[[str], str]
) -> Filters:
    """Raises ApiProblem for a filter that is not known, or that nothing would ever pass."""
    stated: list[tuple[str, str]] = []
    patients: list[tuple[PatientKey, ...]] = []
    for name, value in _parted(given, resource_type):
        if not value.strip(", ") or len(value) > _VALUE_MAX or "\0" in value:
            raise _refused("A filter has no usable value.", "Give it one.")
        stated.append((name, value))
        values = [relative(one) for one in value.split(",") if one]
        base, _, modifier = name.partition(":")
        if base in PATIENT_FILTERS and modifier in ("", "identifier"):
            patients.append(tuple(_patient(base, one, modifier) for one in values))
        elif name == "category" and resource_type in CATEGORIES:
            _check_category(resource_type, values)
        else:
            known = [*PATIENT_FILTERS, *(("category",) if resource_type in CATEGORIES else ())]
            raise _refused(
                f"This topic is not filtered by '{name[:40]}'.", f"Use {', '.join(known)}."
            )
    if sum(len(one) for one in patients) > _MOST_VALUES or len(stated) > _MOST_VALUES:
        raise _refused(
            f"The filters have more than {_MOST_VALUES} values.", "Make several subscriptions."
        )
    return Filters(tuple(stated), tuple(patients))


def _parted(given: Sequence[Filter], resource_type: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for one in given:
        if isinstance(one, str):
            kind, _, query = one.rpartition("?")
            try:
                parts = parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_VALUES)
            except ValueError as error:
                raise _refused("A filter is not a query.", "Write it as a search.") from error
        else:
            kind, parts = one[0], [(one[1], one[2])]
        if kind not in ("", resource_type):
            raise _refused(
                "A filter is of another resource than the topic.", f"Write it of {resource_type}."
            )
        found += parts
    return found


def _patient(name: str, value: str, modifier: str) -> PatientKey:
    if modifier:
        token = read_token(name, value)
        issuer = None if token.system is None else issuer_of(token.system)
        if not token.code or (token.system is not None and issuer is None):
            raise _refused(
                f"'{name}:identifier' is of no identifier system of this node.",
                "Write [system]|[PatientID], as the resources here have it.",
            )
        return token.code, issuer
    patient_id = read_reference(name, value, "Patient", "PatientID")
    if not patient_id:
        raise _refused(f"'{name}' is a patient of another server.", "Write Patient/<PatientID>.")
    return patient_id, None


def _check_category(resource_type: str, values: Sequence[str]) -> None:
    system, code = CATEGORIES[resource_type]
    for one in values:
        token = read_token("category", one)
        if token.is_of(system) and token.code in ("", code):
            return
    raise _refused(
        f"No {resource_type} here has that category.", f"Use {system}|{code}, or leave it out."
    )


def _refused(detail: str, remedy: str) -> ApiProblem:
    return ApiProblem(
        422,
        "validation_failed",
        detail,
        title=MISMATCH_TITLE,
        remedy=remedy,
        extra={"issue": "business-rule"},
    )
