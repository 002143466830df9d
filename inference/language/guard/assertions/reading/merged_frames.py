"""What two frames make together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from inference.language.guard.assertions.assertion import EXTENT, PRESENT, RESOLVED, Thing
from inference.language.guard.assertions.reading.items import Item
from inference.language.guard.assertions.reading.phrase_frames import Frame
from inference.language.guard.assertions.symbols import GRADE
from inference.language.guard.lexicon import lexicon

LARGER, SMALLER = "the larger", "the smaller"
"""Attributes of one of several: `the larger nodule`."""
_RANKING = {
    "larg": LARGER,
    "bigg": LARGER,
    # Folded, `ß` is `ss`.
    "gröss": LARGER,
    "small": SMALLER,
    "klein": SMALLER,
}
# Names that the members of a list share: `hilar and mediastinal lymph nodes`.
_SHARED = frozenset(
    "lymph_node sinus ligament artery vein meniscus lobe lung"
    " muscle tendon nerve joint bone".split()
)


def copied(frame: Frame) -> Frame:
    """The same, to be completed by itself."""
    return replace(
        frame,
        places=list(frame.places),
        attributes=set(frame.attributes),
        needed=set(frame.needed),
        changes=set(frame.changes),
        extents=list(frame.extents),
        aspects=set(frame.aspects),
        dates=list(frame.dates),
        others=set(frame.others),
    )


def ranked(frame: Frame, items: Sequence[Item]) -> None:
    """`The larger nodule` is the larger of several, and has not become so."""
    for item in items:
        rank = next((_RANKING[one] for one in _RANKING if item.text.startswith(one)), "")
        if rank and any(one.category == "change" for one in item.mentions):
            frame.changes -= {one.concept for one in item.mentions}
            frame.attributes.add(rank)
        elif item.text.startswith("kleiner"):
            frame.attributes -= {one.concept for one in item.mentions}
            frame.attributes.add(SMALLER)


def hold_to(one: Frame, frame: Frame) -> None:
    """What is denied or doubted of a part alone is not followed: `is not in the trachea`."""
    unlike = frame.polarity not in (PRESENT, one.polarity)
    one.denied_twice = one.denied_twice or unlike or bool(frame.labels - one.labels)


def done_to(relation: Frame, frame: Frame) -> None:
    """The frame is what the relation reaches: of `surrounds the artery`, the artery."""
    if frame.form in ("thing", "state"):
        relation.object = frame.thing()
    else:
        relation.place = relation.place.joined(frame.place)
        relation.places = list(frame.places)
    frame.used = True


def add_attributes(one: Frame, frame: Frame, keep_polarity: bool = False) -> None:
    """All that a frame without a head says is stated of one that has a head."""
    one.attributes |= frame.attributes
    one.needed |= frame.needed
    one.changes |= frame.changes
    one.extents += frame.extents
    one.dates += frame.dates
    one.than = one.than or frame.than
    one.others |= frame.others
    one.used = True
    one.denied_twice = one.denied_twice or frame.denied_twice
    if keep_polarity:
        one.labels |= frame.labels
        if frame.polarity != PRESENT:
            one.polarity = frame.polarity


def to_state(frame: Frame) -> None:
    """What describes a place becomes what is stated of it."""
    frame.form = "state"
    chief = chief_of(frame.attributes, frame.needed)
    frame.observation = chief or EXTENT
    frame.attributes.discard(chief)
    frame.needed.discard(chief)


def chief_of(attributes: set[str], needed: set[str]) -> str:
    """Of several words, the one that says what is so; the others say how. Empty where none does."""
    concepts = lexicon().concepts
    known = sorted(one for one in attributes if one in concepts)
    narrow = [one for one in known if concepts[one].restricts]
    properties = [one for one in known if concepts[one].category in ("property", "thing")]
    grades = sorted(one for one in attributes if one.startswith(GRADE))
    unknown = sorted(one for one in needed if one.startswith("word:"))
    return next(iter(narrow or properties or grades or unknown), "")


def stated_of_place(frame: Frame, subject: Frame) -> Frame:
    """`The liver is enlarged`"""
    subject.used = True
    one = copied(frame)
    one.place = subject.place.joined(frame.place)
    one.places = [*subject.places, *frame.places]
    one.extents += subject.extents
    one.plural = subject.plural if frame.form == "attribute" else frame.plural
    if frame.form == "attribute":
        to_state(one)
    one.attributes |= subject.attributes
    one.needed |= subject.needed
    one.labels |= subject.labels
    if subject.polarity not in (PRESENT, frame.polarity):
        one.denied_twice = True
    one.denied_twice = one.denied_twice or subject.denied_twice
    one.either = one.either or subject.either
    return one


def stated_of_thing(frame: Frame, subject: Frame) -> Frame:
    """`The mass is not homogeneous`, `the nodule is suspicious for cancer`"""
    if frame.removes and subject.polarity == PRESENT == frame.polarity:
        # `The drain has been removed`
        subject.polarity = RESOLVED
    one = copied(frame)
    one.labels |= subject.labels
    one.denied_twice = one.denied_twice or subject.denied_twice
    place = subject.whole_places()[0]
    one.object = Thing(subject.observation, place, frozenset(subject.attributes))
    if frame.form == "attribute":
        to_state(one)
    if not one.place:
        one.places = subject.whole_places()
    return one


def share(group: Sequence[Frame], frame: Frame) -> None:
    """What one member of a list says for all: `axillary or hilar adenopathy`, `normal A and B`."""
    if not group:
        return
    headless = all(one.form in ("bare", "attribute") for one in group)
    if frame.form in ("thing", "state") and headless:
        for one in group:
            _take_head(one, frame)
    elif frame.form == "bare" and group[-1].form == "bare":
        if frame.adjectival != frame.place.anatomy and group[-1].adjectival:
            for one in group:
                _take_noun(one, frame)
    elif frame.form == "bare" and group[-1].shared:
        first = group[-1]
        if first.adjectival:
            _take_noun(first, frame)
        frame.form, frame.observation, frame.shared = first.form, first.observation, True
        frame.attributes |= first.attributes
        frame.needed |= first.needed
        frame.polarity, frame.labels = first.polarity, first.labels
        frame.narrows, frame.denied_twice = first.narrows, first.denied_twice


def _take_head(one: Frame, frame: Frame) -> None:
    own = copied(frame)
    one.form, one.observation = own.form, own.observation
    _take_noun(one, frame)
    one.attributes |= {each for each in own.attributes if each in own.needed}
    one.polarity, one.labels = own.polarity, own.labels
    one.narrows, one.plural, one.site = own.narrows, own.plural, own.site
    one.denied_twice = own.denied_twice


def _take_noun(one: Frame, frame: Frame) -> None:
    one.place = replace(one.place, anatomy=one.place.anatomy | (frame.place.anatomy & _SHARED))
