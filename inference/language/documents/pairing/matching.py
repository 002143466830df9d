"""How much of a question a label, a row or a sentence has, and whether it is of something else."""

from collections.abc import Sequence

from inference.language.documents.pairing.asking import Asked
from inference.language.documents.pairing.topics import (
    Unit,
    same_unit,
    units_of,
    vocabulary,
    words_of_text,
)
from inference.language.documents.pairing.words_alike import is_by_modifier, is_narrower

BY = frozenset(("by", "von", "durch"))


def matched(asked: Asked, units: Sequence[Unit], value: str = "") -> tuple[float, float]:
    """How much of the question the label has, and how much of the label the question; 0 to 1.

    `value`: what stands under the label; it may name a topic without words (a dose, a medicine).
    """
    total = asked.weight
    if not total or is_opposite(asked, units):
        return 0.0, 0.0
    hit = 0.0
    for unit in asked.units:
        if any(_has(asked, unit, other) for other in units):
            hit += unit.weight
        elif (
            unit.topic is not None
            and unit.topic.value is not None
            and unit.topic.value.search(value)
        ):
            hit += 0.8 * unit.weight
        elif unit.is_exact:
            return 0.0, 0.0
    label = sum(unit.weight for unit in units)
    both = sum(
        unit.weight for unit in units if any(_has(asked, other, unit) for other in asked.units)
    )
    return hit / total, both / label if label else 0.0


def _has(asked: Asked, unit: Unit, other: Unit) -> bool:
    """Of a number, not by a part of its name: "Natriumausscheidung" is no sodium."""
    if not same_unit(unit, other):
        return False
    return asked.kind != "number" or not (
        is_by_modifier(unit.key, other.key) or is_narrower(unit.key, other.key)
    )


def _is_of_like(asked: Asked, label: Sequence[Unit]) -> bool:
    """Whether the question and the label each name something that the other lacks: "portal vein",
    "hepatic vein"."""
    ways = ((asked.units, label), (label, asked.units))
    return all(
        any(
            unit.weight == 1.0 and not any(_has(asked, unit, other) for other in others)
            for unit in some
        )
        for some, others in ways
    )


def names(asked: Asked, text: str) -> bool:
    """Whether the text names something that the question hangs on."""
    return any(
        same_unit(unit, one) for unit in asked.units if unit.weight >= 0.5 for one in units_of(text)
    )


def is_of_another(asked: Asked, label: Sequence[Unit]) -> bool:
    """Whether it names a measurement of the patient as that of something else: "spleen weight"."""
    wanted = {unit.key for unit in asked.units if unit.topic is not None and unit.topic.is_own}
    if wanted.isdisjoint(unit.key for unit in label):
        return False
    return any(
        _names_thing(unit) and not any(same_unit(unit, one) for one in asked.units)
        for unit in label
    )


def is_label_of_another(asked: Asked, label: Sequence[Unit], text: str) -> bool:
    """Whether a field, by its label, is of something else than what is asked for."""
    if asked.kind == "number" and _is_of_like(asked, label):
        return True
    return is_of_another(asked, label) or _names_doer(asked, text)


def _names_doer(asked: Asked, label: str) -> bool:
    """ "Stone removed by basket" is no label of a person below it."""
    return asked.kind == "person" and not BY.isdisjoint(words_of_text(label)[1:-1])


def _names_thing(unit: Unit) -> bool:
    if unit.topic is not None:
        return unit.topic.is_thing
    is_short = len(unit.key) == 1 or unit.is_exact
    return unit.weight == 1.0 and not is_short and unit.key not in vocabulary().beside


def is_opposite(asked: Asked, units: Sequence[Unit]) -> bool:
    """Of "the right kidney", what names the left one alone."""
    named = {unit.key for unit in units}
    wanted = {unit.key for unit in asked.units}
    known = vocabulary().opposites
    return any(
        not known[key].others.isdisjoint(named)
        and known[key].own.isdisjoint(named)
        and known[key].others.isdisjoint(wanted)
        for key in wanted & known.keys()
    )
