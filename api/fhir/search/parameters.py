"""The grammar of FHIR searches (hl7.org/fhir/R4/search.html), as far as it is known here.

A parameter that comes twice must hold twice; values apart by a comma are alternatives. A
parameter that a resource does not know is an error: a filter that is silently left out
would answer with other patients' data.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import get_args

from api.errors import ApiProblem
from api.fhir.search.summary import MODES as SUMMARY_MODES
from api.fhir.search.summary import READ_MODES
from storage.db.conditions import Comparison, TimeSpan

_DATE = re.compile(
    r"([a-z]{2})?(\d{4})(?:-(\d\d)(?:-(\d\d)"
    r"(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?)?)?"
)
# What starts after a span is later than all of it; what ends before it, earlier.
_COMPARISONS: dict[str | None, Comparison] = {
    **{word: word for word in get_args(Comparison)},
    None: "eq",
    "sa": "gt",
    "eb": "lt",
}
_CONTROL = ("_count", "_offset", "_format", "_pretty", "_sort", "_summary", "_total")
_FLAGS = ("true", "false")
_READ = {"_pretty": _FLAGS, "_summary": READ_MODES}
_COUNT_MAX = 200
_COUNT = 50
_OFFSET_MAX = 1_000_000_000
_VALUE_MAX = 256
_VALUES_MAX = 200
"""Of all parameters; a database takes conditions of some hundred parts."""


@dataclass(frozen=True)
class SearchParameters:
    """What was asked, each parameter with its alternatives, in order."""

    given: Sequence[tuple[str, tuple[str, ...]]]
    count: int
    offset: int
    sort: tuple[str, ...]
    include: tuple[str, ...] = ()
    summary: str = ""

    @classmethod
    def read(
        cls,
        query: Sequence[tuple[str, str]],
        known: Mapping[str, str],
        sorts: Sequence[str] = (),
        includes: Sequence[str] = (),
    ) -> "SearchParameters":
        """Raises 400 for what is not known or not well written."""
        given: list[tuple[str, tuple[str, ...]]] = []
        control: dict[str, str] = {}
        include: list[str] = []
        for name, value in query:
            if name == "_include":
                if value not in includes:
                    raise refused(
                        f"'{shown(value)}' cannot be included.",
                        f"Use {', '.join(includes) or 'none'}.",
                        "not-supported",
                    )
                include.append(value)
                continue
            if name in _CONTROL:
                if name in control:
                    raise refused(f"The parameter '{name}' is given twice.", "Give it once.")
                control[name] = value
                continue
            if name not in known:
                raise refused(
                    f"The parameter '{shown(name)}' is not known here.",
                    f"Use {', '.join(sorted({*known, *_CONTROL, '_include'}))}.",
                    "not-supported",
                )
            if not value or len(value) > _VALUE_MAX or "\0" in value:
                raise refused(f"The parameter '{name}' has no usable value.", "Give it one.")
            given.append((name, tuple(part for part in value.split(",") if part)))
        values = sum(len(alternatives) for _, alternatives in given)
        if values > _VALUES_MAX:
            raise refused(
                f"The search has {values} values; {_VALUES_MAX} are allowed.",
                "Ask in several searches.",
            )
        sort = tuple(part for part in control.get("_sort", "").split(",") if part)
        keys = [part.removeprefix("-") for part in sort]
        for key in keys:
            if key not in sorts:
                raise refused(
                    f"'{shown(key)}' cannot be sorted by.",
                    f"Use {', '.join(sorts) or 'none'}.",
                    "not-supported",
                )
        # A second time it changes nothing, and a database takes an order of some hundred terms.
        twice = next((key for at, key in enumerate(keys) if key in keys[:at]), None)
        if twice is not None:
            raise refused(f"'{twice}' is sorted by twice.", "Give it once.")
        check_word(control, "_summary", SUMMARY_MODES)
        check_word(control, "_pretty", _FLAGS)
        # The exact number costs no more than an estimate, and is always given.
        check_word(control, "_total", ("none", "estimate", "accurate"))
        summary = control.get("_summary", "")
        count = min(_number(control, "_count", _COUNT, _OFFSET_MAX), _COUNT_MAX)
        if summary == "text" and include:
            raise refused("'_summary=text' includes nothing.", "Leave _include out.")
        return cls(
            given,
            0 if summary == "count" else count,
            _number(control, "_offset", 0, _OFFSET_MAX),
            sort,
            tuple(include),
            summary,
        )


def read_span(name: str, text: str) -> TimeSpan:
    """A date or time with its prefix, as exact as it was written. Raises 400."""
    match = _DATE.fullmatch(text)
    if match is None:
        raise _no_date(name)
    if match[1] not in _COMPARISONS:
        raise refused(
            f"The prefix '{match[1]}' of '{name}' is not supported.",
            f"Use {', '.join(filter(None, _COMPARISONS))}.",
            "not-supported",
        )
    prefix, year, month, day, hour, minute, second, zone = match.groups()
    try:
        start = datetime(
            int(year),
            int(month or 1),
            int(day or 1),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            tzinfo=_zone(zone),
        ).astimezone(UTC)
        end = _end(start, month, day, hour, second)
    except (ValueError, OverflowError) as error:
        raise _no_date(name) from error
    return TimeSpan(_COMPARISONS[prefix], start, end)


def bare_uid(text: str) -> str:
    """A UID without FHIR's `urn:oid:` before it."""
    return text.removeprefix("urn:oid:")


def _end(
    start: datetime, month: str | None, day: str | None, hour: str | None, second: str | None
) -> datetime:
    if month is None:
        return start.replace(year=start.year + 1)
    if day is None:
        return (start.replace(day=1) + timedelta(days=32)).replace(day=1)
    if hour is None:
        return start + timedelta(days=1)
    return start + (timedelta(minutes=1) if second is None else timedelta(seconds=1))


def _zone(text: str | None) -> timezone:
    if text is None or text == "Z":
        return UTC
    sign = -1 if text[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(text[1:3]), minutes=int(text[4:6])))


def _number(control: Mapping[str, str], name: str, default: int, at_most: int) -> int:
    text = control.get(name, "")
    if not text:
        return default
    if not re.fullmatch(r"[0-9]{1,10}", text) or int(text) > at_most:
        raise refused(f"'{name}' is not a number that can be used.", "Give a small number.")
    return int(text)


def check_word(control: Mapping[str, str], name: str, words: Sequence[str]) -> None:
    """Raises 400 where the parameter is given and is none of the words."""
    value = control.get(name, "")
    if value and value not in words:
        raise refused(f"'{name}' is not '{shown(value)}'.", f"Use {', '.join(words)}.")


def check_read(
    query: Sequence[tuple[str, str]], own: Mapping[str, Sequence[str]]
) -> dict[str, Collection[str]]:
    """What the read of one resource does not take, with what it does.

    `own` are parameters with their words. Raises 400 for a known one with another value, or given
    twice (hl7.org/fhir/R4/http.html#parameters).
    """
    given: dict[str, str] = {}
    ignored: dict[str, Collection[str]] = {}
    known = {**_READ, **own}
    for name, value in query:
        if name not in known and name != "_format":
            ignored[name] = {*known, "_format"}
            continue
        if name in given:
            raise refused(f"The parameter '{name}' is given twice.", "Give it once.")
        given[name] = value
    for name, words in known.items():
        check_word(given, name, words)
    return ignored


def shown(text: str) -> str:
    """Of what a client wrote, as much as a message repeats."""
    return "".join(char for char in text if char.isprintable())[:50]


def _no_date(name: str) -> ApiProblem:
    return refused(
        f"'{name}' is not a date.",
        "Write YYYY, YYYY-MM, YYYY-MM-DD or a time with its zone, after"
        " eq, ne, ge, gt, sa, le, lt or eb.",
    )


def refused(detail: str, remedy: str, issue: str = "invalid") -> ApiProblem:
    """What is not known or not well written, with the issue type of an OperationOutcome."""
    return ApiProblem(400, "search_refused", detail, remedy=remedy, extra={"issue": issue})
