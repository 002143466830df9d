"""From a sentence to its assertions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from inference.language.guard.assertions.assertion import (
    ABSENT,
    EXTENT,
    PRESENT,
    RESOLVED,
    UNASSESSED,
    Assertion,
    Place,
)
from inference.language.guard.assertions.places import site_of
from inference.language.guard.assertions.reading.clause_assembly import Builder
from inference.language.guard.assertions.reading.clauses import clauses_of, with_subjects
from inference.language.guard.assertions.reading.coverage import lost_of
from inference.language.guard.assertions.reading.double_denials import (
    DOUBLE,
    OPEN,
    PLAIN,
    denial_of,
    lost_triggers,
    newly_seen,
    without_effect,
)
from inference.language.guard.assertions.reading.items import itemise
from inference.language.guard.assertions.reading.merged_frames import chief_of, to_state
from inference.language.guard.assertions.reading.owners_of_sizes import shared_sizes
from inference.language.guard.assertions.reading.phrase_frames import Form, Frame
from inference.language.guard.assertions.reading.relation_verbs import open_order
from inference.language.guard.assertions.reading.unknown_words import (
    parts_of,
    signs_of,
    with_unread,
)
from inference.language.guard.assertions.symbols import GRADE
from inference.language.guard.scope import NONE

VISIBLE, ASSESSED = "visible", "assessed"
# Parts that any organ may have.
GENERAL_PARTS = frozenset("wall parenchyma mucosa lobe pole upper_pole lower_pole mid_pole".split())
_DOUBTS = frozenset(("possible", "probable", "suspected"))
"""What is denied of a place that was not seen, or not looked at."""


@dataclass(frozen=True)
class Context:
    """What the headings above a sentence say it is of."""

    place: Place = field(default=Place())
    observation: str = ""
    attributes: frozenset[str] = frozenset()
    places: tuple[Place, ...] = ()
    """Each of several places that it names."""
    listed: bool = False
    """The heading names several places, of which the sentence may be of one."""
    unread: frozenset[str] = frozenset()
    """Words of the label that are not understood, with its sides and levels."""


@dataclass(frozen=True)
class Parsed:
    """The assertions of a sentence, and the words whose part in it is not understood."""

    assertions: tuple[Assertion, ...]
    not_understood: tuple[str, ...] = ()
    head: str = ""
    """The name of the first thing, as the next sentence's pronoun may mean it."""


@lru_cache(maxsize=8192)
def parse(sentence: str, context: Context = Context()) -> Parsed:
    """Every assertion of a sentence. The context is that of a source, for its elliptic lines."""
    itemised = itemise(sentence)
    assertions: list[Assertion] = []
    not_understood: list[str] = []
    none = set(itemised.reading.pieces) - {"."} <= NONE
    topic = Place()
    parts = parts_of(itemised.items)
    clauses = [(clause, part) for part in parts for clause in with_subjects(clauses_of(part))]
    for clause, part in clauses:
        begun = len(assertions)
        builder = Builder(itemised.reading)
        builder.clause(clause)
        not_understood += open_order(clause)
        denial = denial_of(clause)
        if denial == DOUBLE:
            not_understood.append("a denial of a denial")
        elif denial == PLAIN:
            not_understood += without_effect(clause, itemised.reading)
        not_understood += builder.not_understood
        new = newly_seen(clause)
        if not topic and builder.frames and builder.frames[0].form in ("bare", "state"):
            # `Liver homogeneous, no focal lesion`: what follows is of the place named first.
            topic = builder.frames[0].place
        for frame in builder.frames:
            if denial == OPEN and (frame.polarity == ABSENT or frame.denied_twice):
                _leave_open(frame)
            if new and frame.polarity == ABSENT:
                frame.polarity = PRESENT
                frame.changes.add("new")
            first = builder.frames[0]
            apart = frame is not first and first.form == "thing" and not frame.place
            if apart and frame.form == "thing" and frame.labels & _DOUBTS and not frame.places:
                # `Adrenal nodule, metastasis not excluded`
                frame.places, frame.object = first.whole_places(), first.thing()
            if frame.either and frame.polarity == PRESENT:
                frame.labels |= {"possible"}
            made, lost = _assertions_of(frame, context)
            not_understood += shared_sizes(made, clause)
            if topic and frame is not builder.frames[0]:
                made = [_of_topic(one, topic) for one in made]
            assertions += made
            not_understood += lost
        if denial == PLAIN and not new:
            not_understood += lost_triggers(clause, assertions[begun:])
        assertions[begun:] = with_unread(assertions[begun:], part, context.unread)
    not_understood += lost_of(itemised.items, assertions)
    if none and context.observation:
        places = context.places if context.listed else (context.place,)
        assertions = [
            Assertion(context.observation, place, ABSENT, attributes=context.attributes)
            for place in places
        ]
        not_understood = []
    not_understood += signs_of(itemised.items)
    return Parsed(tuple(assertions), tuple(not_understood), _head_text(itemised.items))


def _of_topic(one: Assertion, topic: Place) -> Assertion:
    own = one.place.anatomy
    general = bool(own) and own <= GENERAL_PARTS
    if site_of(one.observation) or (one.state and not general) or (own and not general):
        return one
    return replace(one, topic=topic)


def _leave_open(frame: Frame) -> None:
    """`Has not been ruled out`"""
    frame.polarity, frame.denied_twice = PRESENT, False
    frame.labels |= {"possible"}


def _head_text(items: Sequence[object]) -> str:
    for item in items:
        for mention in getattr(item, "mentions", ()):
            if mention.category == "thing":
                return str(getattr(item, "text", ""))
    return ""


def _assertions_of(frame: Frame, context: Context) -> tuple[list[Assertion], list[str]]:
    if frame.denied_twice or _has_two_grades(frame):
        return [], ["a denial of a denial" if frame.denied_twice else "which grade is of which"]
    if frame.form == "attribute":
        return _of_heading(frame, context)
    if frame.form == "bare":
        return _of_bare(frame, context)
    if frame.form == "empty" or not frame.observation:
        return [], ["a phrase without a name"]
    if frame.form == "thing" and "negative" in frame.attributes:
        return [], ["negative"]
    places = frame.whole_places()
    grades: list[Assertion] = []
    if frame.form == "state" and not frame.observation.startswith(GRADE):
        # `Left breast benign, BI-RADS 2` says two things of the breast.
        own = {one for one in frame.attributes if one.startswith(GRADE)}
        frame.attributes -= own
        grades = [
            Assertion(one, place, state=True, narrows=True, context=context.place)
            for one in sorted(own)
            for place in places
        ]
    made = [_assertion(frame, place, context) for place in places]
    if len(places) > 1:
        made = [replace(one, plural=False) for one in made]
    if frame.form == "state" and frame.extents and frame.observation != EXTENT:
        made += [
            Assertion(
                EXTENT, place, extents=tuple(frame.extents), state=True, context=context.place
            )
            for place in places
        ]
    return made + grades, []


def _has_two_grades(frame: Frame) -> bool:
    """`BI-RADS 5 on the left, BI-RADS 2 on the right` does not grade both sides twice."""
    grades = {one for one in (frame.observation, *frame.attributes) if one.startswith(GRADE)}
    return len({one.rpartition(" ")[0] for one in grades}) < len(grades)


def _assertion(frame: Frame, place: Place, context: Context) -> Assertion:
    if frame.site:
        place = replace(place, anatomy=place.anatomy)
    return Assertion(
        observation=frame.observation,
        place=place,
        polarity=frame.polarity,
        labels=frame.labels,
        attributes=frozenset(frame.attributes),
        needed=frozenset(frame.needed),
        changes=frozenset(frame.changes),
        extents=tuple(
            replace(one, aspects=one.aspects | frozenset(frame.aspects)) for one in frame.extents
        ),
        dates=tuple(frame.dates),
        agent=frame.agent,
        object=frame.object,
        others=frozenset(frame.others),
        than=frame.than,
        plural=frame.plural,
        state=frame.form == "state",
        narrows=frame.narrows or _restricts(frame.observation),
        context=context.place,
        heading=context.observation,
    )


def _restricts(concept: str) -> bool:
    from inference.language.guard.lexicon import lexicon

    entry = lexicon().concepts.get(concept)
    return concept.startswith(GRADE) or (entry is not None and entry.restricts)


def _of_heading(frame: Frame, context: Context) -> tuple[list[Assertion], list[str]]:
    """`Thyroid: Normal.`, `Size: 5.3 cm` under the heading `Lung mass`."""
    if context.observation:
        if "negative" in frame.attributes:
            return [], ["negative"]
        whole = replace_form(frame, "thing", context.observation)
        whole.attributes |= context.attributes
        return [_assertion(whole, context.place, context)], []
    graded = any(one.startswith(GRADE) for one in frame.attributes)
    if not context.place and not graded:
        chief = chief_of(frame.attributes, frame.needed)
        if frame.polarity == ABSENT and chief and not chief.startswith("word:"):
            # `No necrosis`
            whole = replace_form(frame, "state", "")
            to_state(whole)
            return [_assertion(whole, Place(), context)], []
        return [], ["what it is stated of"]
    whole = replace_form(frame, "state", "")
    to_state(whole)
    if whole.observation == EXTENT and not frame.extents and not frame.changes:
        return [], ["what is stated"]
    if graded and not context.place and not whole.observation.startswith(GRADE):
        # `BI-RADS 2, benign`
        whole.attributes.add(whole.observation)
        whole.observation = next(one for one in sorted(whole.attributes) if one.startswith(GRADE))
        whole.attributes.discard(whole.observation)
    return [_assertion(whole, context.place, context)], []


def replace_form(frame: Frame, form: Form, observation: str) -> Frame:
    """The same frame with a head."""
    made = replace(frame, form=form, observation=observation)
    made.attributes, made.needed = set(frame.attributes), set(frame.needed)
    return made


def _of_bare(frame: Frame, context: Context) -> tuple[list[Assertion], list[str]]:
    if frame.polarity == UNASSESSED:
        return [
            Assertion(ASSESSED, place, UNASSESSED, frame.labels, state=True, context=context.place)
            for place in frame.whole_places()
        ], []
    if frame.polarity == RESOLVED:
        return [
            Assertion(VISIBLE, place, RESOLVED, frame.labels, state=True, context=context.place)
            for place in frame.whole_places()
        ], []
    if frame.extents or frame.changes:
        whole = replace_form(frame, "state", EXTENT)
        return [_assertion(whole, place, context) for place in frame.whole_places()], []
    if frame.polarity == ABSENT and not frame.used:
        return [
            Assertion(
                VISIBLE,
                place,
                ABSENT,
                frame.labels,
                frozenset(frame.attributes),
                frozenset(frame.needed),
                state=True,
                context=context.place,
            )
            for place in frame.whole_places()
        ], []
    if context.observation and not frame.used:
        whole = replace_form(frame, "thing", context.observation)
        return [_assertion(whole, place, context) for place in frame.whole_places()], []
    return [], [] if frame.used else ["what is stated of the place"]
