"""A procedure step as text, whose series stay undecoded while messages change the rest of it.

They are what is long: 33,000 references take 6 MiB and the better part of a second of a
processor to decode and to encode again, which a message of 60 bytes must not cost.
"""

from collections.abc import Mapping
from typing import Any

from storage.db.json_text import JsonText, from_json, to_json

# PerformedSeriesSequence.
_SERIES = "00400340"
# Of hints: so many UIDs.
_MOST_ANNOUNCED_BYTES = 100_000 * 68
# With spaces that nothing else writes between names and values, and no string has its quotes.
_BEFORE_SERIES = f',  "{_SERIES}":  '


def encoded(attributes: Mapping[str, Any]) -> JsonText:
    """The text of a step, its series last; they may be encoded already."""
    beside = to_json({tag: element for tag, element in attributes.items() if tag != _SERIES})
    if _SERIES not in attributes or beside == "{}":
        return JsonText(beside if _SERIES not in attributes else to_json(decoded(attributes)))
    return JsonText(f"{beside[:-1]}{_BEFORE_SERIES}{to_json(attributes[_SERIES])}}}")


def undecoded(text: str) -> dict[str, Any]:
    """The attributes, with their series as `JsonText` where `encoded` wrote them."""
    beside, mark, series = text.partition(_BEFORE_SERIES)
    if not mark:
        attributes: dict[str, Any] = from_json(text)
        return attributes
    return {**from_json(beside + "}"), _SERIES: JsonText(series[:-1])}


def announced_bytes(text: str, studies: int) -> int:
    """What a step takes: its text, and for each of its studies the instances of its series."""
    series = len(text.partition(_BEFORE_SERIES)[2])
    return len(text) + min(studies * series, _MOST_ANNOUNCED_BYTES)


def decoded(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """With their series decoded."""
    return {
        tag: from_json(element) if isinstance(element, JsonText) else element
        for tag, element in attributes.items()
    }
