"""Which column of a row a question means: that of a day, of limits, of a name, or of results."""

import re
from collections.abc import Sequence

from inference.language.documents.days import Day, days_in, has_open_day, months_in
from inference.language.documents.meaning.candidates import Candidate
from inference.language.documents.pairing.asking import Asked
from inference.language.documents.pairing.topics import Unit, folded, same_unit, units_of

_LIMITS = re.compile(
    r"\b(?:limit|upper|lower|normal|reference|range|interval|bound|target|cut ?off)|\bnorm"
    r"|referenz|grenz|soll",
)
_UNITS = re.compile(r"\b(?:unit|units|einheit|einheiten|method|methode|flag|verfahren)\b")
_LATEST = re.compile(
    r"\b(?:now|current|currently|latest|last|recent|today|present|discharge|aktuell\w*|jetzt|heute"
    r"|zuletzt|letzte[rnms]?|neueste[rnms]?|derzeit|entlassung)\b"
)
_EARLIER = re.compile(
    r"\b(?:previous|previously|prior|before|earlier|initial|initially|first|arrival|admission"
    r"|vorher|zuvor|vorherige[rnms]?|vorige[rnms]?|fruher\w*|anfangs|erste[rnms]?|zuerst|aufnahme)\b"
)
_ORDINALS = (
    r"\b(?:first|1st|erste[rnms]?)\b",
    r"\b(?:second|2nd|zweite[rnms]?)\b",
    r"\b(?:third|3rd|dritte[rnms]?)\b",
    r"\b(?:fourth|4th|vierte[rnms]?)\b",
)


def is_of_limits(text: str) -> bool:
    """Whether it names what results are compared with: "reference interval", "upper limit"."""
    return bool(_LIMITS.search(folded(text)))


def chosen_cell(
    asked: Asked,
    cells: Sequence[Candidate],
    alike: Sequence[float],
    is_day_first: bool | None,
    least_margin: float,
) -> Candidate | None:
    """The cell of a row that is asked for; None where the question leaves it open.

    `alike`: how near each is in meaning.
    """
    question = folded(asked.text)
    asks_limits = is_of_limits(question)
    some = [
        (one, score)
        for one, score in zip(cells, alike, strict=True)
        if is_of_limits(one.head) == asks_limits and not _UNITS.search(folded(one.head))
    ]
    if len(some) < 2:
        return some[0][0] if some else None
    named = _named(asked, [one for one, _ in some])
    if named is not None:
        return named
    days = [days_in(one.head, is_day_first) for one, _ in some]
    dated = [(found[0], one) for found, (one, _) in zip(days, some, strict=True) if len(found) == 1]
    if dated:
        return _of_day(question, dated, is_day_first)
    if any(has_open_day(one.head, is_day_first) for one, _ in some):
        # Days that are written so that nothing tells which comes first.
        return None
    some.sort(key=lambda pair: -pair[1])
    if some[0][1] - some[1][1] < least_margin:
        return None
    return some[0][0]


def _named(asked: Asked, cells: Sequence[Candidate]) -> Candidate | None:
    """The only one whose head has a word of the question that its row has not."""
    of_row = units_of(cells[0].label)
    rest = [
        unit
        for unit in asked.units
        if unit.weight > 0.1 and not any(same_unit(unit, one) for one in of_row)
    ]

    def hits(units: Sequence[Unit]) -> int:
        return sum(any(same_unit(unit, one) for one in units) for unit in rest)

    counted = [hits(units_of(one.head)) for one in cells]
    most = max(counted)
    return cells[counted.index(most)] if most and counted.count(most) == 1 else None


def _of_day(
    question: str, dated: Sequence[tuple[Day, Candidate]], is_day_first: bool | None
) -> Candidate | None:
    """That of the day, month or year of the question; else the latest, or the one before."""
    for wanted in days_in(question, is_day_first):
        found = [one for day, one in dated if day == wanted]
        return found[0] if len(found) == 1 else None
    months = months_in(question)
    if months:
        found = [one for day, one in dated if day.month in months]
        return found[0] if len(found) == 1 else None
    ordered = sorted(dated, key=lambda pair: pair[0])
    if _EARLIER.search(question) and not _LATEST.search(question):
        is_first = re.search(r"first|initial|arrival|admission|erst|anfang|aufnahme", question)
        if len(ordered) == 2 or is_first:
            return ordered[0][1]
        return None
    return ordered[-1][1]


def ordinal_of(question: str) -> int:
    """2 for "the second dose"; 0 where none is named."""
    plain = folded(question)
    found = [number for number, one in enumerate(_ORDINALS, start=1) if re.search(one, plain)]
    return found[0] if len(found) == 1 else 0
