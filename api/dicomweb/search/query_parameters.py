"""The query of a search request (PS3.18 8.3.4, 10.6.1.2)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword

from storage.core.errors import InvalidRequest
from storage.core.untrusted_input.whole_numbers import read_whole_number
from storage.index.matching.attributes import LEVELS, available_at

DEFAULT_LIMIT = 10_000
"""So many rows leave at once when the client states no limit of its own, and at most."""

_TAG = re.compile(r"[0-9A-Fa-f]{8}")
_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,64}")
_MAX_VALUE_LENGTH = 64 * 1024
_MAX_OFFSET = 2**31
_MAX_PATH_STEPS = 8
_SINGLE = frozenset({"limit", "offset", "fuzzymatching"})
_USUAL = (
    *("limit", "offset", "fuzzymatching", "includefield"),
    *sorted({attribute.keyword for level in LEVELS for attribute in available_at(level)}),
)
"""What a misspelt name may have meant."""
_TRUE, _FALSE = "true", "false"


@dataclass(frozen=True)
class SearchParameters:
    keys: dict[str, str]
    """Matching keys; several values stand with backslashes between them.

    Named by keyword; by tag where an attribute has none; by keywords with dots
    between them where it lies in a sequence.
    """
    include: tuple[str, ...]
    """Named as the keys are."""
    include_all: bool
    limit: int
    offset: int
    fuzzy: bool
    capped: bool = False
    """The client states no limit, or one beyond what leaves at once."""


def parse_search(items: Iterable[tuple[str, str]]) -> SearchParameters:
    """Read the query's pairs. Raises InvalidRequest for what is no search parameter."""
    keys: dict[str, list[str]] = {}
    include: list[str] = []
    unknown: list[str] = []
    limit, offset, fuzzy, capped = DEFAULT_LIMIT, 0, False, True
    given: set[str] = set()
    for name, value in items:
        control = name.lower()
        if control in _SINGLE and control in given:
            raise InvalidRequest(
                f"{name} is given more than once.", remedy="Give it once: it takes a single value."
            )
        given.add(control)
        if len(value) > _MAX_VALUE_LENGTH:
            raise InvalidRequest(
                f"A query value has {len(value)} characters.", remedy="Ask in several requests."
            )
        match control:
            case "limit":
                wanted = _count(name, value)
                limit, capped = min(wanted, DEFAULT_LIMIT), wanted > DEFAULT_LIMIT
            case "offset":
                offset = min(_count(name, value), _MAX_OFFSET)
            case "fuzzymatching":
                fuzzy = _flag(name, value)
            case "includefield":
                include += [field.strip() for field in value.split(",") if field.strip()]
            case "accept" | "charset":
                continue
            case _:
                keyword = _keyword(name)
                if keyword is None:
                    unknown.append(name)
                else:
                    keys.setdefault(keyword, []).append(value)
    included = {field: _keyword(field) for field in include if field.lower() != "all"}
    unknown += [field for field, keyword in included.items() if keyword is None]
    if unknown:
        raise _unknown(unknown)
    return SearchParameters(
        keys={keyword: _join(keyword, values) for keyword, values in keys.items()},
        include=tuple(keyword for keyword in included.values() if keyword is not None),
        include_all=any(field.lower() == "all" for field in include),
        limit=limit,
        offset=offset,
        fuzzy=fuzzy,
        capped=capped,
    )


def tag_of(name: str) -> int | None:
    """The tag of one attribute, named by keyword or by eight hexadecimal digits."""
    if _TAG.fullmatch(name):
        return int(name, 16)
    return tag_for_keyword(name)


def _keyword(name: str) -> str | None:
    """The one name of an attribute that has several; None for what is no attribute."""
    steps = name.split(".")
    if len(steps) > _MAX_PATH_STEPS:
        return None
    named = []
    for position, step in enumerate(steps, start=1):
        tag = tag_of(step)
        if tag is None:
            return None
        keyword = keyword_for_tag(tag)
        if position < len(steps) and keyword and dictionary_VR(tag) != "SQ":
            return None
        named.append(keyword or f"{tag:08X}")
    return ".".join(named)


def _unknown(names: list[str]) -> InvalidRequest:
    # Only what looks like a name is repeated: a value that slipped in may be a patient's.
    shown = ", ".join(name for name in names if _NAME.fullmatch(name)) or "one that is not a name"
    near = get_close_matches(names[0], _USUAL, n=1) if _NAME.fullmatch(names[0]) else []
    meant = f"Did you mean {near[0]}? " if near else ""
    return InvalidRequest(
        f"The query has what is neither a DICOM attribute nor one of limit, offset,"
        f" fuzzymatching and includefield: {shown}.",
        remedy=f"{meant}Name attributes by keyword (PatientID), by tag (00100020), or within a"
        " sequence by a path (RequestAttributesSequence.RequestedProcedureID).",
    )


def _join(keyword: str, values: list[str]) -> str:
    tag = tag_of(keyword.rpartition(".")[2])
    if tag is not None and keyword_for_tag(tag) and dictionary_VR(tag) == "UI":
        values = [uid.strip() for value in values for uid in re.split(r"[,\\]", value)]
    return "\\".join(values)


def _count(name: str, value: str) -> int:
    number = read_whole_number(value)
    if number is None:
        raise InvalidRequest(
            f"{name} is not a whole number from 0 on.", remedy=f"Write for example {name}=100."
        )
    return number


def _flag(name: str, value: str) -> bool:
    text = value.strip().lower()
    if text not in (_TRUE, _FALSE):
        raise InvalidRequest(
            f"{name} is neither true nor false.", remedy=f"Write {name}=true or leave it out."
        )
    return text == _TRUE
