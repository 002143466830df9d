"""Searches by the status of an Observation, as `inference.fhir.observation_status` decides it."""

from typing import get_args

from api.fhir.search.tokens import by_code
from inference.fhir.observation_status import VERIFIED, Status
from storage.db.conditions import Condition, all_of, any_of, never
from storage.findings.conditions import (
    finding_is_withdrawn,
    is_unverified,
    last_feedback_in,
)

# hl7.org/fhir/R4/valueset-observation-status.html
_SYSTEM = "http://hl7.org/fhir/observation-status"
_STATUSES = ("registered", *get_args(Status), "amended", "cancelled", "unknown")


def _has_status(wanted: str) -> Condition:
    """The same rule as a condition for `find_findings`."""
    if wanted not in get_args(Status):
        return never()
    kinds = [kind for kind, status in VERIFIED.items() if status == wanted]
    by_feedback = is_unverified() if wanted == "preliminary" else last_feedback_in(kinds)
    if wanted == "entered-in-error":
        return any_of(finding_is_withdrawn(True), by_feedback)
    return all_of(finding_is_withdrawn(False), by_feedback)


by_status = by_code(_SYSTEM, _STATUSES, _has_status)
