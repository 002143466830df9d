"""Status and value of an Observation, which follow from the newest feedback on the finding."""

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from api.fhir.search.tokens import by_code
from storage.core.findings import Code, Feedback, FeedbackKind, Finding
from storage.db.conditions import Condition, all_of, any_of, never
from storage.findings.conditions import (
    finding_is_withdrawn,
    is_unverified,
    last_feedback_in,
)

Status = Literal["preliminary", "final", "corrected", "entered-in-error"]

# hl7.org/fhir/R4/valueset-observation-status.html
_SYSTEM = "http://hl7.org/fhir/observation-status"
_STATUSES = ("registered", *get_args(Status), "amended", "cancelled", "unknown")
# A machine's statement is preliminary until
# somebody who may verify has given feedback.
_VERIFIED: Mapping[FeedbackKind, Status] = {
    "ACCEPTED": "final",
    "CORRECTED": "corrected",
    "REJECTED": "entered-in-error",
}


def status_of(feedback: Sequence[Feedback], *, is_withdrawn: bool = False) -> Status:
    """By the newest feedback alone, and only where it verifies (`Feedback.verifies`).

    What was measured of a series that has changed since is withdrawn, accepted or not.
    """
    if is_withdrawn:
        return "entered-in-error"
    if not feedback or not feedback[-1].verifies:
        return "preliminary"
    return _VERIFIED[feedback[-1].kind]


def value_of(finding: Finding, feedback: Sequence[Feedback]) -> tuple[float | None, Code | None]:
    """The value with its unit as the newest report states it: corrected where somebody did."""
    newest = feedback[-1] if feedback else None
    if newest is None or newest.kind != "CORRECTED" or newest.value is None:
        return finding.value, finding.unit
    return newest.value, newest.unit or finding.unit


def _has_status(wanted: str) -> Condition:
    """The same rule as a condition for `find_findings`."""
    if wanted not in get_args(Status):
        return never()
    kinds = [kind for kind, status in _VERIFIED.items() if status == wanted]
    by_feedback = is_unverified() if wanted == "preliminary" else last_feedback_in(kinds)
    if wanted == "entered-in-error":
        return any_of(finding_is_withdrawn(True), by_feedback)
    return all_of(finding_is_withdrawn(False), by_feedback)


by_status = by_code(_SYSTEM, _STATUSES, _has_status)
