"""Which findings raise an alert."""

from typing import Self

from pydantic import Field, model_validator

from inference.rules.conditions import Strict


class CriticalLimits(Strict):
    """By which limits a finding must not wait until somebody reads the report."""

    finding: str = Field(min_length=1)
    """Its label or the value of its code; upper and lower case are alike."""
    above: float | None = None
    below: float | None = None
    confidence_at_least: float | None = Field(None, ge=0, le=1)
    text: str = Field("", max_length=200)

    @model_validator(mode="after")
    def _limited(self) -> Self:
        if (self.above, self.below, self.confidence_at_least) == (None, None, None):
            raise ValueError("says no limit; use above, below or confidence_at_least")
        return self


class CriticalRule(CriticalLimits):
    """A finding of one pipeline that a person must hear of at once, as the site sees it."""

    name: str = Field(min_length=1, max_length=80)
    pipeline: str = Field(min_length=1)
