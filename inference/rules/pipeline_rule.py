"""On which series a pipeline runs, with which priority, and where its results go."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from inference.rules.conditions import Condition, Strict

STAT_PRIORITY = 100


def _as_priority(value: Any) -> Any:
    return STAT_PRIORITY if isinstance(value, str) and value.upper() == "STAT" else value


class Rule(Strict):
    """What one pipeline may have, and what becomes of it."""

    name: str = Field(min_length=1)
    pipeline: str = Field(min_length=1)
    enabled: bool = True
    when: Condition | None = None
    priority: Annotated[int, BeforeValidator(_as_priority), Field(ge=-100, le=100)] = 0
    destinations: tuple[str, ...] | None = None
    """Names of peers; absent: all destinations."""
    choose: Literal["all", "best-resolution", "newest"] = "all"
    deadline_s: float | None = Field(None, gt=0)
