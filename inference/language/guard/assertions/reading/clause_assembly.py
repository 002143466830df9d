"""The items of a clause put together: subjects, predicates, places, agents, sizes."""

from __future__ import annotations

from collections.abc import Sequence

from inference.language.guard.assertions.reading.clause_state import following
from inference.language.guard.assertions.reading.items import Item
from inference.language.guard.assertions.reading.merged_frames import chief_of
from inference.language.guard.assertions.reading.owners_of_sizes import Numbering
from inference.language.guard.assertions.reading.phrase_frames import Frame
from inference.language.guard.assertions.reading.phrase_placement import GENITIVE

_ROLES = (
    "after before of into place toward with by from between under above over near since than like"
).split()
_NAMES = ("name", "side", "symbol")


class Builder(Numbering):
    """Reads the items of one clause from left to right."""

    def clause(self, items: Sequence[Item]) -> None:
        """Add the frames of the clause."""
        for position, item in enumerate(items):
            self.ended_by = item
            self._item(item, items, position)
        self.ended_by = None
        self.close()
        self.start_lead()
        for extent in self.pending:
            self.add_size(extent)
        for frame in self.frames:
            frame.dates += self.dates
            if self.counted:
                # More of them is not larger ones.
                frame.changes = {f"{one} in number" for one in frame.changes}
        if self.verb in ("show", "relation") and self.subjects and not self.frames:
            self.not_understood.append(self.verb)

    def _item(self, item: Item, items: Sequence[Item], position: int) -> None:
        self.has_agent = any("by" in one.classes for one in items[position + 1 : position + 2])
        if item.kind in _NAMES:
            self._name(item, items, position)
        elif item.kind == "number":
            self.number(item, items, position)
        elif item.kind == "small":
            self._small(item, items, position)
        else:
            self.close()
            if item.kind == "mark":
                self._mark(item)
            elif item.kind == "trigger":
                self._trigger(item)
            elif item.date is not None:
                for frame in self.group:
                    frame.dates.append(item.date)
                if not self.group:
                    self.dates.append(item.date)
            else:
                self.not_understood.append(item.text)

    def _name(self, item: Item, items: Sequence[Item], position: int) -> None:
        if not self.phrase:
            before = [one for one in items[:position] if "quiet" not in one.classes]
            self.behind_number = bool(before) and before[-1].kind == "number"
        if item.text == "surrounding" and (self.role or self.article):
            # `Hypodense to the surrounding muscle`
            return
        if item.text in ("enhances", "enhance") and (self.group or self.phrase):
            self.close()
            self._verb("be")
            self.phrase = [item]
        elif self.is_relation(item):
            self.close()
            self.relate(item, items, position)
        else:
            self.phrase.append(item)

    def _trigger(self, item: Item) -> None:
        self.trigger = item.meaning
        self.denial = item.text if item.meaning == "negation" else ""
        if item.text in ("nor", "noch"):
            self.conj = True
        if item.text.startswith(("without", "ohne")):
            self.role = "with"

    def _mark(self, item: Item) -> None:
        if item.text == ":":
            self._verb("be")
        elif item.text in ("(", ")", "/", ","):
            self.conj = True
            self.paren = item.text == "("
        if item.text == ",":
            if self.main and self.group and self.group[0] not in self.main:
                # `A lesion with washout, 2.3 cm`: the size is the lesion's.
                self.group, self.main = self.main, []
            if self.verb == "measure":
                self.verb = ""

    # --- small words -------------------------------------------------------------------------

    def _small(self, item: Item, items: Sequence[Item], position: int) -> None:
        ahead = following(items, position)
        classes = item.classes
        if "before" in classes:
            named = ahead is not None and (ahead.kind == "name" or "article" in ahead.classes)
            classes = frozenset(("before",)) if named else frozenset(("seen",))
        if "article" in classes:
            self.close()
            if item.text in GENITIVE and not self.group and not self.role:
                self.start_lead()
            self.article = item.text
        elif "quiet" in classes:
            self.dummy = self.dummy or item.text in ("there", "es", "here", "hier", "patient")
        else:
            self.close("of" in classes)
            self._joint(item, classes, ahead)

    def _joint(self, item: Item, classes: frozenset[str], ahead: Item | None) -> None:
        if classes & {"and", "or"}:
            self.conj = True
            self.either = "or" in classes and item.text != "/"
        elif "which" in classes:
            self.verb, self.conj = "", False
        elif "show" in classes and not ("be" in classes and self._is_auxiliary(ahead)):
            self._verb("be" if self.dummy and "be" in classes else "show")
        elif classes & {"be", "measure"}:
            self._verb("be" if "be" in classes else "measure")
        elif "seen" in classes:
            for frame in self.subjects or self.group:
                frame.used = frame.used or frame.form in ("thing", "state")
        else:
            self._preposition(classes)

    def _preposition(self, classes: frozenset[str]) -> None:
        if self.lead is not None and not self.group and _may_stand(self.lead, classes):
            self.start_lead()
        if self.skip_of:
            self.skip_of = False
        elif not (self.role == "than" and "place" in classes):
            # `Higher in the right lung than in the left` keeps to its comparison.
            self.role = next(one for one in _ROLES if one in classes)

    def _is_auxiliary(self, ahead: Item | None) -> bool:
        if ahead is None:
            return True
        if ahead.kind == "name":
            verbal = any(one.category in ("change", "relation") for one in ahead.mentions)
            return verbal or self.is_relation(ahead)
        return bool(ahead.classes & {"be", "seen", "measure", "show"}) or (
            ahead.kind == "trigger" and ahead.meaning in ("resolved", "proven")
        )

    def _verb(self, verb: str) -> None:
        if self.verb == "relation" and verb == "be":
            return
        if self.lead is not None and not self.group and verb == "be":
            if self.dummy:
                return
            # `Again seen is a nodule.`
            self.dummy = True
        if self.group and not self.verb:
            self.subjects = list(self.group)
        if self.verb == "show" and self.dummy and verb == "be":
            return
        self.verb = verb
        self.conj = self.attached = False
        self.role = ""
        self.nested = None


def _may_stand(frame: Frame, classes: frozenset[str]) -> bool:
    """`Enlargement of ...`, `BI-RADS 1 on the right`: what describes is what is stated."""
    placed = bool(classes & {"place", "toward"}) and bool(chief_of(frame.attributes, frame.needed))
    return "of" in classes or placed
