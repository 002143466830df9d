"""What a round of retention notes for the next one, and for people: JSON in its row."""

from typing import TypedDict


class BlockedStudies(TypedDict):
    """Studies that may leave early and do not, by their first reason."""

    kind: str
    owed_to: str
    studies: int
    size_bytes: int


class QuotaUse(TypedDict):
    """What the studies of a rule with a quota take after a round; 0: none of that kind."""

    rule: str
    studies: int
    size_bytes: int
    quota_studies: int
    quota_bytes: int
    warn_percent: float
    blocked: list[BlockedStudies]
    """Beyond the quota, and have to stay."""


class RetentionRound(TypedDict, total=False):
    """Empty before the first round, and where no rule is in force."""

    at: str
    """ISO 8601, as `trusted_at`: the last time of day that was in no doubt."""
    removed: int
    removed_bytes: int
    is_short: bool
    missing_bytes: int
    """What was to be freed beyond what could be."""
    blocked: list[BlockedStudies]
    quotas: list[QuotaUse]
    problem: str
    trusted_at: str
