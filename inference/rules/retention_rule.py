"""How long studies stay."""

from typing import Literal

from pydantic import Field, model_validator

from inference.rules.conditions import ConditionOfArrival, Strict
from inference.rules.facts import FACTS, RECEIVED

_GIB = 1 << 30


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
    """Whether they may leave before their time where the disk is short, or beyond a quota."""
    quota_gib: float | None = Field(None, gt=0)
    quota_studies: int | None = Field(None, ge=1)
    """What all studies of the rule may take together; beyond, the longest unused leave early."""
    quota_warn_percent: float = Field(90, gt=0, le=100)
    """From this share of a quota on there is a warning."""

    @property
    def quota_bytes(self) -> int | None:
        return None if self.quota_gib is None else int(self.quota_gib * _GIB)

    @property
    def has_quota(self) -> bool:
        return self.quota_gib is not None or self.quota_studies is not None

    @model_validator(mode="after")
    def _of_studies(self) -> "RetentionRule":
        computed = sorted({*FACTS, RECEIVED}.intersection(self.when.names() if self.when else ()))
        if computed:
            raise ValueError(
                f"when asks for {', '.join(computed)}, which is computed of one series;"
                " use DICOM keywords"
            )
        return self
