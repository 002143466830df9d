"""The DICOM JSON model (PS3.18 annex F), made from data sets and from the index.

Values are read from the encoded bytes rather than through pydicom's typed
elements: that is several times faster, and one malformed value does not cost
the whole data set.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset

from api.dicomweb.formats.json_values import (
    JsonDataset,
    JsonElement,
    value_from_bytes,
    value_to_json,
)
from api.dicomweb.formats.value_room import ValueRoom
from storage.core.text.padding import unpadded_ascii
from storage.dicom.byte_order import little_endian_bytes
from storage.dicom.long_values import LONG_VALUE_BYTES, unread
from storage.dicom.value_errors import UNREADABLE

BULK_THRESHOLD_BYTES = 1024
"""A binary value longer than this leaves as a BulkDataURI."""

SPECIFIC_CHARACTER_SET = 0x00080005
_UTF8 = "ISO_IR 192"

_BINARY_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})


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
    dataset: Dataset,
    bulk_uri: BulkUri | None = None,
    path: Path = Path(),
    character_set: str = "",
    room: ValueRoom | None = None,
) -> JsonDataset:
    """One data set as DICOM JSON, sequences included.

    `bulk_uri` gives the address of a large binary value; without it every
    value stands inline. Group lengths and file meta are left out; text is
    UTF-8, and SpecificCharacterSet says so. Raises LimitExceeded where there are more values than
    there is room for.
    """
    room = room or ValueRoom()
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
        result[name] = _element(dataset, tag, name, bulk_uri, path, character_set, room)
    return result


def _character_set(element: Any) -> str:
    value = element.value
    if isinstance(value, bytes):
        return unpadded_ascii(value)
    return value if isinstance(value, str) else "\\".join(value or ())


def _element(
    dataset: Dataset,
    tag: Any,
    name: str,
    bulk_uri: BulkUri | None,
    path: Path,
    character_set: str,
    room: ValueRoom,
) -> JsonElement:
    element = dataset.get_item(tag)
    long = unread(element)
    if long is not None:
        vr = (_vr_of(element) or "UN").split(" ")[0]
        return (
            {"vr": vr} if bulk_uri is None else {"vr": vr, "BulkDataURI": bulk_uri(path.at(name))}
        )
    vr, value = "", b""
    if isinstance(element, RawDataElement):
        vr = _vr_of(element)
        value = element.value or b""
    if vr in ("", "UN") or " " in vr:
        # pydicom makes all values of what it knows to be text, or numbers of two bytes.
        room.take("US" if " " in vr else "", value)
    if vr in ("", "SQ", "UN") or " " in vr:
        converted = _convert(dataset, tag)
        if converted is not None:
            if converted.VR == "SQ":
                return (
                    {
                        "vr": "SQ",
                        "Value": [
                            dataset_to_json(
                                item, bulk_uri, path.at(name, str(number)), character_set, room
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
    if bulk_uri is not None and len(value) > LONG_VALUE_BYTES:
        # As one that was passed over, though it lies in a sequence that was not.
        return {"vr": vr, "BulkDataURI": bulk_uri(path.at(name))}
    room.take(vr, value)
    return value_from_bytes(vr, value, _little_endian(element), character_set)


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


def _from_python(
    vr: str, value: Any, name: str, bulk_uri: BulkUri | None, path: Path
) -> JsonElement:
    """An element that pydicom has already converted, as in a data set made in memory."""
    if vr in _BINARY_VRS:
        return _binary(vr, bytes(value or b""), True, name, bulk_uri, path)
    return value_to_json(vr, value)
