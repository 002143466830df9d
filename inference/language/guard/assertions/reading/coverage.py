"""Whether all that a sentence names has come into its assertions."""

from __future__ import annotations

from collections.abc import Sequence

from inference.language.guard.assertions.assertion import RESOLVED, Assertion
from inference.language.guard.assertions.reading.items import Item
from inference.language.guard.assertions.reading.merged_frames import LARGER, SMALLER
from inference.language.guard.assertions.reading.phrase_frames import LOCATING, QUIET
from inference.language.guard.scope import BOTH_SIDES

_OF_SIZES = frozenset(("width", "wide"))


def lost_of(items: Sequence[Item], assertions: Sequence[Assertion]) -> list[str]:
    """Names, sides and numbers that no assertion holds: their part is not understood."""
    held = {one for each in assertions for one in _held_by(each)}
    values = {axis.value for each in assertions for one in each.extents for axis in one.axes}
    lost = []
    for item in items:
        if item.kind == "name" and item.text != "surrounding":
            named = [one for one in item.mentions if one.category != "side"]
            lost += [
                one.word.text
                for one in named
                if one.concept not in held | QUIET | LOCATING | _OF_SIZES
                and not one.word.entry.light
            ]
        elif item.kind == "symbol" and item.meaning not in held:
            lost.append(item.meaning)
        elif (item.kind == "side" and not _sides(item) <= held) or (
            item.kind == "number" and not {one.value for one in item.numbers} <= values
        ):
            lost.append(item.text)
    return lost


def _sides(item: Item) -> frozenset[str]:
    return BOTH_SIDES if item.meaning == "both" else frozenset((item.meaning,))


def _held_by(one: Assertion) -> set[str]:
    held = {one.observation, *one.attributes, *one.changes}
    held |= {change.removesuffix(" in number") for change in one.changes} | {"number"}
    held |= {"increased", "decreased"} if one.attributes & {LARGER, SMALLER} else set()
    held |= {aspect for extent in one.extents for aspect in extent.aspects}
    things = [one.agent, one.object, one.than, *(thing for _, thing in one.others)]
    for thing in things:
        if thing is not None:
            held |= {thing.concept, *thing.attributes}
    for place in (one.place, *(thing.place for thing in things if thing is not None)):
        held |= place.anatomy | place.sides | place.levels | place.details
    return held | ({"resolved"} if one.polarity == RESOLVED else set())
