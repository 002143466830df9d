"""Whether one place of the body lies in another."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from inference.language.guard.assertions.assertion import Assertion, Place
from inference.language.guard.assertions.symbols import GRADE
from inference.language.guard.lexicon import lexicon

# Places that a heading or a phrase names without narrowing anything.
# A whole that a phrase may name beside its part.
NEUTRAL = frozenset(("territory", "region"))
WIDE = frozenset("region base surface chest abdomen head neck bone vessel".split())

_GRADED = {
    "bi-rads": "breast",
    "ti-rads": "thyroid",
    "li-rads": "liver",
    "pi-rads": "prostate",
    "lung-rads": "lung",
    "fazekas": "white_matter",
}


@cache
def within(concept: str) -> frozenset[str]:
    """A place and all the larger ones that hold it."""
    found = {concept}
    entry = lexicon().concepts.get(concept)
    while entry is not None and entry.part_of and entry.part_of not in found:
        found.add(entry.part_of)
        entry = lexicon().concepts.get(entry.part_of)
    return frozenset(found)


def closure(anatomy: frozenset[str]) -> frozenset[str]:
    """The places and all that hold them."""
    return frozenset(wider for one in anatomy for wider in within(one))


@cache
def site_of(observation: str) -> str:
    """Where such a thing always is; empty where that is not known."""
    if observation.startswith(GRADE):
        return _GRADED.get(observation.removeprefix(GRADE).split()[0], "")
    entry = lexicon().concepts.get(observation)
    return entry.site if entry is not None else ""


def known_place(source: Assertion) -> Place:
    """All that is known of where it is: its words, the heading's, and its nature."""
    place, context = source.place, source.context
    site = site_of(source.observation)
    own = frozenset((site,)) if site else frozenset[str]()
    if source.listed and place.anatomy:
        # The heading names several places, and the sentence says which is meant.
        context = Place(sides=context.sides)
    anatomy = closure(place.anatomy | context.anatomy | source.title.anatomy | own)
    return Place(
        anatomy,
        place.sides or context.sides or source.title.sides,
        place.levels or context.levels,
        place.details | context.details,
        place.loose,
    )


def lies_in(narrow: Place, wide: Place, site: str = "", exempt: frozenset[str] = WIDE) -> str:
    """What of `wide` the place `narrow` does not name; empty where it lies within."""
    named = closure(narrow.anatomy | (frozenset((site,)) if site else frozenset()))
    for one in sorted(wide.anatomy):
        if one not in named and one not in exempt:
            return one
    if wide.levels and not wide.levels <= narrow.levels:
        return "level"
    if wide.details and not wide.details <= narrow.details:
        return sorted(wide.details - narrow.details)[0]
    return ""


def known_above(one: Assertion, sides: frozenset[str]) -> Place:
    """What headings and the first phrase of the sentence say that it is of.

    Under `Left ovary`, `Right ovary normal, 2 cm follicle` speaks of the right one alone. `sides`:
    all that its sentence names.
    """
    context, topic = one.context, one.topic
    if topic.anatomy and not closure(topic.anatomy) & (context.anatomy - WIDE):
        context = Place(sides=context.sides)
    if context.sides and sides - context.sides:
        context = replace(context, sides=frozenset())
    return context.joined(topic)
