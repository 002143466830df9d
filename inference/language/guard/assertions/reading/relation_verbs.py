"""Verbs that relate two things: surrounds, compresses, is invaded by."""

from __future__ import annotations

from collections.abc import Sequence

from inference.language.guard.assertions.reading.clause_state import following
from inference.language.guard.assertions.reading.items import Item
from inference.language.guard.assertions.reading.merged_frames import copied, done_to
from inference.language.guard.assertions.reading.phrase_frames import LOCATING, Frame, frame_of
from inference.language.guard.assertions.reading.phrase_placement import Phrases

_NOUN_ENDINGS = ("ion", "ment", "ency", "ung", "effect", "contact", "kontakt", "schluss", "e")
_OBJECTS = frozenset("den dem einen einem diesen diesem".split())


def open_order(items: Sequence[Item]) -> list[str]:
    """That a German clause may name first what is done to: `Den Tumor infiltriert das Rektum`.

    So it may where the article is no nominative, or one follows the verb.
    """
    texts = [item.text for item in items]
    verbs = [
        position
        for position, item in enumerate(items)
        if any(one.category == "relation" for one in item.mentions) and item.text.endswith("t")
    ]
    if texts[:1] and texts[0] in _OBJECTS:
        is_open = bool(verbs) or bool({"liegt", "liegen"} & set(texts))
    else:
        is_open = any(texts[at + 1 : at + 2] == ["der"] for at in verbs)
    return ["which of the two does it"] if is_open else []


class Relating(Phrases):
    """Reads relations, active and passive."""

    def is_relation(self, item: Item) -> bool:
        """Whether a name is a verb here, rather than the noun of a phrase."""
        relating = any(
            one.category == "relation" or one.concept in ("involvement", "extension")
            for one in item.mentions
        )
        if not relating or item.text.endswith(_NOUN_ENDINGS):
            return False
        is_participle = item.text.endswith("ed") and self.verb not in ("be", "passive", "relation")
        if is_participle and not self.has_agent:
            # `A displaced fracture`
            return False
        described = any(one.kind == "name" and one.mentions for one in self.phrase)
        return bool(self.group or described or self.subjects)

    def relate(self, item: Item, items: Sequence[Item], position: int) -> None:
        """The verb at this position."""
        if item.mentions[0].concept in LOCATING:
            self.subjects, self.verb = list(self.group or self.subjects), "be"
            return
        frame = frame_of([item])
        frame.attributes |= self.adverbs
        frame.needed |= self.adverbs
        frame.plural = False
        self.adverbs = set()
        passive = self.verb == "passive" or self._is_passive(item, items, position)
        if frame.observation == "involvement" and not passive:
            self.group, self.role = list(self.group or self.subjects), "place"
            return
        self.conj = False
        if passive:
            self._passive(frame)
        else:
            self._active(frame)

    def _is_passive(self, item: Item, items: Sequence[Item], position: int) -> bool:
        by = any("by" in one.classes or one.text == "von" for one in items[position + 1 :])
        german = item.mentions[0].word.entry.german
        if german and self.verb == "be" and following(items, position) is None:
            return True
        return item.text.endswith("ed") and (self.verb == "be" or by)

    def _passive(self, frame: Frame) -> None:
        again = self.verb == "passive"
        subjects = self.subjects if again else list(self.group or self.subjects)
        self.subjects = subjects
        made = [copied(frame) for _ in subjects] or [frame]
        for one, subject in zip(made, subjects, strict=False):
            done_to(one, subject)
        self.frames += made
        self.group = [*self.group, *made] if again else made
        self.verb = "passive"

    def _active(self, frame: Frame) -> None:
        subjects = self.subjects if self.verb == "relation" else (self.group or self.subjects)
        if subjects:
            if len(subjects) > 1:
                self.not_understood.append("several things that do one")
            frame.agent = subjects[0].thing()
            self.subjects = list(subjects)
        self.relations = [one for one in self.relations if one.object is None and not one.place]
        self.relations.append(frame)
        self.start(frame)
        self.verb = "relation"
