"""What is urgent."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from inference.rules.conditions import ConditionOfArrival, Strict

PRIORITIES = {"STAT": 100, "HIGH": 50, "ROUTINE": 0, "LOW": -50}


def as_priority(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    found = PRIORITIES.get(value.upper())
    if found is None:
        raise ValueError(f"'{value}' is no priority; use {', '.join(PRIORITIES)} or -100 to 100")
    return found


Priority = Annotated[int, BeforeValidator(as_priority), Field(ge=-100, le=100)]


class PriorityRule(Strict):
    """How urgent is what is made of a series, and what rules of routing send of it."""

    name: str = Field(min_length=1, max_length=80)
    enabled: bool = True
    when: ConditionOfArrival | None = None
    """Of a series that arrived."""
    priority: Priority
    """Of its jobs, where the rule of the pipeline states none. STAT (100) also goes out at once,
    whatever the hours of a rule of routing are."""
