"""What would leave now or within some days, and why each other study stays; nothing is removed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from inference.retention.assessment import Assessment, Retention, RetentionStorage
from inference.retention.sentences import Reason
from inference.rules.file import current_rules
from inference.rules.retention_rule import RetentionRule

Outcome = Literal["leaves", "leaves_later", "stays"]
_AT_ONCE = 200


@dataclass(frozen=True)
class PlannedStudy:
    """`leaves_later`: within the days that were asked about, if nothing else comes up."""

    assessment: Assessment
    outcome: Outcome
    leaves_when_short: bool
    """Whether it would leave now if the disk were short."""

    @property
    def reasons(self) -> tuple[Reason, ...]:
        return self.assessment.reasons


def plan(
    storage: RetentionStorage,
    study_instance_uids: Sequence[str],
    now: datetime,
    within_days: float = 0,
    rules: Sequence[RetentionRule] | None = None,
) -> list[PlannedStudy]:
    """Nobody is asked; what peers answered before counts. `rules` stand in for those in force.

    Raises InvalidRequest where the rules in force are wrong.
    """
    asked = current_rules(storage.settings).retention if rules is None else rules
    ends_at = now + timedelta(days=within_days)
    assessments = Retention(storage, asked, now).assess(study_instance_uids)
    return [
        PlannedStudy(assessment, _outcome(assessment, ends_at), assessment.when_short(now).leaves)
        for assessment in assessments
    ]


def plan_all(
    storage: RetentionStorage,
    now: datetime,
    within_days: float = 0,
    rules: Sequence[RetentionRule] | None = None,
) -> Iterator[PlannedStudy]:
    """All studies, the longest here first."""
    offset, total = 0, 1
    while offset < total:
        uids, total = storage.retention.page(_AT_ONCE, offset)
        yield from plan(storage, uids, now, within_days, rules)
        offset += _AT_ONCE


def _outcome(assessment: Assessment, ends_at: datetime) -> Outcome:
    if assessment.leaves:
        return "leaves"
    is_over = assessment.leaves_at is not None and assessment.leaves_at <= ends_at
    if is_over and all(one.kind == "time" for one in assessment.reasons):
        return "leaves_later"
    return "stays"
