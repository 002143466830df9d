"""Items of a sentence, cut where one statement ends and another begins."""

from __future__ import annotations

from collections.abc import Sequence

from inference.language.guard.assertions.reading.items import Item

UNCLEAR = "a subject that is not clear"
_STOPS = frozenset(";.!?")
_VERBS = frozenset(("be", "show", "measure"))
_PRONOUNS = frozenset("it they er sie also".split())


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
    ahead = items[position + 1 : position + 3]
    if len(ahead) == 2 and ahead[0].text in _PRONOUNS and is_verb(ahead[1]):
        # `The mass abuts the liver and it is enlarged`
        return ahead[0].text != "also"
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

    `The gallbladder is distended but contains no stones`, `... because it is collapsed`. Of
    `The spleen contains a lesion, it is malignant` the subject is not clear, and it is read with
    an item that nothing understands.
    """
    found: list[list[Item]] = []
    subject: list[Item] = []
    names_more = False
    for clause in clauses:
        own = list(clause)
        while own and own[0].text in _PRONOUNS:
            own = own[1:]
        stands_for = any(one.text != "also" for one in clause[: len(clause) - len(own)])
        if subject and own and is_verb(own[0]):
            if _takes_subject(own, stands_for, names_more):
                found.append([*subject, *own])
            else:
                found.append([Item("unknown", own[0].at, own[0].at, UNCLEAR), *own])
            names_more = names_more or _names_any(own)
            continue
        found.append(list(clause))
        verb = next((at for at, item in enumerate(clause) if is_verb(item)), 0)
        subject = list(clause[:verb])
        names_more = _names_any(clause[verb:])
        if any(item.kind in ("trigger", "number", "mark", "unknown") for item in subject):
            subject = []
    return found


def _takes_subject(own: Sequence[Item], stands_for: bool, names_more: bool) -> bool:
    """Whether what a clause says can be of the subject before alone.

    `names_more`: the clauses before name things or places besides it, which a pronoun, or what is
    stated to be so, may mean as well.
    """
    if names_more and (stands_for or not own[0].classes <= {"show"}):
        return False
    rest = own[1:]
    placed = any(
        item.kind in ("side", "symbol") or bool(item.meaning and item.kind == "name")
        or any(one.category == "anatomy" for one in item.mentions)
        for item in rest
    )  # fmt: skip
    return not placed and not any(is_verb(item) for item in rest)


def _names_any(items: Sequence[Item]) -> bool:
    return any(
        item.kind in ("side", "symbol")
        or any(one.category in ("thing", "anatomy") for one in item.mentions)
        for item in items
    )
