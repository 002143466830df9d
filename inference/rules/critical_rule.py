"""Which findings raise an alert."""

from typing import Self

from pydantic import Field, model_validator

from inference.rules.conditions import Strict
from storage.core.findings import Finding


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

    def is_met(self, finding: Finding, value: float | None, is_truncated: bool) -> bool:
        """`value`: the pipeline's, or that of a person; `is_truncated`: it is that of a part."""
        if self.pipeline != finding.pipeline:
            return False
        names = finding.label, finding.quantity_label, finding.code.value
        if self.finding.casefold() not in map(str.casefold, names):
            return False
        if self.confidence_at_least is not None:
            return finding.confidence is not None and finding.confidence >= self.confidence_at_least
        if value is None:
            return False
        # A part that is too large makes the whole too large; a part is small without meaning it.
        return (self.above is not None and value > self.above) or (
            self.below is not None and not is_truncated and value < self.below
        )
