"""Rows of the index to the JSON of a search, without a detour for each value.

A search may return thousands of rows of the same shape, so what depends on the
attribute alone (its tag, its VR, how its values are written) is settled once.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from io import BytesIO
from itertools import repeat
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword

from api.dicomweb.formats.json_values import JsonDataset, value_to_json
from api.dicomweb.formats.responses import json_bytes
from storage.index.matching.attributes import UNIQUE_KEYS, Level

_INSTANCE_AVAILABILITY = "00080056"
_RETRIEVE_URL = "00081190"
_PLAIN_TEXT_VRS = frozenset({"AE", "AS", "CS", "DA", "DT", "LO", "SH", "TM", "UI"})
_CHARACTER_SET = "00080005"


_Column = tuple[str, str, str, Callable[[str, Any], dict[str, Any]]]
"""Keyword, tag, VR, and what writes a value."""


class RowWriter:
    """Writes rows of one search: `keywords` of each, and where to retrieve it."""

    def __init__(
        self,
        level: Level,
        keywords: Sequence[str],
        root_url: str,
        availability_of: Callable[[str], str],
    ) -> None:
        """`availability_of`: of an instance, a series or a study, by its UID."""
        self._availability_of = availability_of
        self._level = level
        self._root_url = root_url
        self._columns = _columns(tuple(keywords))

    def datasets(
        self, rows: Sequence[Mapping[str, Any]], extras: Sequence[bytes] | None = None
    ) -> Iterator[JsonDataset]:
        """Each row in the JSON model; `extras` are further elements of each, as JSON."""
        # As objects they are held of one row at a time.
        for row, extra in zip(rows, extras or repeat(b"", len(rows)), strict=True):
            elements = self._row(row)
            if extra:
                # What the index says stands: it may have been corrected since.
                elements = {**json.loads(extra), **elements}
            yield dict(sorted(elements.items()))

    def body(
        self, rows: Sequence[Mapping[str, Any]], extras: Sequence[bytes] | None = None
    ) -> bytes:
        """The JSON array of `datasets`."""
        datasets = self.datasets(rows, extras)
        if extras is None:
            return json_bytes(list(datasets))
        # Joined pieces would be held twice.
        written = BytesIO()
        for number, elements in enumerate(datasets):
            written.write(b"," if number else b"[")
            written.write(json_bytes(elements))
        written.write(b"]" if rows else b"[]")
        return written.getvalue()

    def _row(self, row: Mapping[str, Any]) -> JsonDataset:
        availability = self._availability_of(row.get(UNIQUE_KEYS.get(self._level, "")) or "")
        elements: JsonDataset = {
            _CHARACTER_SET: {"vr": "CS", "Value": ["ISO_IR 192"]},
            _INSTANCE_AVAILABILITY: {"vr": "CS", "Value": [availability]},
            _RETRIEVE_URL: {"vr": "UR", "Value": [self._url(row)]},
        }
        for keyword, name, vr, write in self._columns:
            elements[name] = write(vr, row[keyword])
        return elements

    def _url(self, row: Mapping[str, Any]) -> str:
        url = f"{self._root_url}/studies/{row['StudyInstanceUID']}"
        if self._level in ("SERIES", "IMAGE"):
            url += f"/series/{row['SeriesInstanceUID']}"
        if self._level == "IMAGE":
            url += f"/instances/{row['SOPInstanceUID']}"
        return url


@lru_cache(256)
def _columns(keywords: tuple[str, ...]) -> tuple[_Column, ...]:
    columns: list[_Column] = []
    for keyword in keywords:
        tag = tag_for_keyword(keyword)
        if tag is not None:
            vr = dictionary_VR(tag)
            write = _plain_text if vr in _PLAIN_TEXT_VRS else value_to_json
            columns.append((keyword, f"{tag:08X}", vr, write))
    return tuple(columns)


def _plain_text(vr: str, value: Any) -> dict[str, Any]:
    """Text that needs no conversion; nearly all of an index's values are this."""
    if not value:
        return {"vr": vr}
    if isinstance(value, str) and "\\" not in value:
        return {"vr": vr, "Value": [value]}
    return value_to_json(vr, value)
