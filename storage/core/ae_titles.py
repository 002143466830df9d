"""Which AE titles a peer, a destination or this node may have (PS3.5 6.2)."""

import re

ANY_STATION = "ANY"
"""Stands in orders that name no station, and so is nobody's title."""

_AE_TITLE = re.compile(r"[\x21-\x5b\x5d-\x7e](?:[\x20-\x5b\x5d-\x7e]{0,14}[\x21-\x5b\x5d-\x7e])?")
_WILDCARDS = re.compile(r"[*?]")
ALLOWED = (
    "1 to 16 characters of ASCII without backslash, * and ?, and not ANY, which stands for every"
    " station"
)


def is_title(text: str) -> bool:
    """What could stand for others' titles is none: ANY, and wildcards (PS3.4 C.2.2.2.4)."""
    return bool(
        _AE_TITLE.fullmatch(text)
        and not _WILDCARDS.search(text)
        and text.casefold() != ANY_STATION.casefold()
    )
