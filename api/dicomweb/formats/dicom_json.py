"""The DICOM JSON model (PS3.18 annex F), made from data sets and from the index.

Values are read from the encoded bytes rather than through pydicom's typed
elements: that is several times faster, and one malformed value does not cost
the whole data set. A value that its VR does not allow leaves as text.
"""

import base64
import math
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydicom.datadict import dictionary_has_tag, dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset

from storage.core.character_sets import decode_text
from storage.core.padding import unpadded_ascii
from storage.dicom.value_errors import UNREADABLE

JsonElement = dict[str, Any]
JsonDataset = dict[str, JsonElement]

BULK_THRESHOLD_BYTES = 1024
"""A binary value longer than this leaves as a BulkDataURI."""

SPECIFIC_CHARACTER_SET = 0x00080005
_UTF8 = "ISO_IR 192"

_BINARY_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_SINGLE_TEXT_VRS = frozenset({"LT", "ST", "UT", "UR"})
_NUMBER_TEXT_VRS = frozenset({"DS", "IS"})
_WORD_BYTES = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}
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


@dataclass(frozen=True)
class Path:
    """Where an element stands: tags and 1-based item numbers, as a bulk data URI spells it."""

    parts: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "/".join(self.parts)

    def at(self, *parts: str) -> "Path":
        return Path((*self.parts, *parts))


BulkUri = Callable[[Path], str]


def dataset_to_json(
    dataset: Dataset, bulk_uri: BulkUri | None = None, path: Path = Path(), character_set: str = ""
) -> JsonDataset:
    """One data set as DICOM JSON, sequences included.

    `bulk_uri` gives the address of a large binary value; without it every
    value stands inline. Group lengths and file meta are left out; text is
    UTF-8, and SpecificCharacterSet says so.
    """
    raw_set = dataset.get_item(SPECIFIC_CHARACTER_SET)
    if raw_set is not None:
        character_set = _character_set(raw_set)
    result: JsonDataset = {}
    for tag in sorted(dataset.keys()):
        if tag.element == 0 or tag.group in (0x0002, 0xFFFE):
            continue
        name = f"{tag:08X}"
        if tag == SPECIFIC_CHARACTER_SET:
            result[name] = {"vr": "CS", "Value": [_UTF8]}
            continue
        result[name] = _element(dataset, tag, name, bulk_uri, path, character_set)
    return result


def _character_set(element: Any) -> str:
    value = element.value
    if isinstance(value, bytes):
        return unpadded_ascii(value)
    return value if isinstance(value, str) else "\\".join(value or ())


def _element(
    dataset: Dataset, tag: Any, name: str, bulk_uri: BulkUri | None, path: Path, character_set: str
) -> JsonElement:
    element = dataset.get_item(tag)
    vr, value = "", b""
    if isinstance(element, RawDataElement):
        vr = _vr_of(element)
        value = element.value or b""
    if vr in ("", "SQ", "UN") or " " in vr:
        converted = _convert(dataset, tag)
        if converted is not None:
            if converted.VR == "SQ":
                return (
                    {
                        "vr": "SQ",
                        "Value": [
                            dataset_to_json(
                                item, bulk_uri, path.at(name, str(number)), character_set
                            )
                            for number, item in enumerate(converted.value, start=1)
                        ],
                    }
                    if converted.value
                    else {"vr": "SQ"}
                )
            vr = str(converted.VR).split(" ")[0]
            if not isinstance(element, RawDataElement):
                return _from_python(vr, converted.value, name, bulk_uri, path)
        elif vr == "SQ" or " " in vr or not vr:
            vr = "UN"
    if vr in _BINARY_VRS:
        return _binary(vr, value, _little_endian(element), name, bulk_uri, path)
    return _from_bytes(vr, value, _little_endian(element), character_set)


def _vr_of(element: RawDataElement) -> str:
    if element.VR:
        return str(element.VR)
    if dictionary_has_tag(element.tag):
        return dictionary_VR(element.tag)
    return ""


def _little_endian(element: Any) -> bool:
    return bool(getattr(element, "is_little_endian", True))


def _convert(dataset: Dataset, tag: Any) -> DataElement | None:
    """pydicom's reading of an element that bytes alone do not explain; None where it fails."""
    try:
        element: DataElement = dataset[tag]
    except RecursionError:
        # No element that cannot be read, but a depth at which nothing can be.
        raise
    except UNREADABLE:
        return None
    return element


def _from_bytes(vr: str, value: bytes, little_endian: bool, character_set: str) -> JsonElement:
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


def _binary(
    vr: str, value: bytes, little_endian: bool, name: str, bulk_uri: BulkUri | None, path: Path
) -> JsonElement:
    if not value:
        return {"vr": vr}
    if bulk_uri is not None and len(value) > BULK_THRESHOLD_BYTES:
        return {"vr": vr, "BulkDataURI": bulk_uri(path.at(name))}
    return {
        "vr": vr,
        "InlineBinary": base64.b64encode(little_endian_bytes(vr, value, little_endian)).decode(),
    }


def little_endian_bytes(vr: str, value: bytes, little_endian: bool) -> bytes:
    """A binary value as DICOMweb sends it: little endian, whatever the file's order."""
    size = _WORD_BYTES.get(vr, 1)
    if little_endian or size == 1:
        return value
    whole = len(value) - len(value) % size
    swapped = bytearray(value)
    for position in range(size):
        swapped[position:whole:size] = value[size - 1 - position : whole : size]
    return bytes(swapped)


def _from_python(
    vr: str, value: Any, name: str, bulk_uri: BulkUri | None, path: Path
) -> JsonElement:
    """An element that pydicom has already converted, as in a data set made in memory."""
    if vr in _BINARY_VRS:
        return _binary(vr, bytes(value or b""), True, name, bulk_uri, path)
    return value_to_json(vr, value)


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
