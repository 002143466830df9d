"""What the last word on a finding makes of its Observation: its status, and the value."""

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from sqlalchemy import and_, exists, false, func, or_, select

from api.fhir.conditions import Condition
from api.fhir.parameters import read_token
from storage import tables as t
from storage.core.entities import Code, Feedback, Finding, Verdict

Status = Literal["preliminary", "final", "corrected", "entered-in-error"]

# hl7.org/fhir/R4/valueset-observation-status.html. A machine's statement is preliminary until
# somebody who may verify has spoken of it.
_VERIFIED: Mapping[Verdict, Status] = {
    "ACCEPTED": "final",
    "EDITED": "corrected",
    "REJECTED": "entered-in-error",
}


def status_of(said: Sequence[Feedback], *, is_withdrawn: bool = False) -> Status:
    """By the last word alone, and only where it is of somebody whose word verifies.

    What was measured of a series that has changed since is withdrawn, whoever accepted it.
    """
    if is_withdrawn:
        return "entered-in-error"
    if not said or not said[-1].verifies:
        return "preliminary"
    return _VERIFIED[said[-1].verdict]


def value_of(finding: Finding, said: Sequence[Feedback]) -> tuple[float | None, Code | None]:
    """The value with its unit as the newest report states it: corrected where somebody did."""
    word = said[-1] if said else None
    if word is None or word.verdict != "EDITED" or word.value is None:
        return finding.value, finding.unit
    return word.value, word.unit or finding.unit


def by_status(name: str, value: str) -> Condition:
    """The same rule asked of the database."""
    wanted = read_token(value).code
    if wanted not in get_args(Status):
        return false()
    withdrawn = t.job.c.ending == "superseded"
    by_word = _by_last_word(wanted)
    return or_(withdrawn, by_word) if wanted == "entered-in-error" else and_(~withdrawn, by_word)


def _by_last_word(wanted: str) -> Condition:
    said = t.finding_feedback
    newest = (
        select(func.max(said.c.id))
        .where(said.c.finding_id == t.finding.c.finding_id)
        .correlate(t.finding)
        .scalar_subquery()
    )
    last = and_(said.c.id == newest, said.c.verifies)
    if wanted == "preliminary":
        return ~exists(select(said.c.id).where(last).correlate(t.finding))
    verdicts = [verdict for verdict, status in _VERIFIED.items() if status == wanted]
    return exists(
        select(said.c.id)
        .where(last, or_(*(said.c.verdict == one for one in verdicts)))
        .correlate(t.finding)
    )
