"""A phrase as a frame: its head, its place, and what describes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from inference.language.guard.assertions.assertion import (
    ABSENT,
    PRESENT,
    RESOLVED,
    UNASSESSED,
    Extent,
    Place,
    Thing,
)
from inference.language.guard.assertions.reading.items import Item
from inference.language.guard.assertions.symbols import GRADE, LEVEL
from inference.language.guard.numbers.dates import FoundDate
from inference.language.guard.scope import BOTH_SIDES, Mention

Form = Literal["thing", "state", "bare", "attribute", "empty"]
# Modifiers that say where rather than how.
POSITIONAL = frozenset(
    "inferior superior posterior anterior main mid distal proximal medial lateral posterolateral"
    " anterolateral posteromedial volar upper lower central peripheral paracentral basal"
    " major base surface region apical caudal cranial prevascular retrosternal infrarenal"
    " suprarenal segmental subsegmental traversing exiting".split()
)
# What is past by its nature or stands for the examination, not for a finding.
QUIET = frozenset(("interval", "word:surround", "comparison_exam", "projects", "before", "known"))
# Verbs that say no more than where something is.
LOCATING = frozenset(("terminates", "courses", "projects"))
# Adjectives after which a name is still expected: `hilar or mediastinal nodes`.
_ADJECTIVAL = ("al", "ar", "ary", "ic", "eal", "ous", "oid", "ian", "ine")
_ADJECTIVAL_DE = ("e", "en", "er", "es", "em", "al", "är")
_PARTICIPLES = ("ed", "t", "te", "ter", "ten", "tes", "tem")
_NOUNS = frozenset("adrenal renal_artery terminal canal".split())


@dataclass(eq=False)
class Frame:
    """What one phrase says, to be completed by the phrases around it."""

    form: Form = "empty"
    observation: str = ""
    place: Place = field(default_factory=Place)
    places: list[Place] = field(default_factory=list)
    """Further places, each of which completes `place`; none where it stands for itself."""
    attributes: set[str] = field(default_factory=set)
    needed: set[str] = field(default_factory=set)
    changes: set[str] = field(default_factory=set)
    labels: frozenset[str] = frozenset()
    polarity: str = PRESENT
    denied_twice: bool = False
    extents: list[Extent] = field(default_factory=list)
    aspects: set[str] = field(default_factory=set)
    dates: list[FoundDate] = field(default_factory=list)
    agent: Thing | None = None
    object: Thing | None = None
    others: set[tuple[str, Thing]] = field(default_factory=set)
    than: Thing | None = None
    plural: bool = False
    narrows: bool = False
    adjectival: frozenset[str] = frozenset()
    """Those of its places that are named by an adjective at its end."""
    shared: bool = False
    """Its observation stands before its place, and is stated of the places that follow, too."""
    used: bool = False
    """Something was stated of it."""
    procedure: bool = False
    closed: bool = False
    """What became of it stands behind it, as a verb does: `pneumothorax resolved`."""
    removes: bool = False
    """It is what was done to something that is there no longer: `removed`."""
    either: bool = False
    """It is one of several that are offered as alternatives."""
    carried: set[str] = field(default_factory=set)
    """Attributes of an earlier member of its list."""
    trailing: str = ""
    """An unknown word behind its head: perhaps a verb."""
    site: str = ""

    def thing(self) -> Thing:
        """As another assertion names it."""
        place = self.place
        for one in self.places[:1]:
            place = place.joined(one)
        return Thing(
            self.observation if self.form in ("thing", "state") else "",
            place,
            frozenset(self.attributes),
        )

    def whole_places(self) -> list[Place]:
        """Each place that it is stated to be at."""
        return [self.place.joined(one) for one in self.places] or [self.place]


def frame_of(items: Sequence[Item]) -> Frame:
    """The frame of one phrase: names, sides and symbols without small words between."""
    frame = Frame()
    names = [mention for item in items for mention in item.mentions if item.kind == "name"]
    names = [one for one in names if one.category != "side"]
    if any(one.concept == "and" for one in names):
        return frame
    _place(frame, items, names)
    head = _head(names, bool(frame.place.anatomy))
    if head is not None:
        frame.observation = head.concept
        frame.form = "thing" if head.category in ("thing", "relation", "modality") else "state"
        if head.category == "word":
            frame.form = "thing"
            if frame.place.anatomy and _first_anatomy(names) > head.word.at:
                frame.form = "state"
        frame.plural = head.plural and not head.word.entry.uncountable
        frame.narrows = head.word.entry.restricts
        frame.shared = frame.form == "state" and head.word.at < _first_anatomy(names)
    elif frame.place.anatomy or frame.place.sides or frame.place.levels:
        frame.form = "bare"
        frame.plural = any(one.plural for one in names if one.category == "anatomy")
    for one in names:
        if one is not head:
            _describe(frame, one, head)
    for item in items:
        if item.kind == "symbol" and not item.meaning.startswith(LEVEL):
            frame.attributes.add(item.meaning)
    if frame.form == "empty" and (frame.attributes or frame.changes or frame.aspects):
        frame.form = "attribute"
    if frame.form == "bare" and (frame.attributes or frame.changes):
        _state_of_place(frame, names)
    _scope(frame, items, head)
    return frame


def _place(frame: Frame, items: Sequence[Item], names: Sequence[Mention]) -> None:
    anatomy = [one for one in names if one.category == "anatomy"]
    concepts = frozenset(one.concept for one in anatomy if one.concept not in POSITIONAL)
    sides: set[str] = set()
    for item in items:
        if item.kind == "side" or (item.kind == "name" and item.meaning):
            sides |= BOTH_SIDES if item.meaning == "both" else {item.meaning}
    levels = frozenset(
        item.meaning for item in items if item.kind == "symbol" and item.meaning.startswith(LEVEL)
    )
    details = frozenset(one.concept for one in names if one.concept in POSITIONAL)
    frame.place = Place(concepts, frozenset(sides), levels, details)
    if anatomy and names and names[-1].category == "anatomy" and _is_adjective(anatomy[-1]):
        last = anatomy[-1].word
        frame.adjectival = frozenset(one.concept for one in anatomy if one.word.at == last.at)


def _is_adjective(one: Mention) -> bool:
    text = one.word.text
    if text in _NOUNS:
        return False
    endings = _ADJECTIVAL_DE if one.word.entry.german else _ADJECTIVAL
    if one.word.entry.german and text[:1].isalpha() and text in ("nieren", "lungen"):
        return False
    return text.endswith(endings)


def _first_anatomy(names: Sequence[Mention]) -> int:
    return next((one.word.at for one in names if one.category == "anatomy"), 1 << 30)


def _head(names: Sequence[Mention], placed: bool) -> Mention | None:
    things = [one for one in names if one.category in ("thing", "relation") and not _is_light(one)]
    if things:
        return things[-1]
    light = [
        one
        for one in names
        if one.category == "thing"
        and (one.concept not in QUIET or (one.concept == "comparison_exam" and one.negations))
    ]
    properties = [one for one in names if one.category == "property" and one.concept not in QUIET]
    unknown = [one for one in names if one.category == "word"]
    if unknown and placed and not properties:
        return unknown[-1]
    if properties and placed:
        narrow = [one for one in properties if one.word.entry.restricts]
        solid = [one for one in properties if not _is_light(one)]
        return (narrow or solid or properties)[-1]
    if unknown and not properties:
        return unknown[-1]
    if light:
        return light[-1]
    modality = [one for one in names if one.category == "modality"]
    return modality[-1] if modality else None


def _removes(one: Mention) -> bool:
    return one.word.entry.removes and one.word.text.endswith(_PARTICIPLES)


def _is_light(one: Mention) -> bool:
    return one.word.entry.light or one.concept in QUIET


def _describe(frame: Frame, one: Mention, head: Mention | None) -> None:
    if one.category == "anatomy" or one.concept in POSITIONAL or one.concept in QUIET:
        return
    if one.category == "change":
        frame.changes.add(one.concept)
    elif one.category == "measure":
        frame.aspects.add(one.concept)
        if frame.narrows or head is None:
            frame.attributes.add(one.concept)
    elif one.category == "word":
        frame.attributes.add(one.concept)
        frame.needed.add(one.concept)
        if head is not None and one.word.at > head.word.at:
            frame.trailing = one.concept
    elif one.category == "soft":
        frame.attributes.add(one.concept)
        frame.needed.add(one.concept)
    elif not _is_light(one):
        frame.attributes.add(one.concept)


def _state_of_place(frame: Frame, names: Sequence[Mention]) -> None:
    """`The enlarged liver`, `mild left ventricle`: what describes a place is stated of it."""
    described = [
        one
        for one in names
        if one.category in ("property", "word") and one.concept in frame.attributes
    ]
    graded = sorted(one for one in frame.attributes if one.startswith(GRADE))
    if graded and not described and not frame.changes:
        # `Right breast BI-RADS 2`
        frame.form, frame.observation, frame.narrows = "state", graded[0], True
        frame.attributes.discard(frame.observation)
    if described:
        frame.form = "state"
        frame.observation = described[-1].concept
        frame.attributes.discard(frame.observation)
        frame.shared = described[-1].word.at < _first_anatomy(names)


def _scope(frame: Frame, items: Sequence[Item], head: Mention | None) -> None:
    mentions = [one for item in items for one in item.mentions if one.category != "side"]
    changing = [one for one in mentions if one.category in ("change", "property", "word", "thing")]
    judged = head or (changing[-1] if changing else None) or (mentions[-1] if mentions else None)
    if judged is None:
        return
    labels = judged.labels
    frame.site = judged.word.entry.site
    frame.procedure = judged.word.entry.procedure
    if "unassessed" in labels:
        frame.polarity = UNASSESSED
        labels -= {"unassessed"}
    elif "resolved" in labels or "resolved" in frame.changes:
        frame.polarity = RESOLVED
        labels -= {"resolved"}
        frame.closed = head is None or mentions[-1] is not head
        frame.changes.discard("resolved")
    elif judged.negations:
        frame.polarity = ABSENT
    elif head is not None and any(_removes(one) for one in mentions if one is not head):
        # `Resected mass`
        frame.polarity = RESOLVED
    # A denial that is doubted, or denied itself, is not followed.
    frame.denied_twice = judged.negations > 1 or (
        bool(judged.negations)
        and (bool(labels - {"recommended"}) or frame.polarity in (RESOLVED, UNASSESSED))
    )
    if "resolved" in judged.labels and "unassessed" in judged.labels:
        frame.denied_twice = True
    frame.labels = labels
    frame.removes = judged is head and _removes(judged) and not frame.place
