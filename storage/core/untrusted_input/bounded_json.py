"""JSON from strangers, refused before it takes hundreds of times its size."""

import json
import re
from typing import Any, NoReturn

from storage.core.errors import LimitExceeded

_MAX_SEQUENCES = 64
# Each sequence is an element, its values and an item; a name within the last one is one more.
_MAX_LAYERS = 3 * (_MAX_SEQUENCES + 1) + 1
_MARKS_OF_ELEMENT = 2
_SURROGATE = re.compile(rb"\\u[dD][89abAB]|\\u[dD][c-fC-F]")


class RepeatedKey(ValueError):
    """An object has a key twice, of which json takes the last one (RFC 8259, 4)."""

    def __init__(self, key: str) -> None:
        super().__init__(f"The key {key[:80]!r} stands twice in one object.")


def load_bounded_json(
    body: bytes | bytearray,
    max_elements: int,
    *,
    strict: bool = False,
    unique_keys: bool = False,
    remedy: str = "",
) -> Any:
    """The value that the bytes say, without half a surrogate pair (`"\\ud800"`), which no UTF-8
    can say again; `strict` without NaN and infinities, too, which JSON does not know.

    `max_elements` counts what XML would write as elements: attributes, items, values. The
    braces, brackets and commas are counted before anything is built, two for each at most:
    three bytes are an object of 64. Raises LimitExceeded, for sequences that lie too deep in each
    other too, ValueError for what is no JSON, and with `unique_keys` RepeatedKey.
    """
    marks = sum(body.count(mark) for mark in b"{[,")
    if marks > _MARKS_OF_ELEMENT * max_elements:
        raise LimitExceeded(
            f"The JSON has more than {_MARKS_OF_ELEMENT * max_elements} braces, brackets and"
            " commas.",
            remedy=remedy,
        )
    try:
        decoded = json.loads(body, parse_constant=_no_constant if strict else None)
    except RecursionError as error:
        raise ValueError("It is nested too deeply.") from error
    check_bounded(decoded, max_elements, remedy)
    if strict or _SURROGATE.search(body) or b"\0" in body:
        # Also what json makes of 1e999; of UTF-16 and UTF-32, too.
        json.dumps(decoded, ensure_ascii=False, allow_nan=not strict).encode()
    if unique_keys:
        json.loads(body, object_pairs_hook=_check_unique)
    return decoded


def check_bounded(decoded: Any, max_elements: int, remedy: str = "") -> None:
    """Raises LimitExceeded for a value of that many elements, or sequences too deep."""
    count = 0
    layer, depth = [decoded], 0
    while layer:
        if depth > _MAX_LAYERS:
            raise LimitExceeded(
                f"The JSON has sequences more than {_MAX_SEQUENCES} deep in each other.",
                remedy=remedy,
            )
        below: list[Any] = []
        for one in layer:
            if isinstance(one, dict):
                count += 1
                below += [child for child in one.values() if isinstance(child, dict | list)]
            elif isinstance(one, list):
                count += sum(not isinstance(child, dict) for child in one)
                below += [child for child in one if isinstance(child, dict | list)]
        if count > max_elements:
            raise LimitExceeded(
                f"The JSON has more than {max_elements} elements, items and values.",
                remedy=remedy,
            )
        layer, depth = below, depth + 1


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _check_unique(members: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for key, _ in members:
        if key in seen:
            raise RepeatedKey(key)
        seen.add(key)
