"""The form of the rules file (`docs/pipelines.md` explains it)."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydicom.datadict import dictionary_VR, tag_for_keyword

from dicom_node.archives.archive import SERIES_KEYWORDS, STUDY_KEYWORDS
from inference.rules.facts import FACTS

STAT_PRIORITY = 100
_GROUPS = ("all", "any", "not")


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


Texts = Annotated[tuple[str | float, ...], BeforeValidator(_as_list), Field(min_length=1)]


class Test(Strict):
    """What is asked of one value; all that is stated must hold."""

    equals: Texts | None = None
    """One of these; upper and lower case are alike."""
    contains: Texts | None = None
    matches: str | None = None
    """A regular expression, found anywhere, upper and lower case alike."""
    at_least: float | None = None
    at_most: float | None = None
    present: bool | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        """`Modality: MR` and `Modality: [MR, CT]` mean `equals`."""
        return value if isinstance(value, dict) else {"equals": value}

    @model_validator(mode="after")
    def _check(self) -> "Test":
        if not self.model_fields_set:
            raise ValueError("says nothing; use equals, contains, matches, at_least, at_most")
        if self.matches is not None:
            try:
                re.compile(self.matches)
            except re.error as error:
                raise ValueError(f"matches is not a regular expression: {error}") from error
        return self


class Condition(Strict):
    """One of: a test of a value, all of several, any of several, not another."""

    all: tuple["Condition", ...] | None = None
    any: tuple["Condition", ...] | None = None
    not_: "Condition | None" = Field(None, alias="not")
    name: str = ""
    test: Test | None = None

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        if not isinstance(value, dict) or len(value) != 1:
            raise ValueError("a condition is one entry: all, any, not, or a value and its test")
        (key, inside), *_ = value.items()
        if key in _GROUPS:
            return value
        if key not in FACTS and not _is_path(str(key)):
            known = ", ".join(FACTS)
            raise ValueError(f"'{key}' is neither a DICOM keyword nor one of {known}")
        return {"name": key, "test": inside}

    @model_validator(mode="after")
    def _not_empty(self) -> "Condition":
        if self.all == () or self.any == ():
            raise ValueError("all and any need at least one condition")
        return self

    def names(self) -> Iterator[str]:
        """What it asks for, with all within it."""
        if self.name:
            yield self.name
        for one in (*(self.all or ()), *(self.any or ()), self.not_):
            if one is not None:
                yield from one.names()


def _is_path(name: str) -> bool:
    """A DICOM keyword, or several that lead through sequences: ViewCodeSequence.CodeValue."""
    *sequences, last = (tag_for_keyword(part) for part in name.split("."))
    return last is not None and all(
        tag is not None and dictionary_VR(tag) == "SQ" for tag in sequences
    )


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


class RoutingRule(Strict):
    """Received images that go on to other places."""

    name: str = Field(min_length=1, max_length=80)
    enabled: bool = True
    when: Condition | None = None
    to: Annotated[tuple[str, ...], BeforeValidator(_as_list), Field(min_length=1)]
    """Names of peers."""
    send: Literal["series", "study"] = "series"
    """Each series for which the condition holds, as soon as it is complete; or the whole study,
    once all of it is complete, where the condition holds for any of its series."""


ReleaseWhen = Literal["at_once", "when_accepted", "never"]


class ReleaseRule(Strict):
    """When results may leave for a destination."""

    name: str = Field(min_length=1, max_length=80)
    pipelines: tuple[str, ...] | None = Field(None, min_length=1)
    """Absent: all of them."""
    to: Annotated[tuple[str, ...], BeforeValidator(_as_list), Field(min_length=1)] | None = None
    """Names of destinations; absent: all of them."""
    results: ReleaseWhen


class RetentionRule(Strict):
    """How long studies stay, and what has to be true before they leave."""

    name: str = Field(min_length=1, max_length=80)
    when: Condition | None = None
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
        computed = sorted(set(FACTS).intersection(self.when.names() if self.when else ()))
        if computed:
            raise ValueError(
                f"when asks for {', '.join(computed)}, which is computed of one series;"
                " use DICOM keywords"
            )
        return self


class PriorRule(Strict):
    """Earlier studies that are fetched from other archives when a study or an order arrives."""

    name: str = Field(min_length=1, max_length=80)
    enabled: bool = True
    trigger: Annotated[
        tuple[Literal["study", "order"], ...], BeforeValidator(_as_list), Field(min_length=1)
    ] = ("study", "order")
    when: Condition | None = None
    """Of a series that arrived, or of an order and its steps."""
    from_: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = Field((), alias="from")
    """Names of peers; none: every source."""
    same: Annotated[tuple[Literal["modality", "body_part"], ...], BeforeValidator(_as_list)] = (
        "modality",
    )
    """What the earlier study must share with the study or order."""
    which: Condition | None = None
    """Of the earlier study, as the archive describes it."""
    within_days: float | None = Field(None, gt=0, le=36_500)
    at_most: int = Field(3, ge=1, le=50)
    """From each source; the newest first."""
    send_results: bool = False
    """Whether results of the earlier study go to destinations."""
    route: bool = False
    """Whether rules of routing hold for the earlier study."""

    @model_validator(mode="after")
    def _of_answers(self) -> "PriorRule":
        asked = set(self.which.names() if self.which else ())
        unknown = sorted(asked - set(STUDY_KEYWORDS) - set(SERIES_KEYWORDS))
        if unknown:
            raise ValueError(
                f"which asks for {', '.join(unknown)}, which archives are not asked about;"
                f" use {', '.join((*STUDY_KEYWORDS, *SERIES_KEYWORDS))}"
            )
        return self


class RuleSet(Strict):
    """The whole file.

    Of the rules of one pipeline, the first whose condition holds counts; of those of routing,
    each does.
    """

    version: Literal[1] = 1
    rules: tuple[Rule, ...] = ()
    routing: tuple[RoutingRule, ...] = ()
    release: tuple[ReleaseRule, ...] = ()
    """Of these, the first that names pipeline and destination counts; without one, results leave
    at once."""
    critical: tuple[CriticalRule, ...] = ()
    """What raises an alert."""
    retention: tuple[RetentionRule, ...] = ()
    """Of these, the first whose condition holds for a study counts; without one it stays."""
    priors: tuple[PriorRule, ...] = ()
    """Of these, each counts that holds."""

    @model_validator(mode="after")
    def _distinct(self) -> "RuleSet":
        everything: tuple[
            Rule | RoutingRule | ReleaseRule | CriticalRule | RetentionRule | PriorRule, ...
        ] = (
            *self.rules,
            *self.routing,
            *self.release,
            *self.critical,
            *self.retention,
            *self.priors,
        )
        names = [rule.name for rule in everything]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two rules share the name {twice[0]}")
        return self

    def of(self, pipeline: str) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.rules if rule.pipeline == pipeline)

    def release_of(self, pipeline: str, destination: str) -> ReleaseWhen:
        for rule in self.release:
            if (rule.pipelines is None or pipeline in rule.pipelines) and (
                rule.to is None or destination in rule.to
            ):
                return rule.results
        return "at_once"

    def releases_to(self, destination: str) -> set[ReleaseWhen]:
        """What the rules say of results of any pipeline for it."""
        return {rule.results for rule in self.release if rule.to is None or destination in rule.to}
