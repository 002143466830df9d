"""Classes by their numbers: those that a card leaves unnamed, and those that there are none of."""

from collections.abc import Collection
from pathlib import Path

from pydantic import ValidationInfo

from inference.models.cards.card_file import Card
from inference.models.cards.card_words import CardInvalid
from inference.models.cards.installed_cards import is_installed

_NAMED = 5


def all_named(labels: dict[str, str], info: ValidationInfo) -> dict[str, str]:
    """Of a classification, which answers with every class. Raises ValueError for the first ones
    that have no name: results would name them by their numbers."""
    is_classification = str(info.data.get("output")).endswith("classification")
    if is_installed() or not labels or not is_classification:
        return labels
    named = {int(one) for one in labels}
    missing = [one for one in range(max(named)) if one not in named][:_NAMED]
    if missing:
        raise ValueError(
            f"names no class {', '.join(map(str, missing))}; classes count from 0, and a"
            " classification answers with every one"
        )
    return labels


def not_empty(text: str) -> str:
    """Raises ValueError for a text that states nothing."""
    if not text and not is_installed():
        raise ValueError("is empty; state something, or leave it out")
    return text


def check_segments(card: Card, labels: Collection[int], card_file: Path) -> None:
    """Raises CardInvalid for the segments of classes that no label names: such a code never
    reaches a result."""
    unknown = [one for one in card.segments if one not in set(map(str, labels))]
    if is_installed() or not labels or not unknown:
        return
    known = ", ".join(map(str, sorted(labels)[:_NAMED])) + ("" if len(labels) <= _NAMED else " …")
    sentence = f"no label names this class; labels name {known}"
    raise CardInvalid(
        f"{card_file} cannot be used: segments.{unknown[0]}: {sentence}.",
        remedy="Give the segment the number of its class, or name the class in labels.",
        form=type(card),
        errors=[
            {"type": "unknown_class", "loc": ("segments", one), "msg": sentence, "input": one}
            for one in unknown
        ],
    )
