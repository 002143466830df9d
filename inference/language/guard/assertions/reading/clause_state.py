"""What is known while the items of one clause are read."""

from __future__ import annotations

from collections.abc import Sequence

from inference.language.guard.assertions.assertion import Extent
from inference.language.guard.assertions.reading.items import Item
from inference.language.guard.assertions.reading.phrase_frames import Frame
from inference.language.guard.numbers.dates import FoundDate
from inference.language.guard.reading import Reading


class ClauseState:
    """The phrases read so far, and what is still open."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.frames: list[Frame] = []
        self.not_understood: list[str] = []
        # The phrases that the next one goes with, and those that a verb speaks of.
        self.group: list[Frame] = []
        self.subjects: list[Frame] = []
        self.main: list[Frame] = []
        self.relations: list[Frame] = []
        self.nested: Frame | None = None
        self.nested_of: list[Frame] = []
        self.lead: Frame | None = None
        # Words that wait for the phrase they belong to.
        self.phrase: list[Item] = []
        self.verb = self.role = self.trigger = self.denial = self.article = ""
        self.pending: list[Extent] = []
        self.aspects: set[str] = set()
        self.adverbs: set[str] = set()
        self.dates: list[FoundDate] = []
        self.doubts: frozenset[str] = frozenset()
        # The item that ends the open phrase; None at the end of the clause.
        self.ended_by: Item | None = None
        self.denied = self.counted = self.has_agent = False
        # What the last item was.
        self.conj = self.attached = self.either = self.dummy = False
        self.sized = self.paren = self.skip_of = self.behind_number = False

    def is_predicate(self) -> bool:
        """Whether a verb waits for what it says of its subject."""
        return self.verb == "be" and bool(self.subjects) and not self.dummy

    def start(self, frame: Frame) -> None:
        """A phrase of its own, with which the next ones go."""
        self.group = [frame]
        self.frames.append(frame)
        self.attached = False

    def start_lead(self) -> None:
        """What was to describe a later phrase stands by itself."""
        if self.lead is not None:
            lead, self.lead = self.lead, None
            self.start(lead)


def following(items: Sequence[Item], position: int) -> Item | None:
    """The item after this one."""
    return items[position + 1] if position + 1 < len(items) else None
