"""Conditions of rules: what is asked of DICOM values and of facts, and how they are joined."""

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydicom.datadict import dictionary_VR, tag_for_keyword

from inference.rules.facts import (
    ADDRESS,
    CRITICAL,
    FACTS,
    FINDING,
    ORDER,
    RECEIVED,
    is_of_results,
)
from inference.rules.hours_field import HoursField
from inference.rules.patterns import check_pattern

_GROUPS = ("all", "any", "not")


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


Texts = Annotated[tuple[str | float, ...], BeforeValidator(as_list), Field(min_length=1)]


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
    hours: HoursField | None = None
    """Of `received`: times of the week, by the node's clock."""

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
            check_pattern(self.matches)
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
            raise ValueError(_not_one_entry(value))
        (key, inside), *_ = value.items()
        if key in _GROUPS:
            return value
        is_finding = str(key).startswith(FINDING) and str(key) != FINDING
        is_fact = key in FACTS or key in (RECEIVED, ADDRESS, CRITICAL)
        if not is_fact and not is_finding and not _is_path(str(key).removeprefix(ORDER)):
            known = ", ".join(
                (*FACTS, RECEIVED, ADDRESS, f"{ORDER}KEYWORD", f"{FINDING}LABEL", CRITICAL)
            )
            raise ValueError(f"'{key}' is neither a DICOM keyword nor one of {known}")
        return {"name": key, "test": inside}

    @model_validator(mode="after")
    def _not_empty(self) -> "Condition":
        if self.all == () or self.any == ():
            raise ValueError("all and any need at least one condition")
        asked = self.test.model_fields_set if self.test else set()
        if self.name and (self.name == RECEIVED) != ("hours" in asked):
            raise ValueError(f"{RECEIVED} and hours belong together: {RECEIVED}: {{hours: ...}}")
        if self.name == ADDRESS and self.test:
            _check_addresses(self.test)
        return self

    def names(self) -> Iterator[str]:
        """What it asks for, with all within it."""
        if self.name:
            yield self.name
        for one in (*(self.all or ()), *(self.any or ()), self.not_):
            if one is not None:
                yield from one.names()

    def tests_of(self, name: str) -> Iterator[Test]:
        """What it asks of one value, with all within it."""
        if self.name == name and self.test is not None:
            yield self.test
        for one in (*(self.all or ()), *(self.any or ()), self.not_):
            if one is not None:
                yield from one.tests_of(name)


def _not_one_entry(value: Any) -> str:
    wanted = "a condition is one entry: all, any, not, or a value and its test"
    if not isinstance(value, dict) or not value:
        return wanted
    keys = [str(key)[:64] for key in value]
    if any(key in (*_GROUPS, "test") for key in keys):
        return f"{wanted}; this one has {', '.join(keys[:5])}"
    entries = ", ".join(f'{{"{key}": ...}}' for key in keys[:5])
    return f'{wanted}; this one has {len(keys)}: write them as "all": [{entries}]'


def _check_addresses(test: Test) -> None:
    if test.model_fields_set - {"equals", "present"}:
        raise ValueError(
            f"{ADDRESS} takes addresses and networks: {ADDRESS}: [10.0.0.5, 10.1.0.0/16]"
        )
    for text in test.equals or ():
        try:
            ip_network(str(text).strip(), strict=False)
        except ValueError as error:
            raise ValueError(
                f"'{text}' is neither an IP address nor a network; write 10.0.0.5, 10.1.0.0/16"
                " or fd00::/8"
            ) from error


def _before_results(condition: Condition) -> Condition:
    asked = sorted({name for name in condition.names() if is_of_results(name)})
    if asked:
        raise ValueError(
            f"asks for {asked[0]}, which is known once a pipeline ran;"
            " ask for findings in rules of routing or release"
        )
    return condition


ConditionOfArrival = Annotated[Condition, AfterValidator(_before_results)]
"""Of what arrives, when nothing was computed on it."""


def _of_results(condition: Condition) -> Condition:
    others = sorted({name for name in condition.names() if not is_of_results(name)})
    if others:
        raise ValueError(
            f"asks for {others[0]}; it is asked of results: use {FINDING}LABEL or {CRITICAL}"
        )
    return condition


ConditionOfResults = Annotated[Condition, AfterValidator(_of_results)]
"""Of what a pipeline found."""


def _is_path(name: str) -> bool:
    """A DICOM keyword, or several that lead through sequences: ViewCodeSequence.CodeValue."""
    # pydicom's dictionary has elements without a keyword, for an empty one.
    *sequences, last = (tag_for_keyword(part) if part else None for part in name.split("."))
    return last is not None and all(
        tag is not None and dictionary_VR(tag) == "SQ" for tag in sequences
    )
