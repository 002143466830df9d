"""Which examination a size is of."""

from __future__ import annotations

from collections.abc import Sequence

from inference.language.guard.assertions.reading.items import Item

_THEN = frozenset(
    "previously previous prior formerly earlier zuvor vorher voruntersuchung voraufnahme vorbefund"
    " früher".split()
)
_AFTER = frozenset("previously before earlier zuvor vorher prior".split())
_NOW = frozenset("now currently current today aktuell jetzt to auf".split())
_WAS = frozenset(("was", "were", "war", "waren"))
_COMPARING = frozenset("to with than zu zur gegenüber als im compared vergleich".split())


def is_prior_size(items: Sequence[Item], position: int) -> bool:
    """Whether the number at this position was measured before: `from 9 mm`, `previously 9 mm`."""
    before = items[position - 1] if position else None
    if before is not None and before.text in ("from", "aus"):
        return True
    apart = position > 1 and items[position - 2].text in (",", "(", ";")
    if before is not None and before.text in _WAS and apart:
        # `Stone, was 8 mm, now 5 mm`: without a subject of its own.
        return True
    if before is not None and before.text in ("vs", "versus", "gegenüber") and position > 1:
        return any(item.kind == "number" for item in items[:position])
    if before is not None and before.text == "von" and _auf_follows(items, position):
        return True
    if _is_compared(items, position) or _has_date_behind(items, position):
        return True
    return any(then(items, position) for then in (_within_then, _then_before, _then_behind))


def _is_compared(items: Sequence[Item], position: int) -> bool:
    """`Now 9 mm, compared with 15 mm`"""
    before = [one.text for one in items[max(position - 3, 0) : position]]
    return bool(set(before) & {"compared", "verglichen", "vergleich"}) and any(
        item.kind == "number" for item in items[:position]
    )


def _has_date_behind(items: Sequence[Item], position: int) -> bool:
    """`11 mm on 30 October 2023`: a date of today is not stated with a size of today."""
    for item in items[position + 1 : position + 3]:
        if item.kind == "date":
            return True
        if item.text not in ("on", "in", "am", "vom", "(", "at"):
            return False
    return False


def _auf_follows(items: Sequence[Item], position: int) -> bool:
    following = items[position + 1 : position + 3]
    return len(following) == 2 and following[0].text == "auf" and following[1].kind == "number"


def _within_then(items: Sequence[Item], position: int) -> bool:
    """`2.1 cm, SUVmax 2.5 (prior 6.0 cm, SUVmax 21.5)`: all that stands between the brackets."""
    for at in range(position - 1, -1, -1):
        item = items[at]
        if item.text == ")" or item.text in _NOW:
            return False
        if item.text == "(":
            opening = {word for one in items[at + 1 : at + 3] for word in one.text.split()}
            return bool(opening & _THEN)
    return False


def _then_before(items: Sequence[Item], position: int) -> bool:
    for at in range(position - 1, -1, -1):
        item = items[at]
        if item.kind == "number" or item.text in _NOW:
            return False
        if set(item.text.split()) & _THEN:
            compared = {one.text for one in items[max(at - 3, 0) : at]}
            return not compared & _COMPARING
    return False


def _then_behind(items: Sequence[Item], position: int) -> bool:
    for item in items[position + 1 : position + 4]:
        if item.kind == "number" or item.text == ",":
            return False
        if set(item.text.split()) & _AFTER:
            following = items[items.index(item) + 1 :][:1]
            return not (following and following[0].kind == "number")
    return False
