"""Items of a sentence, cut where one statement ends and another begins."""

from __future__ import annotations

from collections.abc import Sequence

from inference.language.guard.assertions.reading.items import Item

_STOPS = frozenset(";.!?")
_VERBS = frozenset(("be", "show", "measure"))


def clauses_of(items: Sequence[Item]) -> list[list[Item]]:
    """Runs of items; a joint starts a new one only where a verb with its own subject follows."""
    clauses: list[list[Item]] = [[]]
    for position, item in enumerate(items):
        stops = item.kind == "mark" and item.text in _STOPS
        if (
            stops
            or "but" in item.classes
            or (_joins(item) and clauses[-1] and _begins_statement(items, position, clauses[-1]))
        ):
            clauses.append([])
        else:
            clauses[-1].append(item)
    return [one for one in clauses if one]


def _joins(item: Item) -> bool:
    return item.text == "," or bool(item.classes & {"and"})


def is_verb(item: Item) -> bool:
    """Whether it is a small word that makes a statement."""
    return bool(item.classes & _VERBS) and not _is_shared_word(item)


def _is_shared_word(item: Item) -> bool:
    # `containing`, `measuring` describe what stands before.
    return item.text.endswith("ing")


def _begins_statement(items: Sequence[Item], position: int, before: Sequence[Item]) -> bool:
    if not any(is_verb(one) for one in before) and not any(one.kind == "number" for one in before):
        return False
    named = False
    for item in items[position + 1 :]:
        if item.kind == "mark" and item.text in (*_STOPS, ","):
            return False
        if item.kind in ("name", "side", "symbol"):
            named = True
        elif is_verb(item):
            return named
        elif _joins(item) and named:
            # The subject itself may be a list.
            continue
        elif item.classes & {"which", "but"}:
            return False
    return False
