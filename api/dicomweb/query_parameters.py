"""The query of a search request (PS3.18 8.3.4, 10.6.1.2)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword

from storage.errors import InvalidRequest

DEFAULT_LIMIT = 10_000
"""So many rows leave at once when the client states no limit of its own, and at most."""

_TAG = re.compile(r"[0-9A-Fa-f]{8}")
_MAX_VALUE_LENGTH = 64 * 1024
_MAX_OFFSET = 2**31


@dataclass(frozen=True)
class SearchParameters:
    keys: dict[str, str]
    """Matching keys by keyword; several values stand with backslashes between them."""
    include: tuple[str, ...]
    include_all: bool
    limit: int
    offset: int
    fuzzy: bool


def parse_search(items: Iterable[tuple[str, str]]) -> SearchParameters:
    """Read the query's pairs. Raises InvalidRequest for what is no search parameter."""
    keys: dict[str, list[str]] = {}
    include: list[str] = []
    limit, offset, fuzzy = DEFAULT_LIMIT, 0, False
    for name, value in items:
        if len(value) > _MAX_VALUE_LENGTH:
            raise InvalidRequest(
                f"A query value has {len(value)} characters.", remedy="Ask in several requests."
            )
        match name.lower():
            case "limit":
                limit = min(_count(name, value), DEFAULT_LIMIT)
            case "offset":
                offset = min(_count(name, value), _MAX_OFFSET)
            case "fuzzymatching":
                fuzzy = value.strip().lower() == "true"
            case "includefield":
                include += [field.strip() for field in value.split(",") if field.strip()]
            case "accept" | "charset":
                continue
            case _:
                keys.setdefault(_keyword(name), []).append(value)
    return SearchParameters(
        keys={keyword: _join(keyword, values) for keyword, values in keys.items()},
        include=tuple(_keyword(field) for field in include if field.lower() != "all"),
        include_all=any(field.lower() == "all" for field in include),
        limit=limit,
        offset=offset,
        fuzzy=fuzzy,
    )


def _keyword(name: str) -> str:
    """The DICOM keyword of an attribute given as keyword or tag, or a tag that has none."""
    if _TAG.fullmatch(name):
        return keyword_for_tag(int(name, 16)) or name.upper()
    if "." in name:
        # A path into a sequence; the index holds none, so it is neither matched nor returned.
        return ".".join(_keyword(step) for step in name.split("."))
    if tag_for_keyword(name) is None:
        raise InvalidRequest(
            "The query has a parameter that is neither a DICOM attribute nor one of limit,"
            " offset, fuzzymatching and includefield.",
            remedy="Name attributes by keyword (PatientID) or by tag (00100020).",
        )
    return name


def _join(keyword: str, values: list[str]) -> str:
    tag = tag_for_keyword(keyword)
    if tag is not None and dictionary_VR(tag) == "UI":
        values = [uid.strip() for value in values for uid in re.split(r"[,\\]", value)]
    return "\\".join(values)


def _count(name: str, value: str) -> int:
    if not value.strip().isdecimal() or len(value) > 18:
        raise InvalidRequest(
            f"{name} is not a whole number from 0 on.", remedy=f"Write for example {name}=100."
        )
    return int(value)
