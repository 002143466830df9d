"""Whether printed findings say what a sentence says of one of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache

from inference.language.guard.lexicon import lexicon
from inference.language.guard.printed.checks import measured_of, position_of
from inference.language.guard.printed.lines import Line, tokens
from inference.language.guard.printed.numbers import NUMBER, plain, words
from inference.language.guard.printed.statements import fillers, read_statement
from inference.language.guard.reading import read
from inference.language.guard.verdict import SourceSpan

_JOINT = re.compile(
    r"\s*;\s*|\s*,\s(?:while|whereas|but|and|während|wohingegen|aber|und|jedoch)\s"
    r"|\s*,\s(?=(?:das|die|der|the|that|those)\s(?:(?:der|des|of the)\s)?(?:link|recht|left|right))"
)
_LISTED = re.compile(r"(?:\bboth\s(?:the\s)?|\bsowohl\s)?(\S+)\s(?:and|und|als auch)\s(\S+)")
_BOTH = re.compile(r"\b(?:both|beide[rn]?)\b")
_SIDE = re.compile(r"(?<!\w)(?:left|right|(?:link|recht)(?:e[rsnm]?|s))(?!\w)")
_THAN = re.compile(
    rf"(?P<before>.*?)\b(?P<how>{'|'.join((words()['less'] + ' ' + words()['more']).split())})"
    r"\s(?P<between>.*?)\b(?:than|als)\s(?:(?:on|the|that|of|auf|der|die|das|dem|den|in)\s)*"
    r"(?P<other>left|right|links|rechts|(?:link|recht)e[rsnm]?)(?:\s(?:side|seite|one))?"
)
_OTHER = re.compile(
    r"(?:(?:that|those|das|die|der|the)\s)?(?:(?:of|der|des|the|on|auf)\s)*"
    r"(?P<side>left|right|links|rechts|(?:link|recht)e[rsnm]?)\b(?:\sone\b)?\s*"
)
_MOST_LISTS = 3


def printed_support(sentence: str, lines: Sequence[Line]) -> tuple[SourceSpan, ...]:
    """The printed findings that say all of the sentence; none where they do not."""
    if not lines:
        return ()
    found: list[SourceSpan] = []
    before = ""
    for statement in _JOINT.split(plain(sentence).rstrip(" .")):
        spans = (
            _supported(statement, lines, _MOST_LISTS)
            or _compared(statement, lines)
            or _of_other_side(before, statement, lines)
        )
        if not spans:
            return ()
        found += spans
        before = statement
    return tuple(dict.fromkeys(found))


def _compared(statement: str, lines: Sequence[Line]) -> list[SourceSpan]:
    """`The hippocampus is smaller on the left than on the right.`"""
    match = _THAN.fullmatch(statement)
    if match is None:
        return []
    ours = fillers().sub(" ", f"{match.group('before')} {match.group('between')}")
    sides = _SIDE.findall(ours)
    if len(sides) != 1 or not _is_label(ours):
        return []
    theirs = _SIDE.sub(match.group("other"), ours)
    one, two = _line_named(ours, lines), _line_named(theirs, lines)
    if one is None or two is None or one is two or len(one.values) != 1 or len(two.values) != 1:
        return []
    mine, other = one.values[0], two.values[0]
    if mine.dimension != other.dimension:
        return []
    less = match.group("how") in words()["less"].split()
    holds = mine.amount < other.amount if less else mine.amount > other.amount
    return [one.span, two.span] if holds else []


def _of_other_side(before: str, statement: str, lines: Sequence[Line]) -> list[SourceSpan]:
    """`The right atrium is enlarged, the left is not`, `..., that of the left is normal`"""
    match = _OTHER.match(statement)
    if match is None:
        return []
    first, second = read_statement(before), read_statement(statement[match.end() :])
    if not (first.understood and second.understood) or len(_SIDE.findall(first.rest)) != 1:
        return []
    line = _line_named(_SIDE.sub(match.group("side"), first.rest), lines)
    if line is None or line is _line_named(first.rest, lines):
        return []
    if second.rest in ("not", "nicht", "does not") and not second.checks:
        holds = first.statuses == 1 == len(first.checks) and position_of(line) == 0
    else:
        holds = not second.rest and bool(second.checks)
    return [line.span] if holds and all(check(line) for check in second.checks) else []


def _supported(statement: str, lines: Sequence[Line], lists: int) -> list[SourceSpan]:
    line = _line_of(statement, lines)
    if line is not None:
        return [line.span]
    if not lists:
        return []
    for variants in _variants(statement):
        spans = [_supported(one, lines, lists - 1) for one in variants]
        if all(spans):
            return [span for one in spans for span in one]
    return []


def _variants(statement: str) -> Iterator[list[str]]:
    """A statement of two things as one of each: `of both ventricles`, `end-diastolic and ...`."""
    if re.search(NUMBER, statement):
        # Of two things with numbers it is not known whose they are.
        return
    for match in _LISTED.finditer(statement):
        before, after = statement[: match.start()], statement[match.end() :]
        yield [f"{before}{match.group(one)}{after}" for one in (1, 2)]
    both = _BOTH.search(statement)
    if both is not None:
        german = both.group().startswith("beide")
        sides = ("linken", "rechten") if german else ("left", "right")
        yield [f"{statement[: both.start()]}{one}{statement[both.end() :]}" for one in sides]


def _line_of(statement: str, lines: Sequence[Line]) -> Line | None:
    claim = read_statement(statement)
    if not claim.understood or not claim.checks or not _is_label(claim.rest):
        return None
    line = _line_named(claim.rest, lines)
    if line is None or (claim.normal and not measured_of(line) <= tokens(claim.rest)):
        # `The liver is normal` says more than that its volume is.
        return None
    return line if all(check(line) for check in claim.checks) else None


def _line_named(label: str, lines: Sequence[Line]) -> Line | None:
    """The one line that a statement may mean."""
    named = tokens(label)
    meant = [one for one in lines if _names(named, one)]
    return meant[0] if len(meant) == 1 else None


def _is_label(rest: str) -> bool:
    """Whether names alone are left of the statement."""
    reading = read(rest)
    held = {at for word in reading.words for at in range(word.at, word.end)}
    wrong = any(word.entry.category in ("grammar", "trigger") for word in reading.words)
    held |= {at for at, piece in enumerate(reading.pieces) if piece.isdigit() or piece == "#"}
    return bool(reading.words) and not wrong and len(held) == len(reading.pieces)


@cache
def _optional() -> frozenset[str]:
    return tokens(words()["optional"])


@cache
def _of_volumes() -> frozenset[str]:
    return tokens(words()["of_volumes"])


def _names(named: frozenset[str], line: Line) -> bool:
    """Whether a statement names the finding of the line, and nothing besides it."""
    more = named - line.label
    if any(one.dimension == "mm³" for one in line.values):
        more -= _of_volumes()
    if line.whole and line.whole <= more:
        more -= line.whole | {"share"}
    numbers = {one for one in line.label if one.isdigit()}
    left_out = line.label - named - _optional() - numbers
    if numbers and numbers <= named:
        # `Nodule 1`: its number says which it is, and where it is need not be repeated.
        left_out = frozenset(
            one for one in left_out if _category(one) not in ("anatomy", "side", "modifier")
        )
    return not more - line.notes and not left_out and bool(named & (line.label - numbers))


def _category(concept: str) -> str:
    entry = lexicon().concepts.get(concept)
    return entry.category if entry is not None else ""
