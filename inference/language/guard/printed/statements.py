"""A sentence about one printed finding, taken apart into what it says and the name that is left."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache

from inference.language.guard.dates import FoundDate, find_dates
from inference.language.guard.printed.checks import (
    beyond,
    direction,
    equal,
    is_dated,
    position_of,
    state_of,
    went,
)
from inference.language.guard.printed.lines import Line
from inference.language.guard.printed.numbers import (
    COUNT,
    NUMBER,
    UNIT,
    VALUE,
    value_of,
    words,
)


@dataclass
class Statement:
    """What a statement says, but for the label of its finding."""

    checks: list[Callable[[Line], bool]] = field(default_factory=list)
    statuses: int = 0
    normal: bool = False
    rest: str = ""
    understood: bool = True


@cache
def _forms() -> list[tuple[str, re.Pattern[str]]]:
    one = words()
    modifier = (
        rf"(?:(?:its|the|their|den|dem|der|die|das|des|seinen?|ihren?|age-adjusted)\s|"
        rf"(?P<upper>{one['upper']})\s|(?P<lower>{one['lower']})\s)*"
    )
    noun = rf"(?:{one['range_noun']})"
    beyond = rf"(?:(?P<below>{one['below']})|(?P<above>{one['above']}))"
    value = VALUE.pattern
    unit = rf"(?:\s?(?P<unit1>{UNIT}))?"
    slight = rf"(?P<slight>(?:{one['slight']})\s)?"
    # `Has increased` tells of a change.
    state_now = r"(?<!has )(?<!have )(?<!been )(?<!hat )(?<!sich )"
    denied = r"(?P<denied>(?:not|nicht)\s)?"
    state = "|".join(
        rf"(?P<{name}>{one[name]})"
        for name in ("normal_size", "normal", "small", "large", "low", "high", "impaired")
    )
    written = [
        ("from_to", rf"(?:from|von)\s(?P<first>{NUMBER}){unit}\s(?:to|auf)\s{value}"),
        ("by", rf"(?:by|um)\s(?P<percent>{NUMBER})\s?%"),
        ("since", r"(?:since|seit)\s@+"),
        ("percentile", rf"(?P<value>\d{{1,2}})(?:st|nd|rd|th|\.)\s(?:{one['percentile']}n?)"),
        ("zero", rf"(?:{one['zero']})(?=\s)"),
        ("value", value),
        (
            "beyond",
            rf"{denied}(?:(?:{one['low']})\s)?{slight}{beyond}(?:\s(?:mit|at|with))?\s{modifier}{noun}",
        ),
        ("beyond_de", rf"(?:den|die|das)\s{noun}\s(?P<verb>unter|über)schr(?:eitet|itten)"),
        ("within", rf"(?:(?:still|noch)\s)?(?:{one['within']})\s{modifier}{noun}"),
        ("number_of", rf"(?:{one['number_of']})"),
        ("rose", rf"(?:{one['rose']})"),
        ("fell", rf"(?:{one['fell']})"),
        ("state", rf"{state_now}{denied}{slight}(?:{state})"),
    ]
    return [(name, re.compile(rf"(?<![\w-])(?:{form})(?![\w²³-])")) for name, form in written]


@cache
def fillers() -> re.Pattern[str]:
    """Words that say nothing more beside a value."""
    return re.compile(rf"(?<![\w-])(?:{words()['fillers']}|{words()['adjusted']})(?![\w-])")


def read_statement(statement: str) -> Statement:
    """Take out all that a statement says; what is left names the finding."""
    claim = Statement()
    dates = find_dates(statement)
    text = statement
    for one in dates:
        text = text[: one.start] + "@" * (one.end - one.start) + text[one.end :]
    rest = re.sub(r"[,()]", " ", text)
    rest = " ".join(rest.split())
    changes = re.search(rf"\b(?:from|von)\s{NUMBER}|\b(?:by|um)\s{NUMBER}|(?:since|seit)\s@", rest)
    for name, form in _forms():
        if name in ("rose", "fell") and changes is None:
            continue
        while (match := form.search(rest)) is not None:
            _take(claim, name, match, dates)
            rest = f"{rest[: match.start()]} {rest[match.end() :]}".strip()
    claim.rest = " ".join(fillers().sub(" ", rest).split())
    if "@" in rest:
        claim.understood = False
    return claim


def _take(claim: Statement, name: str, match: re.Match[str], dates: Sequence[FoundDate]) -> None:
    found = match.groupdict()
    if name == "value":
        value = value_of(match)
        claim.understood &= value is not None and found["sign"] != "+"
        claim.checks.append(lambda line: any(equal(value, one) for one in line.values))
    elif name == "from_to":
        last = value_of(match)
        unit = found["unit1"] or found["unit"] or ""
        written = VALUE.fullmatch(f"{found['first']} {unit}".strip())
        first = value_of(written) if written is not None else None
        claim.checks.append(lambda line: went(line, first, last))
    elif name == "by":
        amount = Decimal(found["percent"].replace(",", "."))
        claim.checks.append(
            lambda line: line.change is not None and abs(line.change.amount) == amount
        )
    elif name == "since":
        claim.checks.append(lambda line: is_dated(line, dates))
    elif name == "percentile":
        place = Decimal(found["value"])
        claim.checks.append(
            lambda line: line.percentile is not None and line.percentile.amount == place
        )
    elif name == "zero":
        claim.checks.append(lambda line: [one.amount for one in line.values] == [0])
    elif name == "number_of":
        claim.checks.append(lambda line: any(one.dimension == COUNT for one in line.values))
    elif name in ("rose", "fell"):
        sign = 1 if name == "rose" else -1
        claim.checks.append(lambda line: direction(line) == sign)
    elif name == "within":
        claim.checks.append(lambda line: position_of(line) == 0)
    elif name == "beyond_de":
        sign = -1 if found["verb"] == "unter" else 1
        claim.checks.append(lambda line: position_of(line) == sign)
    elif name == "beyond":
        claim.statuses += not found["denied"]
        claim.checks.append(beyond(found))
    else:
        claim.statuses += not found["denied"]
        claim.normal |= bool(found["normal"])
        claim.checks.append(state_of(found))
