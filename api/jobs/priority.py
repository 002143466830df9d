"""The priority of a job as requests state it: a word, or a number."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from api.jobs.schemas import PriorityName
from storage.jobs.repository import PRIORITIES

_MOST = 1000


def _read(value: Any) -> Any:
    """One sentence for what is neither, where a union would have one for each kind."""
    if isinstance(value, str):
        word = value.strip().upper()
        if word in PRIORITIES:
            return word
    number: int | None = None
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            number = int(value)
        except (ValueError, OverflowError):
            number = None
    if number is None or abs(number) > _MOST or number != float(value):
        raise ValueError(
            f"It must be one of {', '.join(PRIORITIES)}, or a whole number from -{_MOST} to {_MOST}"
        )
    return number


Priority = Annotated[
    Annotated[int, Field(ge=-_MOST, le=_MOST)] | PriorityName,
    BeforeValidator(_read),
    Field(
        description="The highest is taken first. LOW is -50, ROUTINE 0, HIGH 50, STAT 100.",
        examples=["STAT", 75],
    ),
]


def priority_number(priority: int | PriorityName) -> int:
    """Where it stands in the queue: the highest is taken first."""
    return priority if isinstance(priority, int) else PRIORITIES[priority]
