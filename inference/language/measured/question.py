"""What a question about measured values asks for: which values, and what of them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from inference.language.searching.amounts import Limit, limits_of

Side = Literal["left", "right"]
Kind = Literal["value", "comparison", "limit", "change", "normality"]

_WORD = re.compile(r"[a-zäöüß]+")
_SIDES: dict[str, Side] = {"left": "left", "right": "right", "links": "left", "rechts": "right",
          "linke": "left", "rechte": "right", "linken": "left", "rechten": "right",
          "linker": "left", "rechter": "right"}  # fmt: skip
# Words of questions that name no thing: what is asked about must stand in the finding itself.
_ABOUT_NOTHING = frozenset(
    "a an the of in on at to for and or is are was were be been being do does did what which who"
    " when where why how much many big large small long high low with by from it its this that"
    " these there value values measure measured measurement measurements size sizes show shows"
    " study image scan patient has have had any please tell me give list current present amount"
    " total one ones than then if so both each either side sides two"
    " wie groß gross ist sind war waren was das der die den dem viel viele hoch wert werte im von"
    " des beim als hat haben welche welcher welches beide beiden beider jeweils seite seiten zwei"
    " ein eine einer der oder und".split()
)
# What people say for what labels say.
_SAME = {
    "volumes": "volume", "volumen": "volume", "volumina": "volume", "lungs": "lung",
    "lunge": "lung", "lungen": "lung", "emphysema": "laa", "brains": "brain", "gehirn": "brain",
    "hirn": "brain", "dense": "density", "densities": "density", "dichte": "density",
    "head": "intracranial", "denser": "density", "dichter": "density",
}  # fmt: skip

_MORE = frozenset(
    "larger bigger greater higher denser longer wider thicker größer grösser höher dichter länger"
    " breiter dicker größere größeren größte".split()
)
_LESS = frozenset(
    "smaller lower shorter narrower thinner less kleiner niedriger geringer kürzer schmaler dünner"
    " kleinere kleineren".split()
)
# Of these words, what is compared is an extent, whatever labels call it.
_OF_EXTENT = frozenset(
    "larger bigger smaller longer shorter wider thicker narrower thinner größer grösser kleiner"
    " länger kürzer breiter dicker schmaler dünner größere größeren größte kleinere"
    " kleineren".split()
)
_CHANGE = frozenset(
    "change changes changed changing increase increased increasing decrease decreased decreasing"
    " grown grow grew growth shrunk shrink progressed progression before earlier previous"
    " previously prior priors last compared comparison since verändert veränderung geändert"
    " zugenommen zunahme abgenommen abnahme gewachsen wachstum geschrumpft früher vorher"
    " voruntersuchung voraufnahme vergleich seit gegenüber".split()
)
_NORMALITY = frozenset("normal abnormal unauffällig auffällig normwertig normbereich".split())
_NO_NAMES = _ABOUT_NOTHING | _SIDES.keys() | _MORE | _LESS | _CHANGE | _NORMALITY


@dataclass(frozen=True)
class Question:
    kind: Kind
    named: tuple[str, ...]
    """What must stand in a finding that answers."""
    sides: frozenset[Side]
    is_more: bool = True
    """Of a comparison: whether the greater one is asked for."""
    is_of_extent: bool = False
    """Of a comparison: whether volumes, areas and lengths are compared, and nothing else."""
    limits: tuple[Limit, ...] = ()

    @property
    def side(self) -> Side | None:
        """Asked for one side, only what is of that side answers."""
        return next(iter(self.sides)) if len(self.sides) == 1 else None


def read_question(text: str) -> Question:
    text = text.lower()
    limits, rest = limits_of(text)
    words = [part for word in _WORD.findall(rest) for part in _parts(word)]
    sides = frozenset(_SIDES[word] for word in words if word in _SIDES)
    named = tuple(same_word(word) for word in words if _names_a_thing(word))
    kind: Kind = "value"
    if limits:
        kind = "limit"
    elif _CHANGE.intersection(words):
        kind = "change"
    elif _MORE.union(_LESS).intersection(words):
        kind = "comparison"
    elif _NORMALITY.intersection(words):
        kind = "normality"
    is_more = not _LESS.intersection(words)
    return Question(
        kind, named, sides, is_more, bool(_OF_EXTENT.intersection(words)), tuple(limits)
    )


def words_of(texts: Iterable[str]) -> set[str]:
    """The words of labels, as `Question.named` has them."""
    return {same_word(word) for text in texts for word in _WORD.findall(text.lower())}


def same_word(word: str) -> str:
    return _SAME.get(word, word)


def side_of(label: str) -> Side | None:
    sides = {_SIDES[word] for word in _WORD.findall(label.lower()) if word in _SIDES}
    return sides.pop() if len(sides) == 1 else None


def _parts(word: str) -> tuple[str, ...]:
    """Of "lungenvolumen" the structure and the quantity."""
    for quantity in ("volumen", "volumina", "dichte"):
        structure = word.removesuffix(quantity)
        if structure != word and structure in _SAME:
            return structure, quantity
    return (word,)


def _names_a_thing(word: str) -> bool:
    return word in _SAME or word not in _NO_NAMES
