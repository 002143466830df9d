"""Status and value of an Observation, which follow from the newest feedback on the finding."""

from collections.abc import Mapping, Sequence
from typing import Literal

from inference.findings.corrections import corrected_value
from storage.core.findings import Code, Feedback, FeedbackKind, Finding

Status = Literal["preliminary", "final", "corrected", "entered-in-error"]
# A machine's statement is preliminary until
# somebody who may verify has given feedback.
VERIFIED: Mapping[FeedbackKind, Status] = {
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
    return VERIFIED[feedback[-1].kind]


def value_of(finding: Finding, feedback: Sequence[Feedback]) -> tuple[float | None, Code | None]:
    """The value with its unit as the newest report states it: corrected where somebody did, in the
    finding's unit where the reader's is of the same quantity."""
    newest = feedback[-1] if feedback else None
    if newest is None or newest.kind != "CORRECTED" or newest.value is None:
        return finding.value, finding.unit
    value = corrected_value(finding, newest)
    if value is None:
        return newest.value, newest.unit
    return value, finding.unit or newest.unit
