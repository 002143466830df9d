"""What is wrong with a card as text: the sentence, its line, the value there, the remedy."""

import json
from dataclasses import dataclass
from typing import Any

from pydantic_core import ErrorDetails

from inference.models.cards.card_words import CardInvalid, mistake_text
from storage.core.text.outside_text import text_from_outside, valid_unicode
from storage.core.untrusted_input.bounded_json import RepeatedKey
from storage.core.untrusted_input.json_places import Place, nearest_place, repeated_in

_VALUE_CHARACTERS = 80
_SENTENCE_CHARACTERS = 500
_REMEDIES = {
    "missing": "Add it.",
    "extra_forbidden": "Remove it, or correct its name.",
    "unknown_class": "Give the segment the number of its class, or name the class in labels.",
}


@dataclass(frozen=True)
class CardMistake:
    """`path`: of keys and indices, joined by dots. `value`: what stands there, as JSON."""

    path: str
    place: Place
    sentence: str
    value: str
    remedy: str

    def __post_init__(self) -> None:
        # A card may hold halves of surrogate pairs, which no answer can say again.
        for name in ("path", "sentence", "value", "remedy"):
            object.__setattr__(self, name, valid_unicode(getattr(self, name)))


def general_mistake(sentence: str, remedy: str, place: Place = (1, 1)) -> CardMistake:
    """Of the card as a whole."""
    return CardMistake("", place, sentence, "", remedy)


def repeated_key(text: str, error: RepeatedKey) -> CardMistake:
    found, remedy = repeated_in(text), "Leave one of the two out."
    if found is None:
        return general_mistake(f"{error}", remedy)
    path = ".".join(map(str, found.path))
    return CardMistake(path, found.again, found.sentence, "", remedy)


def mistake_in(
    error: CardInvalid, one: ErrorDetails, places: dict[Any, Place], stated: Any
) -> CardMistake:
    path = one["loc"]
    return CardMistake(
        ".".join(map(str, path)),
        nearest_place(places, path),
        text_from_outside(mistake_text(error.form, one), _SENTENCE_CHARACTERS),
        _value_at(stated, path),
        _REMEDIES.get(one["type"], "Correct the value."),
    )


def _value_at(stated: Any, path: tuple[str | int, ...]) -> str:
    """As JSON, shortened; empty where there is none at that place."""
    found = stated
    for part in path:
        known: Any = range(len(found)) if isinstance(found, list) else found
        if not isinstance(found, dict | list) or part not in known:
            return ""
        found = found[int(part)] if isinstance(found, list) else found[part]
    if isinstance(found, dict | list):
        return ""
    return json.dumps(found, ensure_ascii=False)[:_VALUE_CHARACTERS]
