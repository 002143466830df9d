"""Phrases behind a preposition: places, hosts, agents and companions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from inference.language.guard.assertions.assertion import ABSENT, PRESENT, Place
from inference.language.guard.assertions.reading.clause_state import ClauseState
from inference.language.guard.assertions.reading.merged_frames import (
    add_attributes,
    hold_to,
    stated_of_place,
    stated_of_thing,
    to_state,
)
from inference.language.guard.assertions.reading.phrase_frames import Frame

_PLACING = frozenset(("of", "place", "over", "toward"))
# Of these, what follows `of` is what does it.
_INTRANSITIVE = frozenset(("extension", "mass_effect"))
_REACHING = frozenset(("extension", "shift", "contact", "mass_effect", "invasion"))


class Attaching(ClauseState):
    """Attaches a phrase to the ones before it."""

    def attach(self, frame: Frame, role: str) -> None:
        """Put a phrase behind the preposition of this role."""
        targets = self.group or self.subjects
        if role == "into" and not _goes_into(frame, targets):
            role = "place"
        if not targets:
            self._attach_to_nothing(frame, role)
            return
        if frame.observation == "comparison_exam":
            return
        role = _role_of(frame, role)
        for one in targets if role != "with" else ():
            hold_to(one, frame)
        headless = [one for one in targets if one.form == "attribute"]
        if role == "of" and headless and frame.form != "attribute":
            self._through(frame, headless)
        elif frame.form == "attribute":
            self._attach_description(frame, role, targets)
        elif role == "toward" and frame.place.anatomy and not _reaches(targets):
            _relate(frame, role, targets)
        elif role in _PLACING:
            put = self._locate if frame.form == "bare" else self._object
            put(frame, targets)
        elif role == "with":
            self._accompany(frame, targets)
        else:
            self._attach_thing(frame, role, targets)

    def _attach_description(self, frame: Frame, role: str, targets: Sequence[Frame]) -> None:
        """`With smooth margins`, `without necrosis`"""
        for one in targets if role != "than" else ():
            if frame.polarity == one.polarity and frame.labels <= one.labels:
                add_attributes(one, frame)
            else:
                new_frame = stated_of_place if one.form == "bare" else stated_of_thing
                self.frames.append(new_frame(frame, one))

    def _attach_to_nothing(self, frame: Frame, role: str) -> None:
        if role in ("of", "place"):
            # `In the left lower lobe there is a nodule.`
            self.start(frame)
            self.subjects, self.verb = [frame], "show"
        elif role == "with" or (role == "after" and frame.procedure):
            self.start(frame)
        elif role != "like":
            self.not_understood.append(role)

    def _attach_thing(self, frame: Frame, role: str, targets: Sequence[Frame]) -> None:
        if role == "after" and frame.procedure:
            frame.labels |= {"historical"}
            self.start(frame)
        elif role == "by":
            for one in targets:
                one.agent = frame.thing()
        elif role == "than":
            for one in targets if any(one.changes for one in targets) else self.subjects:
                one.than = frame.thing()
        else:
            _relate(frame, role, targets)

    def _through(self, frame: Frame, headless: Sequence[Frame]) -> None:
        """`Progression of the metastasis`, `enlargement of the node`, `areas of density`."""
        for one in headless:
            add_attributes(frame, one, keep_polarity=True)
            if one in self.frames:
                self.frames.remove(one)
        if frame.form == "bare":
            to_state(frame)
        self.group = [*(one for one in self.group if one not in headless), frame]
        self.frames.append(frame)

    def _locate(self, frame: Frame, targets: Sequence[Frame]) -> None:
        if self.nested is not None:
            self.nested.place = self.nested.place.joined(frame.place)
            for one in self.nested_of:
                one.object = self.nested.thing()
            return
        for one in targets:
            last = (one.places[-1:] or [one.place])[0]
            if one.form == "attribute":
                one.place = frame.place
                to_state(one)
            elif one.form == "bare":
                one.place = one.place.joined(frame.place)
            elif last.levels and frame.place.levels:
                # `L4 on L5` is not `L5 on L4`.
                one.others.add(("on", frame.thing()))
            elif one.places and not self.conj:
                if last.sides and frame.place.sides and last.sides != frame.place.sides:
                    self.not_understood.append("another side")
                one.places[-1] = one.places[-1].joined(frame.place)
            else:
                one.places.append(frame.place)
            one.extents += frame.extents
        self.attached = True

    def _object(self, frame: Frame, targets: Sequence[Frame]) -> None:
        for one in targets:
            if one.observation in _INTRANSITIVE:
                one.agent = frame.thing()
                continue
            if one.form == "bare":
                one.place = one.place.joined(frame.place)
            one.object = frame.thing()
        if targets[-1].observation not in _INTRANSITIVE:
            self.nested, self.nested_of = frame, list(targets)
            if frame.extents:
                self.not_understood.append("a size of what is named beside")

    def _accompany(self, frame: Frame, targets: Sequence[Frame]) -> None:
        """`A mass with gas`, `fracture with angulation`, `liver without lesions`"""
        head = targets[-1]
        if frame.form == "bare":
            _relate(frame, "with", targets)
            return
        place = head.whole_places()[0]
        if not frame.place and head.form != "bare" and frame.polarity != ABSENT:
            frame.places = head.whole_places()
        elif not frame.place.sides:
            frame.place = replace(frame.place, loose=place.sides | place.loose)
        if head.form == "bare":
            frame.places.append(head.place)
            head.used = True
        elif _is_denied_of_place(frame, head):
            frame.places = head.whole_places()
        else:
            if head.form in ("thing", "state"):
                frame.others.add(("with", head.thing()))
            self.main = self.main or list(targets)
        self.start(frame)

    def add_alternative(self, frame: Frame) -> None:
        """`In the right upper lobe and the left lower lobe`: a place beside the one before."""
        for one in [self.nested] if self.nested is not None else self.group:
            hold_to(one, frame)
            last = one.places[-1] if one.places else Place()
            place = frame.place
            if not place.sides and not place.anatomy and last.anatomy:
                place = replace(place, anatomy=last.anatomy)
            if one.places and last.levels and not last.anatomy and place.levels:
                # `In segment VI and segment VII of the liver`
                one.places[-1] = replace(last, anatomy=place.anatomy)
            if one.places:
                one.places.append(place)


def _is_denied_of_place(frame: Frame, head: Frame) -> bool:
    """`The gallbladder is distended without stones`: it has none, distended or not."""
    plain = head.form == "state" and head.polarity == PRESENT and not head.labels
    return plain and frame.polarity == ABSENT and not frame.place and bool(head.place.anatomy)


def _role_of(frame: Frame, role: str) -> str:
    if role == "under" and frame.place.anatomy == {"diaphragm"}:
        return "place"
    if role in ("from", "between") and frame.form == "bare" and not frame.place.anatomy:
        return "place"
    return role


def _reaches(targets: Sequence[Frame]) -> bool:
    return all(one.observation in _REACHING for one in targets)


def _goes_into(frame: Frame, targets: Sequence[Frame]) -> bool:
    """`Of the ileum into the cecum` is not of the cecum into the ileum."""
    placed = any(place.anatomy for one in targets for place in (one.place, *one.places))
    return placed and bool(frame.place.anatomy) and not _reaches(targets)


def _relate(frame: Frame, role: str, targets: Sequence[Frame]) -> None:
    for one in targets:
        one.others.add((role, frame.thing()))
        one.extents += frame.extents
