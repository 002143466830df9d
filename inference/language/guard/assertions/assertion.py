"""An assertion: what is stated of what, where, how large, how surely and when."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from inference.language.guard.numbers.dates import FoundDate
from inference.language.guard.numbers.quantities import Quantity

EXTENT = "extent"
"""The observation of a sentence that gives the size of a place of the body."""
PRESENT, ABSENT, RESOLVED, UNASSESSED = "present", "absent", "resolved", "unassessed"


@dataclass(frozen=True)
class Place:
    """A place of the body; empty where none is named."""

    anatomy: frozenset[str] = frozenset()
    """Concepts, all of which describe the one place: `lower_pole`, `kidney`."""
    sides: frozenset[str] = frozenset()
    levels: frozenset[str] = frozenset()
    """`segment 7`, `l4/l5`."""
    details: frozenset[str] = frozenset()
    """What narrows the place further: `distal`, `inferior`."""
    loose: frozenset[str] = frozenset()
    """Sides of a neighbour in the sentence, which may be meant here too."""

    def __bool__(self) -> bool:
        return bool(self.anatomy or self.sides or self.levels or self.details)

    def joined(self, other: Place) -> Place:
        """The place that both describe."""
        return Place(
            self.anatomy | other.anatomy,
            self.sides | other.sides,
            self.levels | other.levels,
            self.details | other.details,
            self.loose | other.loose,
        )


@dataclass(frozen=True)
class Thing:
    """Another thing that an assertion names: what surrounds, what is surrounded."""

    concept: str
    place: Place = Place()
    attributes: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Extent:
    """One size as it was measured: all its axes, in their order and units."""

    axes: tuple[Quantity, ...]
    prior: bool = False
    """It is of an examination before."""
    change: bool = False
    """It is the amount of a change."""
    greatest: bool = False
    """It is stated to be the largest axis: `up to 5.3 cm`."""
    order: str = ""
    """The names of its axes, where they are named."""
    aspects: frozenset[str] = frozenset()
    """What is measured, where it is named: `length`, `thickness`."""
    alone: bool = False
    """No word of its sentence says which size it is: `Aorta 4 cm.`"""


@dataclass(frozen=True)
class Assertion:
    """One thing that a sentence says."""

    observation: str
    place: Place = Place()
    polarity: str = PRESENT
    labels: frozenset[str] = frozenset()
    """Certainty, time and person, by the names of the triggers."""
    attributes: frozenset[str] = frozenset()
    needed: frozenset[str] = frozenset()
    """Attributes that must not be left out: unknown words, softeners."""
    changes: frozenset[str] = frozenset()
    extents: tuple[Extent, ...] = ()
    dates: tuple[FoundDate, ...] = ()
    agent: Thing | None = None
    """What does it: of `the mass surrounds the artery`, the mass."""
    object: Thing | None = None
    """The thing, rather than the place, that it is done to or that holds it."""
    others: frozenset[tuple[str, Thing]] = frozenset()
    """Things in any other relation, by the word that relates them."""
    than: Thing | None = None
    """The other term of a comparison within the study."""
    plural: bool = False
    state: bool = False
    """It is a condition of its place (`normal`), rather than a thing that is there."""
    narrows: bool = False
    """Saying it with fewer words says more (`normal in size`)."""
    context: Place = field(default=Place())
    """What the heading above says it is of."""
    topic: Place = field(default=Place())
    """What the sentence has named first; it is of that where it names no place itself."""
    listed: bool = False
    """The heading names several places, of which it may be of one."""
    title: Place = field(default=Place())
    """What the title of the whole text says it is of."""
    heading: str = ""
    """The thing that the heading above names."""
    dated: bool = False
    """Its dates are of another examination, and it says nothing of this one."""
    unread: frozenset[str] = frozenset()
    """Words of its sentence and heading that are not understood, with the sides and levels named
    beside them; empty where every word is."""

    def at(self, place: Place) -> Assertion:
        return replace(self, place=place)

    @property
    def asserts(self) -> bool:
        """Whether it says anything at all."""
        return bool(self.observation)
