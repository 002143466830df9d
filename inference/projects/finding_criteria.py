"""Which studies have a finding that somebody is looking for: the cohort of a question."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from inference.findings.derived import standing_among
from inference.findings.standing import StandingFinding
from storage.container.has import HasFindingFeedback, HasFindings
from storage.core.errors import InvalidRequest
from storage.core.findings import Finding
from storage.core.text.text_folding import folded
from storage.core.units import converted
from storage.db.conditions import Condition
from storage.findings.conditions import finding_code_is, finding_made_by, finding_scheme_in

_AT_ONCE = 1000
_PARTS = {
    "code": "code_value",
    "scheme": "coding_scheme_designator",
    "label": "label",
    "pipeline": "pipeline",
    "unit": "unit",
    "from": "value_from",
    "to": "value_to",
}


@dataclass(frozen=True)
class FindingCriterion:
    """What a finding must be; None and empty ask nothing.

    `label`: the whole name, whatever its case. Values are in `unit` (UCUM), from and to with both
    ends; findings in other units of the quantity are converted, and others never meet a range.
    """

    code_value: str = ""
    coding_scheme_designator: str = ""
    label: str = ""
    pipeline: str = ""
    value_from: float | None = None
    value_to: float | None = None
    unit: str = ""

    def checked(self) -> "FindingCriterion":
        """Itself. Raises InvalidRequest where it asks for nothing, or for what cannot be."""
        if not (self.code_value or self.label or self.pipeline):
            raise InvalidRequest(
                "The finding that is wanted is not stated.",
                remedy="Name its code, its label or the pipeline that makes it.",
            )
        ends = [one for one in (self.value_from, self.value_to) if one is not None]
        if any(not math.isfinite(one) for one in ends) or ends != sorted(ends):
            raise InvalidRequest(
                "The range of the finding's value is empty or not of numbers.",
                remedy="State the lower value first, in the unit that is named.",
            )
        return self

    def is_met_by(self, stated: StandingFinding) -> bool:
        """By the value that stands: neither rejected nor void, truncated nor implausible."""
        finding = stated.finding
        if not stated.counts or finding.is_truncated or finding.is_implausible:
            return False
        if self.label and folded(finding.label) != folded(self.label):
            return False
        if self.value_from is None and self.value_to is None:
            return True
        unit = "" if finding.unit is None else finding.unit.value
        value = None if finding.value is None else converted(finding.value, unit, self.unit)
        return value is not None and (
            (self.value_from is None or self.value_from <= value)
            and (self.value_to is None or value <= self.value_to)
        )

    def conditions(self) -> list[Condition]:
        found = []
        if self.code_value:
            found.append(finding_code_is(self.code_value))
        if self.coding_scheme_designator:
            found.append(finding_scheme_in([self.coding_scheme_designator]))
        if self.pipeline:
            found.append(finding_made_by(self.pipeline))
        return found


class FindingStorage(HasFindings, HasFindingFeedback, Protocol):
    """What of the storage layer findings are asked for in."""


def studies_with(storage: FindingStorage, criteria: Sequence[FindingCriterion]) -> set[str]:
    """StudyInstanceUIDs of studies with a finding for each. Raises InvalidRequest."""
    found: set[str] | None = None
    for one in [criterion.checked() for criterion in criteria]:
        studies = _studies_with(storage, one)
        found = studies if found is None else found & studies
    return found or set()


def _studies_with(storage: FindingStorage, criterion: FindingCriterion) -> set[str]:
    found: set[str] = set()
    last: Finding | None = None
    while True:
        page = storage.findings.matching(criterion.conditions(), _AT_ONCE, last)
        standing = standing_among(storage.findings, storage.finding_feedback, page).values()
        found |= {
            one.finding.study_instance_uid for one in standing if criterion.is_met_by(one)
        } - {""}
        if len(page) < _AT_ONCE:
            return found
        last = page[-1]


def read_criterion(text: str) -> FindingCriterion:
    """As a person writes it on the command line. Raises InvalidRequest."""
    values: dict[str, Any] = {}
    for part in text.split(";"):
        name, equals, value = (one.strip() for one in part.partition("="))
        try:
            member = _PARTS[name if equals else ""]
            values[member] = float(value) if member.startswith("value_") else value
        except (KeyError, ValueError) as error:
            raise InvalidRequest(
                f"'{part.strip()}' says not what a finding must be.",
                remedy="Write NAME=VALUE with ; between, of code, scheme, label, pipeline, unit,"
                " from and to; from and to are numbers.",
            ) from error
    return FindingCriterion(**values).checked()
