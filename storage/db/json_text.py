"""JSON as the columns of it are written and read: what is not valid Unicode goes neither way.

`json` writes half of a surrogate pair as an escape sequence, which the databases keep as it is;
what reads it again can then encode it in no answer, report or message, and a list fails by one row.
"""

import json
import re
from typing import Any

from storage.core.text.outside_text import valid_unicode

_ESCAPED_HALVES = re.compile(r"\\u[dD]")
"""Also of a whole pair, as of an emoji; other programs write capital letters."""


class JsonText(str):
    """A value that was encoded by `to_json` before its transaction began: others wait for that."""

    __slots__ = ()


def to_json(value: Any) -> str:
    """JSON in ASCII, with U+FFFD for each half of a surrogate pair."""
    if isinstance(value, JsonText):
        return value
    text = json.dumps(value)
    return json.dumps(_repaired(value)) if _ESCAPED_HALVES.search(text) else text


def from_json(text: str | bytes) -> Any:
    """The value; halves that an earlier version wrote are replaced likewise."""
    value = json.loads(text)
    written = text if isinstance(text, str) else text.decode("latin-1")
    return _repaired(value) if _ESCAPED_HALVES.search(written) else value


def _repaired(value: Any) -> Any:
    return json.loads(valid_unicode(json.dumps(value, ensure_ascii=False)))
