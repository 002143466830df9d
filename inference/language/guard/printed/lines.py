"""Lines of a text that print a finding: its label, its value, and what that is compared with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from inference.language.guard.dates import FoundDate, find_dates
from inference.language.guard.evidence import SourceText
from inference.language.guard.headings import names_no_finding_above
from inference.language.guard.printed.forms import (
    forms,
    is_finding,
    is_metadata,
    is_title,
    names_known_alone,
)
from inference.language.guard.printed.numbers import VALUE, Value, plain, value_of, words
from inference.language.guard.reading import read
from inference.language.guard.verdict import SourceSpan

_LABEL = re.compile(r"\s*([^:\n]{2,70}):\s+(\S.*)$")
_SHARE = re.compile(r"(.*%)\s(?:of the|of|der|des|vom)\s(\w[\w-]*(?:\s\w+)?)")
_DATED = re.compile(r"\s?(?:on|am|vom|of|from|in|im)?\s?@+$")
_DESCRIBING = frozenset("anatomy side modifier property measure grammar".split())
_MOST_LINES = 400
_ALIKE = (
    (re.compile(r"\blink(?:e[rsnm]?|s)\b"), "left"),
    (re.compile(r"\brecht(?:e[rsnm]?|s)\b"), "right"),
    (re.compile(r"\b(?:herzkammer|kammer|ventrikels?)\b"), "ventricle"),
    (re.compile(r"\bvorhof(?:e?s)?\b"), "atrium"),
    (re.compile(r"\bgesamt(?:e[rsnm]?\s)?(?=[a-zäöü]{4})"), "gesamter "),
    (re.compile(r"\b(end)-?\s?(diastoli|systoli)"), r"\1\2"),
    (re.compile(r"\b(?:whole|entire)[- ]"), "total "),
    (re.compile(r"\blv(?:-|\b\s?)(?=\w)"), "left ventricular "),
    (re.compile(r"\blv\b"), "left ventricle"),
    (re.compile(r"\brv(?:-|\b\s?)(?=\w)"), "right ventricular "),
    (re.compile(r"\brv\b"), "right ventricle"),
    (re.compile(r"\blge\b|\blate gadolinium enhancement\b"), "late enhancement"),
    (re.compile(r"\bmaße\b"), "mass"),
    (re.compile(r"\bbalkens?\b"), "corpus callosum"),
)


@dataclass(frozen=True)
class Line:
    """One printed finding."""

    span: SourceSpan
    label: frozenset[str]
    """Concepts and sides that it names."""
    values: tuple[Value, ...]
    percentile: Value | None = None
    low: Value | None = None
    high: Value | None = None
    limit: bool = False
    """It is compared with a limit, rather than with a range."""
    earlier: tuple[Value, ...] = ()
    dates: tuple[FoundDate, ...] = ()
    change: Value | None = None
    """In percent of the earlier value, with its sign."""
    whole: frozenset[str] = frozenset()
    """What its value is a share of."""
    notes: frozenset[str] = frozenset()
    """What else it says of the thing: where it is, and how."""


@dataclass
class _Parts:
    values: list[Value] = field(default_factory=list)
    earlier: list[Value] = field(default_factory=list)
    dates: list[FoundDate] = field(default_factory=list)
    percentile: Value | None = None
    low: Value | None = None
    high: Value | None = None
    limit: bool = False
    change: Value | None = None
    whole: frozenset[str] = frozenset()
    notes: frozenset[str] = frozenset()


def lines_of(text: SourceText) -> tuple[Line, ...]:
    """The printed findings of a text that consists of them; of any other text, none.

    A sentence between them, a remark on the measurement, or a heading that may say of what or of
    when the values are, leaves nothing to rest on. A line of which a part is not understood is
    left out, and so are lines with one label.
    """
    if text.kind != "report":
        return ()
    found: list[Line] = []
    start = 0
    labels: list[frozenset[str]] = []
    for written in text.text.split("\n")[:_MOST_LINES]:
        stop = start + len(written)
        match = _LABEL.match(written)
        ignored = not written.strip() or names_no_finding_above(written) or is_metadata(match)
        if not ignored and not (not labels and is_title(written)):
            if match is None or forms()["remarks"].search(plain(match.group(1))):
                if not names_known_alone(written):
                    return ()
            else:
                label = tokens(match.group(1))
                labels.append(label)
                value = plain(match.group(2)).rstrip(" .")
                parts = _parts_of(value)
                unknown = all(one.startswith("word:") for one in label)
                if parts is None and (not is_finding(value) or (unknown and not _numeric(value))):
                    # `Status: superseded`
                    return ()
                if parts is not None and label:
                    found.append(_line(SourceSpan(text.source_id, start, stop), label, parts))
        start = stop + 1
    return tuple(one for one in found if labels.count(one.label) == 1)


def _numeric(value: str) -> bool:
    return value.lstrip("-")[:1].isdigit()


def tokens(text: str) -> frozenset[str]:
    """The concepts, sides and unknown words of a label, in no order."""
    reading = read(_alike(text))
    named = {word.entry.concept for word in reading.words if word.entry.category != "grammar"}
    named |= {piece for piece in reading.pieces if piece[0].isdigit()}
    return frozenset({"left", "right"} | named - {"both"} if "both" in named else named)


def _alike(text: str) -> str:
    low = plain(text)
    for form, written in _ALIKE:
        low = form.sub(written, low)
    return low


def _line(span: SourceSpan, label: frozenset[str], parts: _Parts) -> Line:
    return Line(
        span,
        label,
        tuple(parts.values),
        parts.percentile,
        parts.low,
        parts.high,
        parts.limit,
        tuple(parts.earlier),
        tuple(parts.dates),
        parts.change,
        parts.whole,
        parts.notes,
    )


def _parts_of(rest: str) -> _Parts | None:
    """What stands behind a label; None where any of it is not understood."""
    parts = _Parts()
    dates = find_dates(rest)
    for one in dates:
        rest = rest[: one.start] + "@" * (one.end - one.start) + rest[one.end :]
    parts.dates = list(dates)
    earlier = False
    for given in _split(rest):
        begun = forms()["earlier"].match(given)
        written = given[begun.end() :] if begun is not None else given
        earlier = earlier or begun is not None
        if "@" in written and not earlier:
            return None
        if not _takes(parts, _DATED.sub("", written), earlier):
            return None
    if not parts.values or (parts.dates and not parts.earlier):
        return None
    # Of two lengths it is not known which is meant.
    now = [one.dimension for one in parts.values]
    return parts if len(set(now)) == len(now) else None


def _split(rest: str) -> Iterator[str]:
    for one in re.split(r"[;()\[\]]|,(?=\s)", rest):
        if one.strip():
            yield one.strip()


def _takes(parts: _Parts, written: str, earlier: bool) -> bool:
    share = _SHARE.fullmatch(written)
    if share is not None and not earlier and not parts.whole:
        parts.whole, written = tokens(share.group(2)), share.group(1)
    match = VALUE.fullmatch(re.sub(rf"\s(?:{words()['adjusted']})$", "", written))
    if match is not None and not _is_change(match):
        value = value_of(match)
        if value is not None:
            (parts.earlier if earlier else parts.values).append(value)
        return value is not None
    return _compares(parts, written, earlier)


def _is_change(match: re.Match[str]) -> bool:
    return match.group("sign") == "+" or (match.group("sign") == "-" and match.group("unit") == "%")


def _compares(parts: _Parts, written: str, earlier: bool) -> bool:
    match = forms()["percentile"].match(written)
    if match is not None and not earlier and parts.percentile is None:
        parts.percentile = Value(_amount(match.group("value")))
        return True
    match = forms()["range"].match(written)
    if match is not None and parts.low is None and parts.high is None:
        parts.low = _limit(match, "low")
        parts.high = _limit(match, "high")
        return parts.low is not None and parts.high is not None
    for name in ("limit", "lower_limit"):
        match = forms()[name].match(written)
        if match is not None and parts.low is None and parts.high is None:
            parts.limit = True
            value = _limit(match, "value")
            if name == "limit":
                parts.high = value
            else:
                parts.low = value
            return value is not None
    match = forms()["change"].match(written)
    if match is not None and parts.earlier and parts.change is None:
        sign = -1 if match.group("sign") == "-" else 1
        parts.change = Value(sign * _amount(match.group("value")), "percent")
        return True
    return forms()["adjusted"].match(written) is not None or _notes(parts, written, earlier)


def _notes(parts: _Parts, written: str, earlier: bool) -> bool:
    """`8.4 mm mean diameter`, `volume 310 mm³`, `solid`, `right upper lobe`"""
    match = VALUE.match(written)
    rest = written[match.end() :] if match is not None else written
    if match is None:
        match = re.search(rf"\s(?:{VALUE.pattern})$", written)
        rest = written[: match.start()] if match is not None else written
    if rest and not _describes(rest):
        return False
    if match is not None:
        value = value_of(match)
        if value is None or not value.dimension or _is_change(match):
            return False
        (parts.earlier if earlier else parts.values).append(value)
    elif earlier:
        return False
    parts.notes |= tokens(rest)
    return True


def _describes(text: str) -> bool:
    """Whether all words are names of places and properties, and none of them denies or doubts."""
    reading = read(_alike(text))
    held = {at for word in reading.words for at in range(word.at, word.end)}
    plain_words = all(word.entry.category in _DESCRIBING for word in reading.words)
    return plain_words and bool(reading.words) and len(held) == len(reading.pieces)


def _amount(number: str) -> Decimal:
    return Decimal(number.replace(",", "."))


def _limit(match: re.Match[str], name: str) -> Value | None:
    written = f"{match.group(name)} {match.group('unit') or ''}".strip()
    found = VALUE.fullmatch(written)
    return value_of(found) if found is not None else None
