"""Where a request does not match the API description, in words."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError

from api.request_rules.unknown_names import known_fields, suggestion

_MISMATCH = "string_pattern_mismatch"
# What people make of a pattern; the others stand as they are.
_IN_WORDS = {
    r"^[0-9.]{1,64}$": "a UID: digits and full stops, at most 64",
    r"^[0-9.]{0,64}$": "a UID (digits and full stops, at most 64), or empty",
    r"^$|^[0-9]+(\.[0-9]+)*$": "a UID: numbers with full stops between them, or empty",
    r"^[0-9]+(\.[0-9]+)*$": "a UID: numbers with full stops between them",
    r"^[A-Za-z0-9-]{1,64}$": "an identifier: letters, digits and hyphens, at most 64",
    r"^[A-Za-z0-9.-]{1,64}$": "an identifier: letters, digits, full stops and hyphens, at most 64",
    r"^\d{8}$": "a date as YYYYMMDD",
    r"^[0-9a-f]{64}$": "a SHA-256 digest: 64 hexadecimal digits in lower case",
    "^[FMO]?$": "F, M, O or empty",
    r"^[^\x00]*$": "text without NUL characters",
    r"^[^\x00]+$": "text without NUL characters, and not empty",
    r"^[^\x00]*\S[^\x00]*$": "text without NUL characters, and more than blanks",
    r"^[^\x00\\]*$": "text without NUL characters and backslashes",
    r"^[^\x00-\x1f]*$": "text on one line, without control characters",
    r"^[^\x00-\x1f\x7f\\]*$": "text on one line, without control characters and backslashes",
    r"^[^\x00-\x08\x0b\x0c\x0e-\x1f]*$": "text without control characters",
    r"^[!-~]+$": "printable ASCII characters without blanks",
    r"^[\x21-\x5b\x5d-\x7e](?:[\x20-\x5b\x5d-\x7e]{0,14}[\x21-\x5b\x5d-\x7e])?$": (
        "an AE title: 1 to 16 printable ASCII characters without backslashes"
    ),
}
_NO_FIELD = "There is no such field"
# A body may be wrong in 100,000 places, and each costs the search for the nearest name.
_MOST_WRONG = 100
_MOST_CHARACTERS = 100


def mismatches(request: Request, error: RequestValidationError) -> list[dict[str, str]]:
    """`where` and `what` of the first hundred."""
    return [
        {"where": _where(item.get("loc", ())), "what": _what(request, item)}
        for item in error.errors()[:_MOST_WRONG]
    ]


def _what(request: Request, item: Mapping[str, Any]) -> str:
    """What is wrong with a value; where its name is not known, the nearest one that is."""
    pattern = item.get("ctx", {}).get("pattern") if item.get("type") == _MISMATCH else None
    if pattern is not None:
        return f"It must be {_IN_WORDS.get(pattern, 'of the form that its description has')}"
    if item.get("type") in ("literal_error", "enum"):
        return f"It must be {item.get('ctx', {}).get('expected', 'one of the words described')}"
    if item.get("type") != "extra_forbidden":
        # Pydantic puts this before the sentence of a check of ours; the caller adds a full stop.
        return str(item.get("msg", "")).removeprefix("Value error, ").removesuffix(".")
    location = item["loc"]
    near = suggestion(
        str(location[-1])[:_MOST_CHARACTERS], known_fields(request.scope.get("route"), location)
    )
    return f"{_NO_FIELD} ({near[0].lower()}{near[1:].rstrip('.')})" if near else _NO_FIELD


def _where(location: Sequence[str | int]) -> str:
    return ".".join(str(part)[:_MOST_CHARACTERS] for part in location) or "request"
