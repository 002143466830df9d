"""How much of a question a label, a row or a sentence has, and whether it is of something else."""

from collections.abc import Sequence

from inference.language.documents.pairing.asking import Asked
from inference.language.documents.pairing.topics import Unit, same_unit, units_of, vocabulary


def matched(asked: Asked, units: Sequence[Unit], value: str = "") -> tuple[float, float]:
    """How much of the question the label has, and how much of the label the question; 0 to 1.

    `value`: what stands under the label; it may name a topic without words (a dose, a medicine).
    """
    total = asked.weight
    if not total or _is_opposite(asked, units):
        return 0.0, 0.0
    hit = 0.0
    for unit in asked.units:
        if any(same_unit(unit, other) for other in units):
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
        unit.weight for unit in units if any(same_unit(unit, other) for other in asked.units)
    )
    return hit / total, both / label if label else 0.0


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


def _names_thing(unit: Unit) -> bool:
    if unit.topic is not None:
        return unit.topic.is_thing
    is_short = len(unit.key) == 1 or unit.is_exact
    return unit.weight == 1.0 and not is_short and unit.key not in vocabulary().beside


def _is_opposite(asked: Asked, units: Sequence[Unit]) -> bool:
    """Of "the right kidney", what names the left one alone."""
    named = {unit.key for unit in units}
    wanted = {unit.key for unit in asked.units}
    opposites = vocabulary().opposites
    return any(
        not opposites[key].isdisjoint(named)
        and not any(one in named for other in opposites[key] for one in opposites[other])
        and opposites[key].isdisjoint(wanted)
        for key in wanted & opposites.keys()
    )
