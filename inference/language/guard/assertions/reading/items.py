"""A sentence as items: names, numbers, sides, small words by what they do, and marks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal

import yaml

from inference.language.guard.assertions.symbols import with_symbols
from inference.language.guard.numbers.dates import FoundDate
from inference.language.guard.numbers.quantities import Quantity
from inference.language.guard.reading import Reading, Word, read
from inference.language.guard.scope import Mention, mentions_of

_FILE = Path(__file__).parents[2] / "data" / "syntax.yaml"
Kind = Literal["name", "side", "symbol", "number", "date", "small", "trigger", "mark", "unknown"]


@dataclass(frozen=True)
class Item:
    """Pieces `at` to `end` of a sentence."""

    kind: Kind
    at: int
    end: int
    text: str
    mentions: tuple[Mention, ...] = ()
    classes: frozenset[str] = frozenset()
    """Of a small word: what it may do."""
    numbers: tuple[Quantity, ...] = ()
    """Of a number: its axes."""
    date: FoundDate | None = None
    meaning: str = ""
    """Of a symbol."""


# Words of time that stand before a name as prepositions do.
_TEMPORAL = {"after": frozenset(("after",)), "before": frozenset(("before", "seen"))}
_AXES = frozenset(
    "ap transverse craniocaudal cc sagittal coronal axial lateral anteroposterior depth".split()
)
_BETWEEN_AXES = frozenset(("x", "and", "versus", "vs", "by", ",", "/", "und"))


@dataclass(frozen=True)
class Itemised:
    """A sentence, read."""

    items: tuple[Item, ...]
    reading: Reading


@cache
def syntax() -> Mapping[str, frozenset[str]]:
    """What each small word may do."""
    classes: dict[str, set[str]] = {}
    for name, words in yaml.safe_load(_FILE.read_text(encoding="utf-8")).items():
        for word in str(words).split():
            classes.setdefault(word, set()).add(name)
    return {word: frozenset(names) for word, names in classes.items()}


@lru_cache(maxsize=4096)
def itemise(sentence: str) -> Itemised:
    """The items of a sentence in their order."""
    text, symbols = with_symbols(sentence)
    reading = read(text)
    names = _names(reading)
    numbers = {axes[0].at: axes for axes in _axes(reading.quantities)}
    dates = sorted(reading.dates, key=lambda one: one[0])
    items: list[Item] = []
    at = 0
    while at < len(reading.pieces):
        while dates and dates[0][0] <= at:
            items.append(Item("date", at, at, "", date=dates.pop(0)[1]))
        item = _item_at(reading, at, names, numbers, symbols)
        items.append(item)
        at = item.end
        if item.kind == "name" and item.text.endswith((" als", " than")):
            # `Kleiner als` is one name of the vocabulary and compares with what follows.
            items.append(Item("small", at, at, "als", classes=frozenset(("than",))))
    items += [Item("date", at, at, "", date=found) for _, found in dates]
    return Itemised(tuple(_with_axes(items)), reading)


def holds_number(label: str) -> bool:
    """Whether a label gives a value: `Nodule 4 mm: ...`"""
    return any(item.kind == "number" for item in itemise(label).items)


def _with_axes(items: Sequence[Item]) -> list[Item]:
    """Sizes whose axes are named: `30 mm AP and 37 mm transverse`, `3 x 4 cm (AP x transverse)`."""
    found: list[Item] = []
    at = 0
    while at < len(items):
        item = items[at]
        if item.kind != "number":
            found.append(item)
            at += 1
            continue
        numbers, names, end = list(item.numbers), [], at + 1
        while end < len(items):
            if items[end].text in _AXES:
                names.append(items[end].text)
                end += 1
            elif (
                items[end].text == "(" and end + 1 < len(items) and items[end + 1].text in _AXES
            ) or (names and items[end].text == ")"):
                end += 1
            elif (
                names
                and items[end].text in _BETWEEN_AXES
                and end + 1 < len(items)
                and (items[end + 1].kind == "number" or items[end + 1].text in _AXES)
            ):
                if items[end + 1].kind == "number":
                    numbers += items[end + 1].numbers
                    end += 1
                end += 1
            else:
                break
        if names and len(names) == len(numbers):
            meaning = "axes " + " ".join(names)
            found.append(
                replace(item, end=items[end - 1].end, numbers=tuple(numbers), meaning=meaning)
            )
            at = end
        else:
            found.append(item)
            at += 1
    return found


def _item_at(
    reading: Reading,
    at: int,
    names: Mapping[int, Sequence[Mention]],
    numbers: Mapping[int, tuple[Quantity, ...]],
    symbols: Mapping[str, str],
) -> Item:
    piece = reading.pieces[at]
    if piece in "+-" and at + 1 in numbers and numbers[at + 1][0].signed:
        # The sign belongs to the number.
        at += 1
    if at in numbers:
        axes = numbers[at]
        return Item("number", at, axes[-1].end, piece, numbers=axes)
    if piece in symbols:
        mentions = tuple(names.get(at, ()))
        return Item("symbol", at, at + 1, piece, mentions=mentions, meaning=symbols[piece])
    here = [word for word in reading.words if word.at == at]
    if here:
        return _of_words(reading, here, names)
    classes = syntax().get(piece, frozenset())
    if classes:
        return Item("small", at, at + 1, piece, classes=classes)
    return Item("mark" if not piece[0].isalnum() else "unknown", at, at + 1, piece)


def _of_words(
    reading: Reading, here: Sequence[Word], names: Mapping[int, Sequence[Mention]]
) -> Item:
    at, end, category = here[0].at, here[0].end, here[0].entry.category
    text = " ".join(reading.pieces[at:end])
    concept = here[0].entry.concept
    kind: Kind = "name"
    classes, meaning = frozenset[str](), ""
    if len(here) == 1 and concept in _TEMPORAL:
        kind, classes = "small", _TEMPORAL[concept]
    elif category == "grammar" or (category == "word" and text in syntax()):
        classes = syntax().get(text, frozenset())
        kind = "small" if classes else "unknown"
    elif category == "trigger" or (category == "side" and len(here) == 1):
        kind, meaning = ("trigger" if category == "trigger" else "side"), concept
    else:
        meaning = next((one.entry.concept for one in here if one.entry.category == "side"), "")
    mentions = tuple(names.get(at, ())) if kind == "name" else ()
    return Item(kind, at, end, text, mentions=mentions, classes=classes, meaning=meaning)


def _names(reading: Reading) -> dict[int, list[Mention]]:
    found: dict[int, list[Mention]] = {}
    for mention in mentions_of(reading):
        found.setdefault(mention.word.at, []).append(mention)
    return found


def _axes(quantities: Sequence[Quantity]) -> list[tuple[Quantity, ...]]:
    """Numbers that `x` joins, as one."""
    found: list[tuple[Quantity, ...]] = []
    for one in quantities:
        if found and one.group >= 0 and found[-1][-1].group == one.group:
            found[-1] = (*found[-1], one)
        else:
            found.append((one,))
    return found
