"""When results may leave for a destination."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from inference.rules.conditions import ConditionOfResults, Strict, as_list

ReleaseWhen = Literal["at_once", "when_accepted", "never"]


class ReleaseRule(Strict):
    """When results may leave for a destination."""

    name: str = Field(min_length=1, max_length=80)
    pipelines: tuple[str, ...] | None = Field(None, min_length=1)
    """Absent: all of them."""
    to: Annotated[tuple[str, ...], BeforeValidator(as_list), Field(min_length=1)] | None = None
    """Names of destinations; absent: all of them."""
    when: ConditionOfResults | None = None
    """Of what the pipeline found in the same run; absent: whatever it found."""
    results: ReleaseWhen
