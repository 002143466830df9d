"""Whether one assertion follows from another, and what is missing where it does not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from inference.language.guard.assertions.assertion import (
    ABSENT,
    EXTENT,
    PRESENT,
    RESOLVED,
    UNASSESSED,
    Assertion,
    Place,
    Thing,
)
from inference.language.guard.assertions.matching_sizes import missing_extents
from inference.language.guard.assertions.places import (
    NEUTRAL,
    WIDE,
    closure,
    known_place,
    lies_in,
    site_of,
)
from inference.language.guard.assertions.reading.unknown_words import WAS
from inference.language.guard.assertions.symbols import GRADE
from inference.language.guard.lexicon import lexicon
from inference.language.guard.scope import BOTH_SIDES
from inference.language.guard.verdict import Ground, Reason

_LARGE = frozenset(("enlarged", "dilated"))
_SIZES = frozenset(("size", "wide", "diameter"))
# What is normal is this, too.
_SOUND = frozenset(("clear_", "intact"))
_BROKEN = frozenset(("fracture", "tear", "defect"))
# What goes on since an examination before.
_CONTINUES = frozenset("stable again increased decreased progressed regressing healing".split())
# A larger lung or more enhancement has not progressed.
_WORSE_IF_MORE = frozenset(
    "mass lesion nodule metastasis effusion pleural_effusion edema pneumothorax hemorrhage"
    " subdural_hematoma shift hematoma aneurysm consolidation atrophy stenosis midline_shift"
    " hydrocephalus".split()
)
# Attributes that a heading or a verb implies.
_IMPLIED = frozenset(("local", "focal", "overall"))
_HEALS = frozenset(("healing", "healed"))
_PAST = frozenset(("historical",))


def missing(claim: Assertion, source: Assertion) -> Iterator[Reason]:
    """Why the claim does not follow from the source; nothing where it does."""
    name = readable(claim.observation)
    if not same_observation(claim, source):
        yield Reason(Ground.CONTENT, f"Nothing in the evidence says “{name}” here.")
        return
    # What is so may be stated in the past tense, what was so not in the present.
    ours = claim.unread if WAS in source.unread else claim.unread - {WAS}
    if ours != source.unread:
        odd = sorted(ours ^ source.unread, key=lambda one: (":" not in one, one))
        yield Reason(
            Ground.CONTENT,
            f"“{name}” stands beside words that are not understood: “{readable(odd[0])}”.",
        )
    derived = claim.observation != source.observation or claim.polarity != source.polarity
    if claim.polarity != source.polarity and not _follows_in_polarity(claim, source):
        yield Reason(Ground.NEGATION, f"The evidence says the opposite of “{name}”.")
        return
    yield from _labels(claim, source, name)
    yield from _place(claim, source, name)
    yield from _attributes(claim, source, name, derived)
    yield from _changes(claim, source, name)
    yield from missing_extents(claim, source)
    yield from _things(claim, source, name)
    if claim.plural and claim.polarity == PRESENT and not claim.state and not source.plural:
        yield Reason(Ground.NUMBER, f"The evidence tells of one, not of several: “{name}”.")


def readable(concept: str) -> str:
    """A concept as people read it."""
    return concept.removeprefix("word:").removeprefix("grade:").replace("_", " ").strip()


def kinds(concept: str) -> frozenset[str]:
    """A thing and its wider kinds."""
    entry = lexicon().concepts.get(concept)
    wider = entry.kind_of if entry is not None else ()
    return frozenset((concept, *wider))


def same_observation(claim: Assertion, source: Assertion) -> bool:
    """Whether both speak of one thing, there or not."""
    if claim.observation == source.observation:
        return True
    if claim.polarity == ABSENT and source.polarity in (ABSENT, RESOLVED):
        return source.observation in kinds(claim.observation)
    if claim.polarity == source.polarity and claim.observation in kinds(source.observation):
        return True
    if claim.observation == EXTENT and not claim.extents and claim.changes:
        # `The node is stable` of what is described as a stable, enlarged node.
        return source.state and claim.polarity == source.polarity == PRESENT
    return _by_normality(claim, source)


def _by_normality(claim: Assertion, source: Assertion) -> bool:
    """`Not enlarged` of what is normal; `not fractured` of what is intact."""
    plain = not source.labels and not source.needed
    if claim.polarity == ABSENT and source.polarity == PRESENT and plain:
        if claim.observation in _LARGE:
            return source.observation == "normal" and source.attributes <= _SIZES
        return claim.observation in _BROKEN and source.observation == "intact"
    if claim.polarity == PRESENT and claim.observation == "normal" and claim.attributes & _SIZES:
        return source.polarity == ABSENT and source.observation in _LARGE
    return (
        claim.observation in _SOUND
        and source.observation == "normal"
        and (claim.polarity == source.polarity == PRESENT and not source.attributes)
    )


def _follows_in_polarity(claim: Assertion, source: Assertion) -> bool:
    if claim.polarity == ABSENT and source.polarity == RESOLVED:
        return True
    return _by_normality(claim, source)


def _labels(claim: Assertion, source: Assertion, name: str) -> Iterator[Reason]:
    ours, theirs = claim.labels, source.labels
    entry = lexicon().concepts.get(claim.observation)
    if entry is not None and entry.procedure:
        ours, theirs = ours - _PAST, theirs - _PAST
    if ours == theirs:
        return
    differing = ours ^ theirs
    ground = Ground.CERTAINTY
    if "other_person" in differing:
        ground = Ground.PATIENT
    elif differing & {"historical", "prior"}:
        ground = Ground.TIME
    yield Reason(ground, f"“{name}” is not stated with this certainty.")


# --- places ----------------------------------------------------------------------------------


def _place(claim: Assertion, source: Assertion, name: str) -> Iterator[Reason]:
    known = known_place(source)
    place = claim.place
    if claim.polarity == ABSENT and not known.sides:
        # What is nowhere is on neither side.
        place = replace(place, sides=frozenset())
    yield from _placed(place, known, name)
    restricted = claim.narrows or source.narrows or claim.polarity in (ABSENT, RESOLVED, UNASSESSED)
    if not restricted:
        return
    narrowing = source.place
    site = site_of(source.observation) or site_of(claim.observation)
    if not narrowing.anatomy and not site and not source.object:
        narrowing = narrowing.joined(Place(source.context.anatomy))
    own = frozenset[str]() if source.place.anatomy else WIDE
    left_out = lies_in(claim.place, narrowing, site, own | NEUTRAL)
    if left_out:
        yield Reason(
            Ground.LOCATION,
            f"The evidence says this of “{name}” with a restriction: {readable(left_out)}.",
        )
    levels = source.context.levels
    if (
        levels
        and not source.place.levels
        and not (claim.place.levels and claim.place.levels <= levels)
    ):
        yield Reason(Ground.LOCATION, f"The evidence says “{name}” of some levels alone.")
    sides = source.place.sides or source.context.sides
    if sides and sides != BOTH_SIDES and not claim.place.sides:
        yield Reason(Ground.SIDE, f"The evidence says “{name}” of one side alone.")


def _placed(place: Place, known: Place, name: str) -> Iterator[Reason]:
    for one in sorted(place.anatomy):
        if one not in known.anatomy and one not in NEUTRAL:
            yield Reason(
                Ground.LOCATION, f"Nothing in the evidence puts “{name}” at “{readable(one)}”."
            )
    if not place.sides <= known.sides:
        yield Reason(Ground.SIDE, f"The evidence does not put “{name}” on this side.")
    elif place.loose and known.sides and not place.sides and not known.sides & place.loose:
        yield Reason(Ground.SIDE, f"The evidence puts “{name}” on another side.")
    if not place.levels <= known.levels:
        yield Reason(Ground.LOCATION, f"The evidence does not put “{name}” at this level.")
    if not place.details <= known.details:
        detail = readable(sorted(place.details - known.details)[0])
        yield Reason(Ground.LOCATION, f"Nothing in the evidence says “{detail}” of “{name}”.")


# --- attributes and changes ------------------------------------------------------------------


def _attributes(claim: Assertion, source: Assertion, name: str, derived: bool) -> Iterator[Reason]:
    ours, theirs = claim.attributes - _IMPLIED, source.attributes
    more = ours - theirs - source.place.details
    if claim.narrows and not derived:
        more -= _SIZES
    if claim.polarity in (ABSENT,):
        # A narrower denial follows from a wider one, but for what softens it.
        more &= source.needed | {one for one in claim.needed if one.startswith("word:") is False}
    if more and not (derived and more <= _SIZES):
        yield Reason(
            Ground.CONTENT,
            f"Nothing in the evidence says “{readable(sorted(more)[0])}” of “{name}”.",
        )
    left_out = set(source.needed - ours)
    graded = claim.observation.startswith(GRADE)
    if claim.polarity == ABSENT or (claim.narrows and not derived and not graded):
        left_out |= theirs - ours - _IMPLIED
    if derived:
        left_out -= _SIZES
    if left_out:
        yield Reason(
            Ground.CONTENT,
            f"The evidence says this of “{name}” with a restriction:"
            f" “{readable(sorted(left_out)[0])}”.",
        )


def _changes(claim: Assertion, source: Assertion, name: str) -> Iterator[Reason]:
    for change in sorted(claim.changes):
        known = source.changes
        if change in known or (change == "again" and known & _CONTINUES):
            continue
        if change == "progressed" and "increased" in known and claim.observation in _WORSE_IF_MORE:
            continue
        yield Reason(
            Ground.COMPARISON, f"The evidence does not say “{readable(change)}” of “{name}”."
        )
    left_out = source.changes - claim.changes
    if claim.polarity == source.polarity == PRESENT and left_out & _HEALS:
        yield Reason(Ground.COMPARISON, f"The evidence says that “{name}” has healed.")
    if claim.polarity == ABSENT and source.polarity == ABSENT and source.changes - claim.changes:
        yield Reason(Ground.COMPARISON, f"The evidence denies “{name}” as a change alone.")
    if source.dated and not claim.dates:
        yield Reason(Ground.TIME, f"The evidence says “{name}” of another date alone.")
    for date in claim.dates:
        if not any(date.agrees(other) for other in source.dates):
            yield Reason(Ground.TIME, "The date is not in the evidence.")


# --- other things ----------------------------------------------------------------------------


def _things(claim: Assertion, source: Assertion, name: str) -> Iterator[Reason]:
    for ours, theirs in ((claim.agent, source.agent), (claim.object, source.object)):
        if ours is None or (theirs is not None and same_thing(ours, theirs)):
            continue
        beside = [thing for role, thing in source.others if role == "with"]
        if ours is claim.agent or not any(same_thing(ours, one) for one in beside):
            yield Reason(
                Ground.CONTENT,
                f"The evidence does not relate “{name}” to “{readable(ours.concept) or 'this'}”.",
            )
    for role, thing in claim.others:
        if claim.polarity == ABSENT and role == "with":
            # Where there is none, there is none with anything.
            continue
        there = [other for theirs, other in source.others if theirs == role]
        there += [source.object] if role == "with" and source.object is not None else []
        if not any(same_thing(thing, other) for other in there):
            yield Reason(Ground.CONTENT, f"The evidence does not say this of “{name}”.")
    if claim.polarity in (ABSENT, RESOLVED) and not site_of(source.observation):
        if source.object is not None and claim.object is None and not claim.others:
            yield Reason(Ground.CONTENT, f"The evidence denies “{name}” of something else alone.")
        own = {"with"} if source.place.anatomy or source.place.levels else set[str]()
        if {role for role, _ in source.others} - {role for role, _ in claim.others} - own:
            yield Reason(Ground.CONTENT, f"The evidence denies “{name}” with a restriction.")


def same_thing(ours: Thing, theirs: Thing) -> bool:
    """Whether what is named may be called so."""
    if ours.concept not in kinds(theirs.concept):
        return False
    place = ours.place
    return (
        place.anatomy <= closure(theirs.place.anatomy)
        and place.sides <= theirs.place.sides
        and place.levels <= theirs.place.levels
        and place.details <= theirs.place.details
        and ours.attributes <= theirs.attributes
        and (bool(ours.concept) or bool(place))
    )


def is_extent(one: Assertion) -> bool:
    """Whether it gives the size of a place."""
    return one.observation == EXTENT
