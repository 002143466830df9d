"""On which series a pipeline runs, with which priority, and where its results go."""

from typing import Literal

from pydantic import Field

from inference.rules.conditions import ConditionOfArrival, Strict
from inference.rules.priority_rule import PRIORITIES, Priority

STAT_PRIORITY = PRIORITIES["STAT"]


class Rule(Strict):
    """What one pipeline may have, and what becomes of it."""

    name: str = Field(min_length=1)
    pipeline: str = Field(min_length=1)
    enabled: bool = True
    when: ConditionOfArrival | None = None
    priority: Priority = 0
    destinations: tuple[str, ...] | None = None
    """Names of peers; absent: all destinations."""
    choose: Literal["all", "best-resolution", "newest"] = "all"
    deadline_s: float | None = Field(None, gt=0)
