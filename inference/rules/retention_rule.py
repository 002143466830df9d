"""How long studies stay."""

from typing import Literal

from pydantic import Field, model_validator

from inference.rules.conditions import ConditionOfArrival, Strict
from inference.rules.facts import FACTS, RECEIVED


class RetentionRule(Strict):
    """How long studies stay, and what has to be true before they leave."""

    name: str = Field(min_length=1, max_length=80)
    when: ConditionOfArrival | None = None
    """Of the whole study: DICOM keywords, no facts that are computed of one series."""
    size_mib_at_least: float | None = Field(None, gt=0)
    keep_days: float | None = Field(None, ge=0, le=36_500)
    """Absent: they never leave for their age."""
    since: Literal["received", "used"] = "received"
    """The last instance's arrival, or the last use."""
    confirmed_at: tuple[str, ...] = ()
    """Names of peers that must prove that they have every received instance."""
    results_confirmed: bool = True
    """Whether destinations must prove that they have the results, and the report be signed."""
    given_up: tuple[str, ...] = ()
    """Destinations to which nothing is owed any more."""
    evict: bool = False
    """Whether they may leave before their time where the disk is short."""

    @model_validator(mode="after")
    def _of_studies(self) -> "RetentionRule":
        computed = sorted({*FACTS, RECEIVED}.intersection(self.when.names() if self.when else ()))
        if computed:
            raise ValueError(
                f"when asks for {', '.join(computed)}, which is computed of one series;"
                " use DICOM keywords"
            )
        return self
