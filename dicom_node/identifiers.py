"""Identifiers of C-FIND, C-MOVE and C-GET: the peer's keys in, encoded matches out.

A query may return thousands of matches, so that responses are encoded by hand
from the index's rows; keys are read by pydicom, once a query.
"""

import struct
import warnings
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from pydicom.charset import python_encoding
from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.uid import UID
from pynetdicom.dsutils import decode

from storage.errors import InvalidRequest

_LONG_VRS = frozenset(
    {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}
)
_BINARY_VRS = {"US": "H", "UL": "L", "SS": "h", "SL": "l"}
_SPECIFIC_CHARACTER_SET = 0x00080005
_UNICODE = "ISO_IR 192"
# Not keys: they say how the identifier is to be read (PS3.4 C.2.2.2).
NOT_KEYS = frozenset({"SpecificCharacterSet", "QueryRetrieveLevel", "TimezoneOffsetFromUTC"})


@dataclass(frozen=True)
class Identifier:
    """What a peer asks for: `keys` by keyword, `tags` of everything it wants to see."""

    level: str
    keys: dict[str, str]
    tags: tuple[int, ...]
    vrs: dict[int, str]
    character_set: str


def read_identifier(data: bytes | None, transfer_syntax_uid: str) -> Identifier:
    """Decode the identifier of a request. Raises InvalidRequest when it cannot be one."""
    if data is None:
        raise InvalidRequest(
            "The request carries no identifier.", remedy="Send the keys as the request's data set."
        )
    syntax = UID(transfer_syntax_uid)
    try:
        with warnings.catch_warnings():
            # Odd values in keys match nothing or are refused by the index.
            warnings.simplefilter("ignore")
            dataset = decode(
                BytesIO(data), syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated
            )
            return _identifier(dataset)
    except InvalidRequest:
        raise
    except Exception as error:
        # pydicom raises whatever it meets in a peer's bytes.
        raise InvalidRequest(
            "The identifier cannot be decoded.", remedy="Check the querying system."
        ) from error


def _identifier(dataset: Dataset) -> Identifier:
    keys: dict[str, str] = {}
    vrs: dict[int, str] = {}
    for element in dataset:
        vrs[int(element.tag)] = str(element.VR)
        keyword = keyword_for_tag(element.tag)
        if keyword and keyword not in NOT_KEYS and element.VR != "SQ":
            keys[keyword] = _text(element.value)
    character_set = dataset.get("SpecificCharacterSet", "")
    if isinstance(character_set, MultiValue):
        character_set = character_set[0] if len(character_set) == 1 else _UNICODE
    return Identifier(
        level=str(dataset.get("QueryRetrieveLevel", "")).strip().upper(),
        keys=keys,
        tags=tuple(sorted(vrs)),
        vrs=vrs,
        character_set=str(character_set or ""),
    )


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode("ascii", "replace")
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "\\".join(_text(item) for item in value)
    return str(value)


class MatchEncoder:
    """Encodes matches with the tags that a peer asked for, in one transfer syntax."""

    def __init__(
        self, identifier: Identifier, transfer_syntax_uid: str, fixed: Mapping[str, str]
    ) -> None:
        """`fixed` are values by keyword that every match carries."""
        syntax = UID(transfer_syntax_uid)
        self._implicit = bool(syntax.is_implicit_VR)
        self._deflated = bool(syntax.is_deflated)
        self._order = "<" if syntax.is_little_endian else ">"
        self._fixed = dict(fixed)
        self._character_set = identifier.character_set
        tags = set(identifier.tags) | {_tag(keyword) for keyword in fixed}
        tags.discard(_SPECIFIC_CHARACTER_SET)
        self._columns = [
            (tag, _vr(tag, identifier.vrs.get(tag, "")), str(keyword_for_tag(tag) or ""))
            for tag in sorted(tags)
        ]

    def encode(self, row: Mapping[str, Any]) -> bytes:
        """One match as an encoded data set; what the row lacks is there with no value."""
        values = [
            (tag, vr, self._fixed[name] if name in self._fixed else row.get(name))
            for tag, vr, name in self._columns
        ]
        name, encoding = self._encoding(values)
        elements = [self._element(tag, vr, value, encoding) for tag, vr, value in values]
        if name:
            # Group 0008 begins with it, before everything that is asked for here.
            elements.insert(0, self._element(_SPECIFIC_CHARACTER_SET, "CS", name, "ascii"))
        encoded = b"".join(elements)
        if self._deflated:
            compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
            encoded = compressor.compress(encoded) + compressor.flush()
            encoded += b"\0" * (len(encoded) % 2)
        return encoded

    def _encoding(self, values: list[tuple[int, str, Any]]) -> tuple[str, str]:
        """Character set and codec: none for ASCII, else the peer's own where it suffices."""
        texts = [_text(value) for _, _, value in values]
        if all(text.isascii() for text in texts):
            return "", "ascii"
        encoding = python_encoding.get(self._character_set, "")
        # Multi-byte sets need escape sequences; UTF-8 says the same more simply.
        if encoding and "2022" not in self._character_set and encoding not in ("", "ascii"):
            try:
                for text in texts:
                    text.encode(encoding)
            except UnicodeEncodeError:
                return _UNICODE, "utf-8"
            return self._character_set, encoding
        return _UNICODE, "utf-8"

    def _element(self, tag: int, vr: str, value: Any, encoding: str) -> bytes:
        if vr == "SQ" or value is None or value == "":
            encoded = b""
        elif vr in _BINARY_VRS:
            encoded = struct.pack(f"{self._order}{_BINARY_VRS[vr]}", int(value))
        else:
            encoded = _text(value).encode(encoding, "replace")
            if len(encoded) % 2:
                encoded += b"\0" if vr == "UI" else b" "
        head = struct.pack(f"{self._order}HH", tag >> 16, tag & 0xFFFF)
        if self._implicit:
            return head + struct.pack(f"{self._order}L", len(encoded)) + encoded
        if vr in _LONG_VRS:
            return head + struct.pack(f"{self._order}2sxxL", vr.encode(), len(encoded)) + encoded
        return head + struct.pack(f"{self._order}2sH", vr.encode(), len(encoded)) + encoded


def encode_uid_list(keyword: str, uids: Sequence[str], transfer_syntax_uid: str) -> bytes:
    """A data set of one element with a list of UIDs, e.g. FailedSOPInstanceUIDList.

    In Explicit VR a UI value has at most 65,534 bytes: the list is cut there.
    """
    kept = list(uids[: 65534 // 65])
    identifier = Identifier("", {}, (_tag(keyword),), {}, "")
    return MatchEncoder(identifier, transfer_syntax_uid, {}).encode({keyword: kept})


def _tag(keyword: str) -> int:
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise ValueError(f"{keyword} is no keyword of PS3.6.")
    return tag


def _vr(tag: int, given: str) -> str:
    try:
        vr = dictionary_VR(tag)
    except KeyError:
        # Private or unknown: the peer's own VR, with no value.
        return given if len(given) == 2 else "UN"
    return vr.split(" or ")[0]
