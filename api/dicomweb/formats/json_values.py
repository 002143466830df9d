"""Single values in the DICOM JSON model (PS3.18 annex F.2), from bytes and from Python.

A value that its VR does not allow leaves as text.
"""

import math
import struct
from collections.abc import Iterable, Mapping
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword

from storage.core.text.character_sets import decode_text

JsonElement = dict[str, Any]
JsonDataset = dict[str, JsonElement]

_SINGLE_TEXT_VRS = frozenset({"LT", "ST", "UT", "UR"})
_NUMBER_TEXT_VRS = frozenset({"DS", "IS"})
_NUMBERS = {
    "US": "H",
    "SS": "h",
    "UL": "I",
    "SL": "i",
    "FL": "f",
    "FD": "d",
    "UV": "Q",
    "SV": "q",
}


def number_size(vr: str) -> int:
    """Bytes of one binary number of that VR; 0 for a VR of others."""
    code = _NUMBERS.get(vr)
    return struct.calcsize("=" + code) if code is not None else 4 if vr == "AT" else 0


def value_from_bytes(vr: str, value: bytes, little_endian: bool, character_set: str) -> JsonElement:
    """An encoded value that is neither a sequence nor binary."""
    if not value:
        return {"vr": vr}
    code = _NUMBERS.get(vr)
    if code is not None:
        size = struct.calcsize("=" + code)
        count = len(value) // size
        order = "<" if little_endian else ">"
        numbers = struct.unpack(f"{order}{count}{code}", value[: count * size])
        return {"vr": vr, "Value": [_finite(n) for n in numbers]} if count else {"vr": vr}
    if vr == "AT":
        order = "<" if little_endian else ">"
        count = len(value) // 4
        words = struct.unpack(f"{order}{count * 2}H", value[: count * 4])
        pairs = zip(words[::2], words[1::2], strict=True)
        return {"vr": vr, "Value": [f"{group:04X}{number:04X}" for group, number in pairs]}
    if vr == "PN":
        return _text_element(vr, decode_text(value, character_set, is_name=True))
    if vr in _SINGLE_TEXT_VRS:
        text = _paragraphs(value, character_set)
        return {"vr": vr, "Value": [text]} if text else {"vr": vr}
    return _text_element(vr, decode_text(value, character_set))


def _paragraphs(value: bytes, character_set: str) -> str:
    """Long text, whose leading spaces and line ends count; only padding goes (PS3.5 6.2)."""
    value = value.rstrip(b" \0")
    body = value.strip()
    start = value.index(body)
    lead, tail = value[:start], value[start + len(body) :]
    return lead.decode("ascii") + decode_text(body, character_set, vr="UT") + tail.decode("ascii")


def _text_element(vr: str, text: str) -> JsonElement:
    values = [_text_value(vr, part.strip()) for part in text.split("\\")]
    if all(value is None for value in values):
        return {"vr": vr}
    return {"vr": vr, "Value": values}


def _text_value(vr: str, text: str) -> Any:
    if not text:
        return None
    if vr == "PN":
        return person_name(text)
    if vr in _NUMBER_TEXT_VRS:
        return _number(vr, text)
    return text


def person_name(text: str) -> dict[str, str]:
    """The three representations of a person name (PS3.5 6.2.1.1), empty ones left out."""
    groups = text.split("=")
    names = ("Alphabetic", "Ideographic", "Phonetic")
    return {name: group for name, group in zip(names, groups, strict=False) if group}


def _number(vr: str, text: str) -> Any:
    try:
        if vr == "IS":
            return int(text)
        number = float(text)
    except ValueError:
        return text
    if not math.isfinite(number):
        return text
    return (
        int(number) if number.is_integer() and "." not in text and abs(number) < 2**53 else number
    )


def _finite(number: float) -> float | None:
    """JSON has no NaN nor infinity; such a value leaves as an empty one."""
    return number if not isinstance(number, float) or math.isfinite(number) else None


def value_to_json(vr: str, value: Any) -> JsonElement:
    """A Python value of the index, or of an already converted element."""
    if value is None or value in ("", [], ()):
        return {"vr": vr}
    if vr == "AT":
        tags = value if isinstance(value, list | tuple) else [value]
        return {"vr": vr, "Value": [f"{int(tag):08X}" for tag in tags]}
    if isinstance(value, str) and vr in _SINGLE_TEXT_VRS:
        return {"vr": vr, "Value": [value]}
    if isinstance(value, str):
        return _text_element(vr, value)
    values: Iterable[Any] = value if _is_many(value) else [value]
    return {"vr": vr, "Value": [_scalar(vr, item) for item in values]}


def _is_many(value: Any) -> bool:
    return (
        isinstance(value, Iterable)
        and not isinstance(value, str | bytes)
        and hasattr(value, "__len__")
        and not hasattr(value, "components")
    )


def _scalar(vr: str, item: Any) -> Any:
    if isinstance(item, bool):
        return item
    if isinstance(item, float) and vr not in _NUMBER_TEXT_VRS:
        return _finite(float(item))
    if isinstance(item, int) and vr not in _NUMBER_TEXT_VRS:
        return int(item)
    return _text_value(vr, str(item))


def row_to_json(row: Mapping[str, Any]) -> JsonDataset:
    """One row of the index, keyed by DICOM keyword, in the order of tags."""
    elements = {}
    for keyword, value in row.items():
        tag = tag_for_keyword(keyword)
        if tag is not None:
            elements[tag] = value_to_json(dictionary_VR(tag), value)
    return {f"{tag:08X}": elements[tag] for tag in sorted(elements)}
