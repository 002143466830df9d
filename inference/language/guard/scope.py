"""What the words around a name make of it: negation, doubt, time, person, side.

After ConText (Harkema et al. 2009): a trigger changes the names on one side of it as far
as its reach goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from inference.language.guard.denial_ends import BREAKS, STOPS, is_unclear, starts_new_part
from inference.language.guard.lexicon import LEFT, RIGHT, is_plural
from inference.language.guard.reading import Reading, Word

NONE = frozenset(("none", "no", "nil", "keine", "keiner", "nein"))
"""What alone denies all that stands before it."""
BOTH_SIDES = frozenset((LEFT, RIGHT))
_ARTICLES = frozenset("a an the there is are this ein eine einen der die das es".split())
_DEFINITE = frozenset("the this that its der die das dem den dieser diese".split())
_VERBS = frozenset("is are was were ist sind war wird noted shows zeigt".split())
_ASSERTING = ("thing", "property", "relation", "change", "word")


@dataclass(frozen=True)
class Mention:
    """A name, and all that is stated of it."""

    word: Word
    negations: int = 0
    labels: frozenset[str] = frozenset()
    """Doubt, time and person, by the name of the trigger."""
    presupposed: bool = False
    """Named as something known in a sentence that denies something else of it."""
    sides: frozenset[str] = frozenset()
    plural: bool = field(default=False)

    @property
    def concept(self) -> str:
        return self.word.entry.concept

    @property
    def category(self) -> str:
        return self.word.entry.category

    @property
    def asserts(self) -> bool:
        """Whether it can be there or not, rather than being a place or a measure."""
        return self.category in _ASSERTING

    @property
    def polarity(self) -> str:
        if self.presupposed:
            return "presupposed"
        if "resolved" in self.labels:
            return "resolved"
        return "absent" if self.negations else "present"


def mentions_of(reading: Reading) -> tuple[Mention, ...]:
    """Every name of the sentence but small words and triggers, each with what is made of it."""
    names = [
        Mention(word, plural=is_plural(word.text))
        for word in reading.words
        if word.entry.category not in ("grammar", "trigger", "side")
    ]
    if _answers_none(reading):
        names = [replace(one, negations=1) for one in names]
    for trigger in (word for word in reading.words if word.entry.category == "trigger"):
        kind, reach = _kind_of(trigger, reading), trigger.entry.reach
        names = [
            _changed(one, kind, trigger, names, reading)
            if _in_reach(one.word, trigger, reach, reading)
            else one
            for one in names
        ]
    return tuple(names)


def _answers_none(reading: Reading) -> bool:
    """`Distant metastases: none.`"""
    pieces = [piece for piece in reading.pieces if piece != "."]
    return len(pieces) > 2 and pieces[-2] == ":" and pieces[-1] in NONE


def _kind_of(trigger: Word, reading: Reading) -> str:
    """What a trigger says: one that is denied itself says something of its own."""
    kind = trigger.entry.concept
    if kind == "negation":
        return kind
    denied = any(
        word.entry.concept == "negation" and word.entry.reach == "before" and word.end == trigger.at
        for word in reading.words
        if word.entry.category == "trigger"
    )
    return f"not {kind}" if denied else kind


def negated_quantity(reading: Reading, at: int) -> bool:
    """Whether a negation reaches the number at this piece."""
    place = Word(at, at + 1, "", reading.words[0].entry) if reading.words else None
    return place is not None and any(
        word.entry.concept in ("negation", "resolved")
        and _in_reach(place, word, word.entry.reach, reading)
        for word in reading.words
        if word.entry.category == "trigger"
    )


def labels_at(reading: Reading, at: int) -> frozenset[str]:
    """The doubt that reaches the piece."""
    if not reading.words:
        return frozenset()
    place = Word(at, at + 1, "", reading.words[0].entry)
    return frozenset(
        word.entry.concept
        for word in reading.words
        if word.entry.category == "trigger" and _in_reach(place, word, word.entry.reach, reading)
    )


def _changed(
    one: Mention, kind: str, trigger: Word, names: Sequence[Mention], reading: Reading
) -> Mention:
    if kind != "negation":
        return replace(one, labels=one.labels | {kind})
    if trigger.text in ("nor", "noch") and one.negations:
        # `Neither A nor B` denies each once.
        return one
    between = any(
        other.word.at >= trigger.end
        and other.word.end <= one.word.at
        and other.category in ("thing", "relation", "word")
        for other in names
    )
    if trigger.entry.reach == "before" and between and _is_definite(one.word, reading):
        return replace(one, presupposed=True)
    # `Not enlarged and homogeneous`, `no effusion, small nodule`: whether both are denied is
    # unclear, and a denial of a denial is not followed.
    unclear = one.word.at >= trigger.end and is_unclear(one.word, trigger, reading)
    return replace(one, negations=one.negations + (2 if unclear else 1))


def _is_definite(word: Word, reading: Reading) -> bool:
    """Whether an article of something known stands before the name and what describes it."""
    at = word.at - 1
    describing = {
        piece
        for other in reading.words
        if other.entry.category in ("modifier", "side", "property", "anatomy")
        for piece in range(other.at, other.end)
    }
    while at >= 0 and at in describing:
        at -= 1
    return at >= 0 and reading.pieces[at] in _DEFINITE


def _in_reach(word: Word, trigger: Word, reach: str, reading: Reading) -> bool:
    if word.at < trigger.end and trigger.at < word.end:
        return False
    if reach == "either":
        reach = "before" if _names_ahead(reading, trigger) else "after"
    ahead = word.at >= trigger.end
    if ahead and reach in ("before", "both"):
        return not _ends_ahead(reading, trigger, word)
    if not ahead and reach in ("after", "both"):
        return not _ends_behind(reading, word, trigger)
    return False


def reaches(trigger: Word, name: Word, reading: Reading) -> bool:
    """Whether a trigger changes what is asserted of a name."""
    return _in_reach(name, trigger, trigger.entry.reach, reading)


def _names_ahead(reading: Reading, trigger: Word) -> bool:
    """Whether a name follows before the next mark or joining word."""
    for word in reading.words:
        if word.at >= trigger.end and word.entry.category not in ("grammar", "trigger", "side"):
            between = set(reading.pieces[trigger.end : word.at])
            return not between & (BREAKS | STOPS | {",", "and", "und"})
    return False


def _ends_ahead(reading: Reading, trigger: Word, word: Word) -> bool:
    negates = trigger.entry.concept == "negation"
    for at in range(trigger.end, word.at):
        piece = reading.pieces[at]
        if piece in STOPS or piece in BREAKS:
            return True
        following = reading.pieces[at + 1] if at + 1 < len(reading.pieces) else ""
        if piece in ("and", "und", ",") and (following in _ARTICLES or _denies(following)):
            return True
        if negates and piece == "," and starts_new_part(word, trigger, reading):
            return True
        # A list is denied as a whole; doubt stops at the next thing.
        if not negates and piece in ("and", "und", ",", "with", "mit"):
            return True
    return False


def _denies(piece: str) -> bool:
    """Whether it begins a denial of its own."""
    return piece in ("no", "not", "without", "ohne", "nicht") or piece.startswith("kein")


def _ends_behind(reading: Reading, word: Word, trigger: Word) -> bool:
    for at in range(word.end, trigger.at):
        piece = reading.pieces[at]
        if piece in STOPS or piece in BREAKS:
            return True
        if piece in ("and", "und", ",") and _VERBS & set(reading.pieces[:at]):
            return True
        rest = set(reading.pieces[at + 1 : trigger.at])
        named = any(
            other.entry.category in ("thing", "anatomy") and at < other.at < trigger.at
            for other in reading.words
        )
        if piece == "," and named and not rest & (_VERBS | {"and", "or", "und", "oder", ","}):
            # `Nodule, metastasis not excluded`
            return True
    return False


def with_sides(
    mentions: Sequence[Mention], reading: Reading, start: int, end: int
) -> tuple[Mention, ...]:
    """Each name of `start` to `end` with the side that is stated of it there.

    One side in a clause is stated of all of it; of several, each is stated of what follows, or
    of what stands before where nothing follows.
    """
    sides = [
        (word.at, frozenset((word.entry.concept,)) if word.entry.concept != "both" else BOTH_SIDES)
        for word in reading.words
        if word.entry.category == "side" and start <= word.at < end
    ]
    if not sides:
        return tuple(mentions)
    if len({side for _, side in sides}) == 1:
        return tuple(replace(one, sides=sides[0][1]) for one in mentions)
    joined = frozenset(side for _, one in sides for side in one)
    pair = len(sides) == 2 and set(reading.pieces[sides[0][0] + 1 : sides[1][0]]) <= {
        "and",
        "und",
        "/",
        "or",
        "oder",
    }
    return tuple(
        replace(one, sides=joined if pair else _nearest(one, sides, reading)) for one in mentions
    )


def _nearest(
    one: Mention, sides: Sequence[tuple[int, frozenset[str]]], reading: Reading
) -> frozenset[str]:
    before = [side for at, side in sides if at < one.word.at]
    after = [side for at, side in sides if at >= one.word.end]
    if before:
        return before[-1]
    return after[0] if after else frozenset()
