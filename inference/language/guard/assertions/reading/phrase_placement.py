"""A finished phrase, put where it belongs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from inference.language.guard.assertions.assertion import (
    ABSENT,
    PRESENT,
    RESOLVED,
    UNASSESSED,
    Place,
)
from inference.language.guard.assertions.reading.merged_frames import (
    LARGER,
    SMALLER,
    add_attributes,
    copied,
    done_to,
    ranked,
    share,
    stated_of_place,
    stated_of_thing,
)
from inference.language.guard.assertions.reading.phrase_frames import Frame, frame_of
from inference.language.guard.assertions.reading.predicates import Predicating

GENITIVE = frozenset("des einer eines beider dieser dieses".split())
_DEFINITE = frozenset(("the", "der", "die", "das", "den", "dem"))
_INDEFINITE = frozenset("a an ein eine einen einer einem".split())
# Parts that say where in an organ named before.
_PARTS = frozenset(
    "upper_pole lower_pole mid_pole upper_lobe middle_lobe lower_lobe lung_apex lung_base lingula"
    " pancreatic_head pancreatic_body pancreatic_tail renal_pelvis renal_calyx".split()
)
_DOUBT = frozenset(("suspected", "compatible", "probable", "possible", "proven"))


class Phrases(Predicating):
    """Closes phrases."""

    def close(self, before_of: bool = False) -> None:
        """The items of the open phrase as a frame, joined to what stands before."""
        if not self.phrase:
            return
        items, self.phrase = self.phrase, []
        frame = frame_of(items)
        article, self.article = self.article, ""
        if frame.form == "empty" or self._only_names_a_measure(frame) or self._waits(frame):
            return
        self._take_waiting(frame)
        if article in _DEFINITE:
            ranked(frame, items)
        if self._is_one_of_several(frame):
            return
        self._take_lead(frame)
        if self.denial in ("nicht", "not") and frame.form == "thing" and frame.attributes:
            # `Nicht dislozierte Fraktur`: it is the attribute that is denied.
            frame.denied_twice = frame.denied_twice or not self.verb
        self.denial = ""
        if frame.removes and self.group and not self.role and not self.verb:
            # `Mass in segment 4, removed`
            self.frames += [stated_of_thing(frame, one) for one in self.group]
            return
        role, self.role = self.role, ""
        trigger, self.trigger = self.trigger, ""
        if before_of and frame.form == "attribute" and self.conj and self.group and not role:
            # `... and stable enlargement of a node`
            self.start(frame)
        elif role:
            self.attach(frame, role)
        else:
            self._place(frame, article, trigger)
        self.conj = self.either = False

    def _place(self, frame: Frame, article: str, trigger: str) -> None:
        if self.conj and self.attached and frame.form == "bare" and not self.sized:
            self._mark_either(self.group)
            self.add_alternative(frame)
        elif self.is_predicate():
            self.say_of_subjects(frame)
        elif self.verb in ("show", "relation") and self.subjects:
            self.show_objects(frame)
        elif self.group and not self.conj:
            self._adjacent(frame, article, trigger)
        elif self.group:
            self._mark_either((*self.group, frame))
            self._listed(frame, trigger)
        else:
            self.start(frame)

    def _mark_either(self, frames: Sequence[Frame]) -> None:
        for one in frames:
            one.either = one.either or self.either

    def _only_names_a_measure(self, frame: Frame) -> bool:
        """`11 mm thick`, `over a length of 5 cm`: it says which size is meant."""
        if frame.form != "attribute" or frame.changes:
            return False
        if frame.attributes == {"wide"} and self.behind_number:
            frame.attributes, frame.aspects = set(), {"width"}
        if not frame.aspects or not frame.attributes <= frame.aspects:
            return False
        self.aspects |= frame.aspects
        self.doubts |= frame.labels
        self.denied = self.denied or frame.polarity != PRESENT
        self.counted = self.counted or "number" in frame.aspects
        pending, self.pending = self.pending, []
        for extent in pending:
            self.add_size(extent)
        if self.behind_number and not pending:
            for one in self.group:
                one.extents[-1:] = [
                    replace(each, aspects=each.aspects | frame.aspects) for each in one.extents[-1:]
                ]
        self.role = ""
        return True

    def _waits(self, frame: Frame) -> bool:
        """`Stable 7 mm nodule`, `nearly occludes`: it describes what is still to come."""
        if frame.form != "attribute" or frame.extents:
            return False
        if not self.group and not self.subjects and not self.role:
            if self.lead is not None:
                add_attributes(frame, self.lead)
            self.lead = frame
            return True
        soft = bool(frame.attributes) and frame.attributes <= frame.needed and not frame.changes
        if soft and not self.is_predicate():
            self.adverbs |= frame.attributes
            return True
        return False

    def _take_waiting(self, frame: Frame) -> None:
        frame.attributes |= self.adverbs
        frame.needed |= self.adverbs
        self.adverbs = set()
        named = frozenset(frame.aspects)
        frame.extents += [replace(one, aspects=one.aspects | named) for one in self.pending]
        self.pending = []

    def _take_lead(self, frame: Frame) -> None:
        if self.lead is None or frame.form == "attribute":
            return
        lead, self.lead = self.lead, None
        add_attributes(frame, lead)
        frame.labels |= lead.labels
        unlike = lead.polarity not in (PRESENT, frame.polarity)
        frame.denied_twice = frame.denied_twice or unlike
        frame.used = False

    def _is_one_of_several(self, frame: Frame) -> bool:
        """`Two nodules, the larger one 8 mm`"""
        rank = frame.form == "attribute" and frame.attributes & {LARGER, SMALLER}
        if not rank or not self.conj or not self.group or self.group[0].form != "thing":
            return False
        one = copied(self.group[0])
        one.extents, one.plural, one.changes = [], False, set()
        if one.attributes & {LARGER, SMALLER}:
            # `The larger nodule measures 5 mm, the smaller 3 mm`: the rest is the first one's.
            one.attributes, one.needed, one.place, one.places = set(), set(), Place(), []
        one.attributes |= frame.attributes
        self.start(one)
        self.conj = self.sized = False
        return True

    # --- phrases without a preposition -------------------------------------------------------

    def _adjacent(self, frame: Frame, article: str, trigger: str) -> None:
        head = self.group[-1]
        if trigger in _DOUBT and frame.form == "thing":
            self._interpret(frame, head)
        elif article in GENITIVE or article == "der":
            self.attach(frame, "of")
        elif head.trailing and article:
            # An unknown word between two phrases is taken for a verb.
            relation = Frame(form="thing", observation=head.trailing, agent=head.thing())
            head.attributes.discard(head.trailing)
            head.needed.discard(head.trailing)
            done_to(relation, frame)
            self.start(relation)
        elif head.form == "bare" and article in _INDEFINITE and not self.verb and not trigger:
            # `Axillär rechts ein Lymphknoten von 12 mm`
            frame.place = head.place.joined(frame.place)
            if head in self.frames and not head.places:
                self.frames.remove(head)
            self.start(frame)
        elif head.form == "bare" and not article and frame.form != "bare":
            # `Heart not enlarged`
            self.start(stated_of_place(frame, head))
        elif frame.form == "attribute" and frame.polarity in (RESOLVED, UNASSESSED):
            self.describe(frame)
        elif frame.form == "attribute" and frame.polarity != head.polarity:
            self.start(stated_of_thing(frame, head))
        elif frame.form == "attribute":
            self.describe(frame)
        elif (frame.form == "bare" and not frame.place.anatomy) or self._is_behind_size(
            frame, head
        ):
            self.attach(frame, "place")
        else:
            if trigger != "negation":
                self.not_understood.append("two phrases without a word between them")
            self.start(frame)

    def _interpret(self, frame: Frame, head: Frame) -> None:
        """`A nodule suspicious for cancer`: what it may be, at the same place."""
        frame.object = head.thing()
        if not frame.place and head.form != "bare":
            frame.places = head.whole_places()
        self.start(frame)

    def _listed(self, frame: Frame, trigger: str) -> None:
        """Another member of a list."""
        before = self.group[-1]
        doubted = trigger in _DOUBT and before.form == "thing"
        if frame.form == "attribute":
            self.describe(frame)
        elif (self.paren and frame.form == "bare") or self._is_place_of(frame, before):
            self.attach(frame, "place")
        elif self.sized and trigger not in _DOUBT:
            # `The right kidney 10.9 cm, the left kidney 11.4 cm`
            if frame.form == "bare" and not frame.place.anatomy:
                frame.place = replace(frame.place, anatomy=before.place.anatomy)
            self.sized = False
            self.verb, self.subjects = "", []
            self.start(frame)
        elif doubted and frame.form == "thing" and not self.either:
            self._interpret(frame, before)
        elif doubted and frame.form == "bare":
            # `Pancreatitis, probably biliary`
            frame.form, frame.observation = "state", sorted(frame.place.anatomy or {""})[0]
            frame.place, frame.object = Place(), before.thing()
            self.frames.append(frame)
        else:
            self._join(frame, before)

    def _is_behind_size(self, frame: Frame, head: Frame) -> bool:
        """`Submucosal fibroid 1.4 cm posterior wall`"""
        only = self.group == [head] and not (self.verb or self.role or self.attached)
        named = head.form == "thing" and not head.place.anatomy and not head.places
        return only and named and self.sized and frame.form == "bare" and self.ended_by is None

    def _is_place_of(self, frame: Frame, before: Frame) -> bool:
        """`Calcified granuloma, right lower lobe`: where the only thing named is."""
        alone = self.group == [before] and not self.verb and not self.either and not self.attached
        if not alone or frame.form != "bare" or before.form != "thing" or before.places:
            return False
        general = bool(frame.place.anatomy) and frame.place.anatomy <= _PARTS
        placed = before.place.anatomy or before.place.levels
        # `Nodule, liver and spleen normal`
        ended = self.ended_by is None or (general and self.ended_by.text in (",", ")"))
        both_sided = before.place.sides and frame.place.sides
        free = ended and not both_sided and (not placed or general)
        return free and before.polarity == PRESENT

    def _join(self, frame: Frame, before: Frame) -> None:
        if self.attached:
            self.group = [frame]
        else:
            if self.verb not in ("", "be") and before in self.subjects:
                self.group = []
            share(self.group, frame)
            self.group.append(frame)
        if frame.polarity == RESOLVED and frame.closed:
            # `Effusion and pneumothorax resolved`
            for one in self.group:
                one.polarity = RESOLVED
        if frame.form == "thing" and before.polarity == ABSENT == frame.polarity:
            self._carry(frame, before)
        elif frame.form == "thing" and not frame.place.sides:
            loose = before.place.sides | before.place.loose
            frame.place = replace(frame.place, loose=loose)
        self.frames.append(frame)
        self.attached = False

    def _carry(self, frame: Frame, before: Frame) -> None:
        """`No suspicious masses or calcifications` denies suspicious calcifications alone."""
        if frame.attributes:
            # A member with words of its own: the first one's are its own, too.
            for one in self.group:
                one.attributes -= one.carried
                one.carried = set()
        else:
            frame.carried = before.attributes - frame.attributes
            frame.attributes |= frame.carried
