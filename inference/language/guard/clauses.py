"""A sentence as the clauses that it joins, each of which must be supported by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from inference.language.guard.dates import FoundDate
from inference.language.guard.quantities import Quantity
from inference.language.guard.reading import Reading
from inference.language.guard.scope import Mention, mentions_of, with_sides

_JOINTS = frozenset(", ; . ? ! : ( ) and or und oder sowie with mit for".split())
_LIST_JOINTS = frozenset((",", "and", "or", "und", "oder", "sowie"))
_BEGINNINGS = frozenset(
    "a an the there no not without this is are ein eine der die das es kein keine ohne".split()
)
_LONG_JOINTS = (("as", "well", "as"), ("along", "with"), ("versus",), ("vs",))
_SHOWING = frozenset(
    "shows show demonstrates reveals displays contains has exhibits zeigt enthält hat :".split()
)
_PREPOSITIONS = frozenset("in of at on within im in der von am to into over under beneath".split())


@dataclass(frozen=True)
class Clause:
    """One joined part: `start` to `end` among the pieces of its sentence."""

    start: int
    end: int
    mentions: tuple[Mention, ...]
    quantities: tuple[Quantity, ...]
    dates: tuple[FoundDate, ...]
    sides: frozenset[str]
    carried: frozenset[str] = frozenset()
    """What describes the members before it in a list describes this one, too."""


def clauses_of(reading: Reading) -> tuple[Clause, ...]:
    """Cut where both parts say something whole; a list of places is not cut."""
    mentions = mentions_of(reading)
    spans = _spans(reading, mentions)
    clauses = [_clause(reading, mentions, start, end) for start, end in spans]
    clauses = [_with_borrowed_place(clauses, index, reading) for index in range(len(clauses))]
    for index in range(1, len(clauses)):
        clauses[index] = _continued(clauses[index - 1], clauses[index], reading)
    return tuple(clauses)


def _spans(reading: Reading, mentions: Sequence[Mention]) -> list[tuple[int, int]]:
    length = len(reading.pieces)
    joints = [(at, at + size) for at in range(length) if (size := _joint_at(reading, at))]
    spans: list[tuple[int, int]] = []
    start = 0
    for position, (at, after) in enumerate(joints):
        following = joints[position + 1][0] if position + 1 < len(joints) else length
        # A part that says nothing whole goes with its neighbour.
        rest = [one for one in mentions if after <= one.word.at < following]
        own = [one for one in mentions if start <= one.word.at < at]
        if _is_whole(own) and _is_whole(rest):
            spans.append((start, at))
            start = after
    spans.append((start, length))
    return spans


def _joint_at(reading: Reading, at: int) -> int:
    for joint in _LONG_JOINTS:
        if reading.pieces[at : at + len(joint)] == joint:
            inside = any(
                word.at <= at < word.end
                and word.entry.category == "trigger"
                and word.entry.concept != "possible"
                for word in reading.words
            )
            return 0 if inside else len(joint)
    if reading.pieces[at] not in _JOINTS:
        return 0
    taken = any(word.at <= at < word.end and word.end - word.at > 1 for word in reading.words)
    taken = taken or any(one.at <= at < one.end for one in reading.quantities)
    return 0 if taken else 1


def _is_whole(mentions: Sequence[Mention]) -> bool:
    if any(one.category == "thing" for one in mentions):
        return True
    placed = any(one.category == "anatomy" for one in mentions)
    said = ("property", "change", "modality")
    return placed and any(one.category in said for one in mentions)


def _clause(reading: Reading, mentions: Sequence[Mention], start: int, end: int) -> Clause:
    own = with_sides([one for one in mentions if start <= one.word.at < end], reading, start, end)
    own = _alternatives(own, reading, start, end)
    return Clause(
        start=start,
        end=end,
        mentions=own,
        quantities=tuple(one for one in reading.quantities if start <= one.at < end),
        dates=tuple(found for at, found in reading.dates if start <= at < end or at == end),
        sides=frozenset(side for one in own for side in one.sides),
    )


def _alternatives(
    mentions: tuple[Mention, ...], reading: Reading, start: int, end: int
) -> tuple[Mention, ...]:
    """One of several that are offered as alternatives is only possible."""
    either = {"or", "oder", "versus", "vs"}
    touches = {reading.pieces[start - 1]} if start else set()
    touches |= {reading.pieces[end]} if end < len(reading.pieces) else set()
    if not either & touches:
        return mentions
    return tuple(
        replace(one, labels=one.labels | {"possible"}) if not one.negations else one
        for one in mentions
    )


def _with_borrowed_place(clauses: Sequence[Clause], index: int, reading: Reading) -> Clause:
    """A member of a list that names no place is of the place that is named behind the list."""
    clause = clauses[index]
    if _places(clause) or clause.sides:
        return clause
    for before, following in zip(clauses[index:], clauses[index + 1 :], strict=False):
        if not _is_list(reading, before, following):
            break
        behind = [one for one in _places(following) if _behind_preposition(one, reading)]
        if behind:
            return _of_place(clause, behind)
    return clause


def _continued(before: Clause, clause: Clause, reading: Reading) -> Clause:
    """A member of a list that names no place is of the place that is named before the list."""
    if not _is_list(reading, before, clause):
        return clause
    carried = before.carried | {
        one.concept for one in before.mentions if one.category in ("modifier", "property")
    }
    clause = replace(clause, carried=carried)
    if clause.sides or not _places(before):
        return clause
    shown = bool(_SHOWING & set(reading.pieces[before.start : before.end]))
    if not _places(clause) or (shown and all(_describes(one, clause) for one in _places(clause))):
        return _of_place(clause, _places(before))
    return clause


def _describes(place: Mention, clause: Clause) -> bool:
    """Whether a place only says what kind of thing is meant: `pleural thickening`."""
    return any(one.category == "thing" and one.word.at == place.word.end for one in clause.mentions)


def _places(clause: Clause) -> list[Mention]:
    return [one for one in clause.mentions if one.category == "anatomy"]


def _of_place(clause: Clause, places: Sequence[Mention]) -> Clause:
    sides = frozenset(side for one in places for side in one.sides)
    own = tuple(replace(one, sides=one.sides or sides) for one in clause.mentions)
    return replace(clause, mentions=own + tuple(places), sides=sides)


def _is_list(reading: Reading, before: Clause, clause: Clause) -> bool:
    """Whether the second goes on with the first, rather than beginning anew."""
    joint = set(reading.pieces[before.end : clause.start])
    first = reading.pieces[clause.start : clause.start + 1]
    if reading.pieces[clause.start : clause.start + 1] in (("and",), ("or",), ("und",), ("oder",)):
        first = reading.pieces[clause.start + 1 : clause.start + 2]
    return joint <= _LIST_JOINTS and not _BEGINNINGS & set(first)


def _behind_preposition(one: Mention, reading: Reading) -> bool:
    before = reading.pieces[max(one.word.at - 4, 0) : one.word.at]
    return bool(_PREPOSITIONS & set(before))
