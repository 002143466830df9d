"""Identifiers of C-FIND, C-MOVE and C-GET: the peer's keys in, encoded matches out.

A query may return thousands of matches, so that responses are encoded by hand
from the index's rows; keys are read by pydicom, once a query.
"""

import struct
import warnings
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.uid import UID

import storage.dicom.unpadded_reading  # noqa: F401
from dicom_node.network.data_sets import UNICODE, own_encoding
from dicom_node.network.long_messages import long_message
from storage.core.errors import InvalidRequest, LimitExceeded
from storage.dicom.dataset_reader import decode_message

_LONG_VRS = frozenset(
    {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}
)
_BINARY_VRS = {"US": "H", "UL": "L", "SS": "h", "SL": "l"}
_SPECIFIC_CHARACTER_SET = 0x00080005
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
    """Decode the identifier of a request.

    Raises InvalidRequest when it cannot be one, LimitExceeded when it is too large.
    """
    if data is None:
        raise InvalidRequest(
            "The request carries no identifier.", remedy="Send the keys as the request's data set."
        )
    try:
        with long_message(data, transfer_syntax_uid), warnings.catch_warnings():
            # Odd values in keys match nothing or are refused by the index.
            warnings.simplefilter("ignore")
            return _identifier(decode_message(data, transfer_syntax_uid))
    except LimitExceeded:
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
        character_set = character_set[0] if len(character_set) == 1 else UNICODE
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


@dataclass(frozen=True, slots=True)
class _Column:
    """An element of every match; its value is the row's under `name`, or `constant` encoded."""

    name: str
    vr: str
    head: bytes
    """Tag and, in Explicit VR, the VR, with what stands before the length."""
    length: struct.Struct
    constant: bytes = b""


class MatchEncoder:
    """Encodes matches with the tags that a peer asked for, in one transfer syntax.

    What does not depend on the row is encoded once.
    """

    def __init__(
        self,
        identifier: Identifier,
        transfer_syntax_uid: str,
        fixed: Mapping[str, str],
        added: Sequence[str] = (),
    ) -> None:
        """`fixed` are values by keyword that every match carries, in ASCII; `added` keywords that
        every match has of its row, without being asked."""
        syntax = UID(transfer_syntax_uid)
        self._implicit = bool(syntax.is_implicit_VR)
        self._deflated = bool(syntax.is_deflated)
        self._order = "<" if syntax.is_little_endian else ">"
        self._long = struct.Struct(f"{self._order}L")
        self._short = struct.Struct(f"{self._order}H")
        self._character_set = identifier.character_set
        own = own_encoding(self._character_set)
        self._encodings = ((own, self._character_set), ("utf-8", UNICODE))[not own :]
        self._named = {
            name: self._element(self._column(_SPECIFIC_CHARACTER_SET, "CS", ""), name.encode())
            for _, name in self._encodings
        }
        tags = set(identifier.tags) | {_tag(keyword) for keyword in (*fixed, *added)}
        tags.discard(_SPECIFIC_CHARACTER_SET)
        self._columns = []
        for tag in sorted(tags):
            keyword = str(keyword_for_tag(tag) or "")
            column = self._column(tag, _vr(tag, identifier.vrs.get(tag, "")), keyword)
            if keyword in fixed or column.vr == "SQ":
                value = fixed.get(keyword, "").encode("ascii")
                column = replace(column, name="", constant=self._element(column, value))
            self._columns.append(column)

    def encode(self, row: Mapping[str, Any]) -> bytes:
        """One match as an encoded data set; what the row lacks is there with no value."""
        try:
            elements = self._elements(row, "ascii")
        except UnicodeEncodeError:
            # Group 0008 begins with the character set, before everything that is asked for.
            elements = self._in_character_set(row)
        encoded = b"".join(elements)
        if self._deflated:
            compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
            encoded = compressor.compress(encoded) + compressor.flush()
            encoded += b"\0" * (len(encoded) % 2)
        return encoded

    def _in_character_set(self, row: Mapping[str, Any]) -> list[bytes]:
        """In the peer's own set where it suffices, else in UTF-8."""
        for encoding, name in self._encodings[:-1]:
            try:
                return [self._named[name], *self._elements(row, encoding)]
            except UnicodeEncodeError:
                continue
        # A lone surrogate is no character: that one is lost rather than the match.
        return [self._named[UNICODE], *self._elements(row, "utf-8", "replace")]

    def _elements(
        self, row: Mapping[str, Any], encoding: str, errors: str = "strict"
    ) -> list[bytes]:
        elements = []
        for column in self._columns:
            if column.constant:
                elements.append(column.constant)
                continue
            value = row.get(column.name)
            if value is None or value == "":
                encoded = b""
            elif column.vr in _BINARY_VRS:
                encoded = struct.pack(f"{self._order}{_BINARY_VRS[column.vr]}", int(value))
            else:
                text = value if type(value) is str else _text(value)
                encoded = text.encode(encoding, errors)
            elements.append(self._element(column, encoded))
        return elements

    def _element(self, column: _Column, encoded: bytes) -> bytes:
        if len(encoded) % 2:
            encoded += b"\0" if column.vr == "UI" else b" "
        return column.head + column.length.pack(len(encoded)) + encoded

    def _column(self, tag: int, vr: str, keyword: str) -> _Column:
        head = struct.pack(f"{self._order}HH", tag >> 16, tag & 0xFFFF)
        if self._implicit:
            return _Column(keyword, vr, head, self._long)
        if vr in _LONG_VRS:
            return _Column(keyword, vr, head + vr.encode() + b"\0\0", self._long)
        return _Column(keyword, vr, head + vr.encode(), self._short)


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
        raise ValueError(f"{keyword} is not a keyword of PS3.6.")
    return tag


def _vr(tag: int, given: str) -> str:
    try:
        vr = dictionary_VR(tag)
    except KeyError:
        # Private or unknown: the peer's own VR, with no value.
        return given if len(given) == 2 else "UN"
    return vr.split(" or ")[0]
