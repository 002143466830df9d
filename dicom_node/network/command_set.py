"""The command sets of DIMSE by hand (PS3.7 chapters 6.3, 9.3 and annex E).

A command set is always Implicit VR Little Endian: a tag, a 32-bit length, a
value. Decoding serves every message; what is encoded here are the requests of
C-STORE and the responses of C-STORE, C-FIND, C-MOVE, C-GET and DIMSE-N.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from storage.core.text.padding import unpadded

_ELEMENT = struct.Struct("<HHL")
_US = struct.Struct("<H")
_TAG = struct.Struct("<HH")
_NO_DATA_SET = 0x0101
_DATA_SET = 0x0001
_MEDIUM_PRIORITY = 0x0000
ERROR_COMMENT_MAX_LENGTH = 64  # (0000,0902) is LO
_UID_MAX_BYTES = 64


class Command(IntEnum):
    C_STORE_RQ = 0x0001
    C_GET_RQ = 0x0010
    C_FIND_RQ = 0x0020
    C_MOVE_RQ = 0x0021
    N_EVENT_REPORT_RQ = 0x0100
    N_GET_RQ = 0x0110
    N_SET_RQ = 0x0120
    N_ACTION_RQ = 0x0130
    N_CREATE_RQ = 0x0140
    C_CANCEL_RQ = 0x0FFF
    C_STORE_RSP = 0x8001


_RESPONSE = 0x8000  # a response's command field is its request's with this bit set


class MalformedCommand(Exception):
    """The bytes are not a command set, or lack what every command has."""


_AFFECTED_SOP_CLASS_UID = 0x0002
_REQUESTED_SOP_CLASS_UID = 0x0003
_COMMAND_FIELD = 0x0100
_MESSAGE_ID = 0x0110
_MESSAGE_ID_RESPONDED_TO = 0x0120
_MOVE_DESTINATION = 0x0600
_PRIORITY = 0x0700
_DATA_SET_TYPE = 0x0800
_STATUS = 0x0900
_OFFENDING_ELEMENT = 0x0901
_ERROR_COMMENT = 0x0902
_ERROR_ID = 0x0903
_AFFECTED_SOP_INSTANCE_UID = 0x1000
_REQUESTED_SOP_INSTANCE_UID = 0x1001
_ATTRIBUTE_IDENTIFIERS = 0x1005
_EVENT_TYPE_ID = 0x1002
_ACTION_TYPE_ID = 0x1008
_REMAINING, _COMPLETED, _FAILED, _WARNING = 0x1020, 0x1021, 0x1022, 0x1023
_MOVE_ORIGINATOR_AE_TITLE = 0x1030
_MOVE_ORIGINATOR_MESSAGE_ID = 0x1031
# What is looked at of a command set, in two bytes and in text. What is not there costs nothing.
_NUMBERS = frozenset(
    {_COMMAND_FIELD, _MESSAGE_ID, _MESSAGE_ID_RESPONDED_TO, _DATA_SET_TYPE, _STATUS}
    | {_EVENT_TYPE_ID, _ACTION_TYPE_ID}
)
_TEXTS = frozenset(
    {_AFFECTED_SOP_CLASS_UID, _REQUESTED_SOP_CLASS_UID, _AFFECTED_SOP_INSTANCE_UID}
    | {_REQUESTED_SOP_INSTANCE_UID, _MOVE_DESTINATION}
)


class CommandSet(NamedTuple):
    """What of a command set the receiving and sending loops look at."""

    command_field: int
    message_id: int
    message_id_responded_to: int
    has_data_set: bool
    status: int | None
    affected_sop_class_uid: str
    affected_sop_instance_uid: str
    move_destination: str = ""
    requested_sop_class_uid: str = ""
    requested_sop_instance_uid: str = ""
    event_type_id: int | None = None
    action_type_id: int | None = None
    attribute_tags: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class SubOperations:
    """Counts of the C-STOREs that a C-MOVE or C-GET made (PS3.4 C.4.2.1.6, C.4.3.1.6)."""

    remaining: int = 0
    completed: int = 0
    failed: int = 0
    warning: int = 0


def decode_command(encoded: bytes | bytearray | memoryview) -> CommandSet:
    """Read a command set.

    Raises MalformedCommand for a group other than 0000 in a request, an element
    that runs over the end, a number of the wrong size, a UID that is not ASCII,
    or a missing Command Field or Command Data Set Type. In a response other
    groups are ignored: Orthanc lists there what a C-GET could not send.
    """
    numbers: dict[int, int] = {}
    tags: tuple[int, ...] = ()
    texts: dict[int, str] = {}
    data = bytes(encoded)
    position, end = 0, len(data)
    while position < end:
        if end - position < _ELEMENT.size:
            raise MalformedCommand(f"{end - position} bytes are left over after a command set.")
        group, element, length = _ELEMENT.unpack_from(data, position)
        position += _ELEMENT.size
        # Those of the command itself come first: elements are in the order of their tags.
        is_response = numbers.get(_COMMAND_FIELD, 0) & _RESPONSE
        if length > end - position or (group and not is_response):
            raise MalformedCommand(
                f"Element ({group:04x},{element:04x}) of {length} bytes does not belong in"
                f" a command set with {end - position} bytes left."
            )
        if length and not group:
            if element in _NUMBERS:
                if length != _US.size:
                    raise MalformedCommand(
                        f"Element (0000,{element:04x}) has {length} bytes, not 2."
                    )
                numbers[element] = _US.unpack_from(data, position)[0]
            elif element in _TEXTS:
                is_class = element == _AFFECTED_SOP_CLASS_UID and length <= _UID_MAX_BYTES
                read = _known_text if is_class else _text_of
                texts[element] = read(element, data[position : position + length])
            elif element == _ATTRIBUTE_IDENTIFIERS:
                tags = _tags(data[position : position + length])
        position += length
    data_set_type = numbers.get(_DATA_SET_TYPE)
    command_field = numbers.get(_COMMAND_FIELD)
    if command_field is None or data_set_type is None:
        raise MalformedCommand("The command set lacks Command Field or Command Data Set Type.")
    return CommandSet(
        command_field=command_field,
        message_id=numbers.get(_MESSAGE_ID, 0),
        message_id_responded_to=numbers.get(_MESSAGE_ID_RESPONDED_TO, 0),
        has_data_set=data_set_type != _NO_DATA_SET,
        status=numbers.get(_STATUS),
        affected_sop_class_uid=texts.get(_AFFECTED_SOP_CLASS_UID, ""),
        affected_sop_instance_uid=texts.get(_AFFECTED_SOP_INSTANCE_UID, ""),
        move_destination=texts.get(_MOVE_DESTINATION, "").strip(),
        requested_sop_class_uid=texts.get(_REQUESTED_SOP_CLASS_UID, ""),
        requested_sop_instance_uid=texts.get(_REQUESTED_SOP_INSTANCE_UID, ""),
        event_type_id=numbers.get(_EVENT_TYPE_ID),
        action_type_id=numbers.get(_ACTION_TYPE_ID),
        attribute_tags=tags,
    )


def encode_store_request(
    *,
    message_id: int,
    sop_class_uid: str,
    sop_instance_uid: str,
    move_originator: tuple[str, int] | None = None,
) -> bytes:
    """C-STORE-RQ (PS3.7 Table 9.3-1); `move_originator` is (AE title, message id) of a C-MOVE."""
    elements = [
        _text(_AFFECTED_SOP_CLASS_UID, sop_class_uid, b"\0"),
        _us(_COMMAND_FIELD, Command.C_STORE_RQ),
        _us(_MESSAGE_ID, message_id),
        _us(_PRIORITY, _MEDIUM_PRIORITY),
        _us(_DATA_SET_TYPE, _DATA_SET),
        _text(_AFFECTED_SOP_INSTANCE_UID, sop_instance_uid, b"\0"),
    ]
    if move_originator is not None:
        elements.append(_text(_MOVE_ORIGINATOR_AE_TITLE, move_originator[0], b" "))
        elements.append(_us(_MOVE_ORIGINATOR_MESSAGE_ID, move_originator[1]))
    return _with_group_length(elements)


def encode_event_report_request(
    *, message_id: int, sop_class_uid: str, sop_instance_uid: str, event_type_id: int
) -> bytes:
    """N-EVENT-REPORT-RQ with event information (PS3.7 Table 10.3-1)."""
    return _with_group_length(
        [
            _text(_AFFECTED_SOP_CLASS_UID, sop_class_uid, b"\0"),
            _us(_COMMAND_FIELD, Command.N_EVENT_REPORT_RQ),
            _us(_MESSAGE_ID, message_id),
            _us(_DATA_SET_TYPE, _DATA_SET),
            _text(_AFFECTED_SOP_INSTANCE_UID, sop_instance_uid, b"\0"),
            _us(_EVENT_TYPE_ID, event_type_id),
        ]
    )


def encode_response(
    request: CommandSet,
    status: int,
    error_comment: str = "",
    *,
    has_data_set: bool = False,
    sub_operations: SubOperations | None = None,
    error_id: int | None = None,
    offending_tag: int | None = None,
) -> bytes:
    """The response to a request (PS3.7 Tables 9.3-2, 9.3-4, 9.3-7, 9.3-10 and chapter 10.3).

    The comment is cut to the 64 characters of LO.
    """
    elements = [
        _text(_AFFECTED_SOP_CLASS_UID, request.affected_sop_class_uid, b"\0"),
        _us(_COMMAND_FIELD, request.command_field | _RESPONSE),
        _us(_MESSAGE_ID_RESPONDED_TO, request.message_id),
        _us(_DATA_SET_TYPE, _DATA_SET if has_data_set else _NO_DATA_SET),
        _us(_STATUS, status),
    ]
    if offending_tag is not None:
        words = struct.pack("<HH", offending_tag >> 16, offending_tag & 0xFFFF)
        elements.append(_ELEMENT.pack(0, _OFFENDING_ELEMENT, len(words)) + words)
    if error_comment:
        comment = error_comment[:ERROR_COMMENT_MAX_LENGTH]
        elements.append(_text(_ERROR_COMMENT, comment, b" "))
    if error_id is not None:
        elements.append(_us(_ERROR_ID, error_id))
    if request.affected_sop_instance_uid:
        uid = request.affected_sop_instance_uid
        elements.append(_text(_AFFECTED_SOP_INSTANCE_UID, uid, b"\0"))
    if sub_operations is not None:
        if sub_operations.remaining:
            elements.append(_us(_REMAINING, _cap(sub_operations.remaining)))
        elements.append(_us(_COMPLETED, _cap(sub_operations.completed)))
        elements.append(_us(_FAILED, _cap(sub_operations.failed)))
        elements.append(_us(_WARNING, _cap(sub_operations.warning)))
    return _with_group_length(elements)


def _cap(count: int) -> int:
    return min(count, 0xFFFF)


def _with_group_length(elements: list[bytes]) -> bytes:
    body = b"".join(elements)
    return _ELEMENT.pack(0, 0, 4) + struct.pack("<L", len(body)) + body


@lru_cache(maxsize=1024)
def _us(element: int, value: int) -> bytes:
    return _ELEMENT.pack(0, element, 2) + _US.pack(value)


def _text(element: int, value: str, padding: bytes) -> bytes:
    encoded = value.encode("ascii", "replace")
    if len(encoded) % 2:
        encoded += padding
    return _ELEMENT.pack(0, element, len(encoded)) + encoded


def _text_of(element: int, value: bytes) -> str:
    try:
        return unpadded(value.decode("ascii"), "UI")
    except UnicodeDecodeError as error:
        raise MalformedCommand(f"Element (0000,{element:04x}) is not ASCII.") from error


def _tags(value: bytes) -> tuple[int, ...]:
    if len(value) % _TAG.size:
        raise MalformedCommand(f"{len(value)} bytes are no list of attributes.")
    return tuple(group << 16 | element for group, element in _TAG.iter_unpack(value))


# A peer sends instances of a few classes.
_known_text = lru_cache(maxsize=256)(_text_of)
