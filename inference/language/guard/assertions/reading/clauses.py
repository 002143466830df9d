"""Items of a sentence, cut where one statement ends and another begins."""

from __future__ import annotations

from collections.abc import Sequence

from inference.language.guard.assertions.reading.items import Item

_STOPS = frozenset(";.!?")
_VERBS = frozenset(("be", "show", "measure"))
_PRONOUNS = frozenset("it they er sie es also".split())


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


def with_subjects(clauses: Sequence[Sequence[Item]]) -> list[list[Item]]:
    """Each clause, one that has none of its own with the subject of the clause before.

    `The gallbladder is distended but contains no stones`, `... because it is collapsed`
    """
    found: list[list[Item]] = []
    subject: list[Item] = []
    for clause in clauses:
        own = list(clause)
        while own and own[0].text in _PRONOUNS:
            own = own[1:]
        if subject and own and is_verb(own[0]):
            found.append([*subject, *own])
            continue
        found.append(list(clause))
        verb = next((at for at, item in enumerate(clause) if is_verb(item)), 0)
        subject = list(clause[:verb])
        if any(item.kind in ("trigger", "number", "mark", "unknown") for item in subject):
            subject = []
    return found
