"""What a verb says of its subject."""

from __future__ import annotations

from dataclasses import replace

from inference.language.guard.assertions.assertion import (
    ABSENT,
    PRESENT,
    RESOLVED,
    UNASSESSED,
    Extent,
)
from inference.language.guard.assertions.reading.merged_frames import (
    add_attributes,
    copied,
    done_to,
    share,
    stated_of_place,
    stated_of_thing,
)
from inference.language.guard.assertions.reading.phrase_frames import Frame
from inference.language.guard.assertions.reading.prepositional_phrases import Attaching

_MODALITIES = frozenset(("CT", "MR", "PT", "CR", "US", "MG", "NM"))


class Predicating(Attaching):
    """Says a phrase of the subjects."""

    def say_of_subjects(self, frame: Frame) -> None:
        """`The liver is enlarged`, `the nodule is in the left lung`"""
        later = self.group and not any(one in self.subjects for one in self.group)
        if frame.form == "attribute" and frame.changes and not frame.attributes and later:
            # `The angle is blunted, unchanged`
            self.describe(frame)
            return
        made = [self._said_of(frame, subject) for subject in self.subjects]
        self.frames += [one for one in made if one not in self.frames]
        self.group = made
        self.attached = False

    def _said_of(self, frame: Frame, subject: Frame) -> Frame:
        if frame.form == "bare":
            if subject.form == "bare":
                self.not_understood.append("a place that is stated to be a place")
            subject.places.append(frame.place)
            return subject
        if subject.form == "bare":
            return stated_of_place(frame, subject)
        if frame.form == "attribute":
            like = frame.polarity == subject.polarity
            if like and (frame.labels <= subject.labels or not frame.attributes):
                add_attributes(subject, frame)
                subject.labels |= frame.labels
                return subject
            if subject.polarity != ABSENT and frame.polarity in (RESOLVED, UNASSESSED):
                add_attributes(subject, frame)
                subject.polarity = frame.polarity
                return subject
        return stated_of_thing(frame, subject)

    def show_objects(self, frame: Frame) -> None:
        """`The kidney shows a cyst`, `the mass surrounds the artery`"""
        if frame.form == "attribute":
            self.say_of_subjects(frame)
            return
        if self.verb == "relation":
            for one in self.relations or self.group:
                done_to(one, frame)
            self.attached = frame.form == "bare"
            return
        made = [_shown_by(subject, frame) for subject in self.subjects]
        if self.conj and self.group and self.group[-1] not in self.subjects:
            share(self.group, made[-1])
            self.group = [*self.group, *made]
        else:
            self.group = made
        self.frames += made
        self.attached = False

    def describe(self, frame: Frame) -> None:
        """What a phrase without a name says of the phrases before it."""
        group = list(self.group)
        if frame.polarity in (RESOLVED, UNASSESSED) and not frame.attributes:
            # `Thrombus, now resolved`
            for one in group:
                add_attributes(one, frame)
                one.denied_twice = one.denied_twice or one.polarity != PRESENT
                one.polarity = frame.polarity
                one.labels |= frame.labels
            return
        if all(frame.labels == one.labels and frame.polarity == one.polarity for one in group):
            for one in group:
                add_attributes(one, frame)
            return
        # `A nodule, probably benign`
        for one in group:
            new_frame = stated_of_place if one.form == "bare" else stated_of_thing
            self.frames.append(new_frame(frame, one))

    def add_size(self, extent: Extent) -> None:
        """A size of the phrases before it, or of the subject of `measures`."""
        extent = replace(extent, aspects=extent.aspects | frozenset(self.aspects))
        targets = self.group or self.subjects
        if self.verb == "measure" and self.subjects:
            targets = self.subjects
        if not targets:
            targets = [Frame(form="attribute")]
            self.frames.append(targets[0])
        if extent.change and not any(one.changes for one in targets):
            # `Angulated by 20 degrees` is how far, and no change since before.
            extent = replace(extent, change=False)
        for frame in targets:
            frame.extents.append(extent)
            denied = self.denied and frame.polarity == PRESENT
            doubted = bool(self.doubts - frame.labels)
            frame.denied_twice = frame.denied_twice or denied or doubted
        self.sized = True


def _shown_by(subject: Frame, frame: Frame) -> Frame:
    one = copied(frame)
    if subject.observation in _MODALITIES:
        subject.used = True
    elif subject.form == "bare":
        subject.used = True
        one.places = [subject.place.joined(each) for each in one.places] or [subject.place]
    else:
        one.object = subject.thing()
    return one
