"""Words that are not understood: what stands beside them is believed in their company alone.

A verb, a note or a place that nobody understands may undo all that stands beside it: `effusion
and pneumothorax have vanished`. Whatever a sentence with such words says follows from a sentence
with the same ones alone, of the same sides and levels. So it is with what is stated to have been
before.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache

from inference.language.guard.assertions.assertion import RESOLVED, Assertion, Extent
from inference.language.guard.assertions.reading.items import Item
from inference.language.guard.lexicon import read_data
from inference.language.guard.numbers.units import NO_UNIT
from inference.language.guard.scope import BOTH_SIDES

THEN = "then"
_BEFORE = frozenset(("comparison_exam", "before"))
_DESCRIBES = frozenset(("property", "modifier", "soft", "word"))
_NAMES = frozenset(("thing", "anatomy", "measure", "modality", "relation"))
_SIGNS = frozenset("?+-=~*#%<>&")
_PLAIN_MARKS = frozenset(".,;:()[]/'\"!x") | _SIGNS
_EMPTY = frozenset((("[", "]"), ("(", ")")))
_YEARS = range(1900, 2101)
WAS = "was"
"""Beside words that are not understood: the source says that it was so, not that it is."""
_WAS = frozenset("was were war waren had hatte hatten bestand bestanden".split())
_PRESENT = frozenset(("present", "vor"))
_TIMES = frozenset("year month week day 1".split())
_LIES = frozenset(("liegt", "liegen"))
_ENDS = frozenset(".,;")
_LONGEST_SIGN = 8
# Without a place, it may be what was written that is retracted.
_RETRACTING = frozenset(("retraction",))
_UNDOING = frozenset(("negation", "resolved"))


def unread_of(items: Sequence[Item]) -> frozenset[str]:
    """The words that are not understood, with the sides and levels named beside them."""
    unknown = {
        mention.concept
        for item in items
        for mention in item.mentions
        if mention.category == "word" and item.kind == "name"
    }
    return frozenset(unknown | _places(items)) if unknown else frozenset()


def unread_of_heading(items: Sequence[Item]) -> frozenset[str]:
    """Those of a heading; an adjective of a place is none of them: `suprahyoid neck`."""
    if any(item.kind == "trigger" for item in items):
        # `Excluded: effusion`
        return frozenset(item.text for item in items)
    for position, item in enumerate(items):
        ahead = items[position + 1 : position + 2]
        unknown = any(one.category == "word" for one in item.mentions)
        if unknown and not any(_is_place(one) for one in ahead):
            return unread_of(items)
        joins = item.text == "," or bool(item.classes & {"and", "article"})
        if item.kind not in ("name", "side", "symbol") and not joins:
            return unread_of(items)
    return frozenset()


def _is_place(item: Item) -> bool:
    return any(one.category == "anatomy" for one in item.mentions)


def parts_of(items: Sequence[Item]) -> list[list[Item]]:
    """What stands between semicolons, where each part names something; else all of it.

    A part with words that are not understood may speak of the others: `Cyst; retracted by
    addendum`, `Aortic dissection; in retrospect artifact of the aorta`.
    """
    parts: list[list[Item]] = [[]]
    for item in items:
        if item.kind == "mark" and item.text == ";":
            parts.append([])
        else:
            parts[-1].append(item)
    named = all(_names_something(part) for part in parts)
    apart = not any(map(unread_of, parts[1:])) and _only_describes(parts[0])
    return parts if named and apart else [list(items)]


def _only_describes(items: Sequence[Item]) -> bool:
    """Whether all words that are not understood stand before a thing: `No glorpian mass`."""
    for position, item in enumerate(items):
        unknown = item.kind == "name" and any(one.category == "word" for one in item.mentions)
        ahead = [one for each in items[position + 1 : position + 2] for one in each.mentions]
        if unknown and not any(one.category == "thing" for one in ahead):
            return False
    return True


def _names_something(items: Sequence[Item]) -> bool:
    return any(one.category in _NAMES for item in items for one in item.mentions)


def with_unread(
    assertions: Sequence[Assertion], items: Sequence[Item], around: frozenset[str]
) -> list[Assertion]:
    """Each assertion with the words beside it that are not understood, or that are of then."""
    unread = unread_of(items) | around | _was(items)
    then = list(_of_then(items))
    described = frozenset(one for one in then if one != THEN)
    return [
        replace(one, unread=unread | described | (_when(one) if then else frozenset()))
        for one in assertions
    ]


def signs_of(items: Sequence[Item]) -> list[str]:
    """Marks that may deny, ask or doubt: `fracture?`, `fracture (-)`, `fracture: 0`, `[ ] mass`.

    A bare year is of then, whatever is meant by it.
    """
    marks = [
        item.text
        for item in items
        if item.kind == "mark" and (item.text in _SIGNS or item.text not in _PLAIN_MARKS)
    ]
    pairs = itertools.pairwise(item.text for item in items)
    marks += ["".join(pair) for pair in pairs if pair in _EMPTY]
    numbers = [item for item in items if item.kind == "number"]
    return marks + [
        one.text for one in numbers if all(axis.value == 0 for axis in one.numbers) or _is_year(one)
    ]


def _is_year(number: Item) -> bool:
    return any(axis.unit == NO_UNIT and axis.value in _YEARS for axis in number.numbers)


def _was(items: Sequence[Item]) -> frozenset[str]:
    """`The appendix was perforated`; not `a nodule was seen`, `(was 5 mm)`."""
    if any("seen" in one.classes and one.text not in _PRESENT | _WAS for one in items):
        return frozenset()
    for position, item in enumerate(items):
        bracketed = position > 0 and items[position - 1].text == "("
        sized = any(one.kind == "number" for one in items[position + 1 : position + 2])
        if item.text in _WAS and not bracketed and not sized:
            return frozenset((WAS,))
    return frozenset()


def undoes(items: Sequence[Item]) -> bool:
    """Whether a sentence names nothing and may undo the one before: `Resolved.`, `It was refuted.`

    So may one of which nothing is understood, unless it affirms a sign of its own.
    """
    mentions = [one for item in items for one in item.mentions]
    named = [one for one in mentions if one.category in _NAMES | {"property"}]
    if any(one.concept not in _RETRACTING for one in named) or not items:
        return False
    denies = any(item.kind == "trigger" and item.meaning in _UNDOING for item in items)
    resolved = any(one.concept in ("resolved", "removal") for one in mentions)
    unknown = any(item.kind == "unknown" for item in items) or bool(unread_of(items))
    return denies or resolved or bool(named) or (unknown and not _affirms_sign(items))


def _affirms_sign(items: Sequence[Item]) -> bool:
    """`Sonographic Murphy sign positive.` has nothing that could be of the sentence before."""
    signs, affirming, turning = _sign_words()
    if len(items) > _LONGEST_SIGN or not all(map(_is_of_sign, items)):
        return False
    words = [word for item in items for word in item.text.split()]
    own = [word for word in words if word not in signs | affirming]
    turns = any(word.startswith(turning) for word in own)
    # Its name stands with it: `Sign positive` may be of anything.
    named = any(item.kind == "name" and item.text in own for item in items)
    return named and not turns and bool(signs & set(words)) and bool(affirming & set(words))


def _is_of_sign(item: Item) -> bool:
    """Whether it is a word without a meaning of its own, a verb of being, an article or the end."""
    if item.kind == "name":
        return all(one.category in _DESCRIBES for one in item.mentions)
    if item.kind == "mark":
        return item.text == "."
    return item.kind == "small" and bool(item.classes & {"article", "be", "seen"})


@cache
def _sign_words() -> tuple[frozenset[str], frozenset[str], tuple[str, ...]]:
    found = read_data("signs")
    turning = tuple(found["turning"].split())
    return frozenset(found["signs"].split()), frozenset(found["affirming"].split()), turning


def _when(one: Assertion) -> frozenset[str]:
    """Whether it may itself be of then: what is compared, or has gone, is not."""
    compared = one.changes or any(map(_is_compared, one.extents))
    itself = one.observation in _BEFORE or one.polarity == RESOLVED
    return frozenset() if compared or itself else frozenset((THEN,))


def _is_compared(extent: Extent) -> bool:
    """Whether it is a size of before; a time is none: `embolism 5 years before`."""
    of_time = any(axis.unit.dimension in _TIMES for axis in extent.axes)
    return (extent.prior or extent.change) and not of_time


def _of_then(items: Sequence[Item]) -> Iterator[str]:
    """That the sentence speaks of before, and what it describes so: `previously mild`."""
    for position, item in enumerate(items):
        ahead = items[position + 1] if position + 1 < len(items) else None
        named = any(one.concept in _BEFORE and not one.negations for one in item.mentions)
        if not named and ("before" not in item.classes or _ends_verb(items, position)):
            continue
        yield THEN
        if ahead is not None and ahead.kind == "name":
            yield from (
                f"{THEN} {one.concept}" for one in ahead.mentions if one.category in _DESCRIBES
            )


def _ends_verb(items: Sequence[Item], position: int) -> bool:
    """Whether it is a part of the verb: `Ein Erguss liegt nicht vor.`; not `vor 5 Jahren`."""
    if items[position].text != "vor" or not any(one.text in _LIES for one in items[:position]):
        return False
    ahead = items[position + 1 : position + 2]
    return all(one.kind == "mark" and one.text in _ENDS for one in ahead)


def _places(items: Sequence[Item]) -> set[str]:
    found: set[str] = set()
    for item in items:
        if item.kind == "side" or (item.kind == "name" and item.meaning):
            found |= BOTH_SIDES if item.meaning == "both" else {item.meaning}
        elif item.kind == "symbol":
            found.add(item.meaning)
    return found
