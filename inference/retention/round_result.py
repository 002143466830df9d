"""What a round of retention did, and what it could not do."""

from dataclasses import dataclass, field
from datetime import datetime

from inference.retention.assessment import Assessment
from storage.retention.round import BlockedStudies, QuotaUse, RetentionRound

Blocked = dict[tuple[str, str], tuple[int, int]]
"""Kind of reason and to whom → studies and bytes."""


def block(blocked: Blocked, assessment: Assessment) -> None:
    """By its first reason: each study is counted once."""
    reason = assessment.reasons[0]
    studies, size_bytes = blocked.get((reason.kind, reason.owed_to), (0, 0))
    after = (studies + 1, size_bytes + assessment.study.size_bytes)
    blocked[reason.kind, reason.owed_to] = after


def blocked_json(blocked: Blocked) -> list[BlockedStudies]:
    return [
        {"kind": kind, "owed_to": to, "studies": studies, "size_bytes": size_bytes}
        for (kind, to), (studies, size_bytes) in sorted(blocked.items())
    ]


@dataclass
class Round:
    """What a round did, and what it could not do."""

    removed: int = 0
    removed_bytes: int = 0
    is_short: bool = False
    missing_bytes: int = 0
    """What it was to free beyond what it could."""
    blocked: Blocked = field(default_factory=dict)
    """Of studies that may leave early."""
    quotas: list[QuotaUse] = field(default_factory=list)
    """Of the rules that have some."""
    problem: str = ""
    trusted_at: datetime | None = None
    """The last time of day that was in no doubt (`inference.retention.clock_doubt`)."""

    def block(self, assessment: Assessment) -> None:
        block(self.blocked, assessment)

    def as_json(self, now: datetime) -> RetentionRound:
        return {
            "at": now.isoformat(),
            "removed": self.removed,
            "removed_bytes": self.removed_bytes,
            "is_short": self.is_short,
            "missing_bytes": self.missing_bytes,
            "blocked": blocked_json(self.blocked),
            "quotas": self.quotas,
            "problem": self.problem,
            "trusted_at": (self.trusted_at or now).isoformat(),
        }
