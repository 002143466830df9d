"""Which studies belong to research projects."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from inference.rules.conditions import ConditionOfArrival, Strict, as_list


class DeidentificationRule(Strict):
    """Studies that are added to research projects, by whose profile they leave de-identified."""

    name: str = Field(min_length=1, max_length=80)
    enabled: bool = True
    when: ConditionOfArrival | None = None
    """Of any series of the study, once all that was received of it is complete."""
    project: Annotated[tuple[str, ...], BeforeValidator(as_list), Field(min_length=1)]
    """Names of projects."""
