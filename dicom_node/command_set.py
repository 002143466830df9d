"""The command sets of C-STORE by hand (PS3.7 chapters 6.3, 9.3.1 and annex E).

A command set is always Implicit VR Little Endian: a tag, a 32-bit length, a
value. Decoding serves every message; only what C-STORE needs is encoded here.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum

_ELEMENT = struct.Struct("<HHL")
_US = struct.Struct("<H")
_NO_DATA_SET = 0x0101
_DATA_SET = 0x0001
_MEDIUM_PRIORITY = 0x0000
ERROR_COMMENT_MAX_LENGTH = 64  # (0000,0902) is LO


class Command(IntEnum):
    C_STORE_RQ = 0x0001
    C_STORE_RSP = 0x8001


class MalformedCommand(Exception):
    """The bytes are not a command set, or lack what every command has."""


_AFFECTED_SOP_CLASS_UID = 0x0002
_COMMAND_FIELD = 0x0100
_MESSAGE_ID = 0x0110
_MESSAGE_ID_RESPONDED_TO = 0x0120
_PRIORITY = 0x0700
_DATA_SET_TYPE = 0x0800
_STATUS = 0x0900
_ERROR_COMMENT = 0x0902
_AFFECTED_SOP_INSTANCE_UID = 0x1000
_MOVE_ORIGINATOR_AE_TITLE = 0x1030
_MOVE_ORIGINATOR_MESSAGE_ID = 0x1031


@dataclass(frozen=True, slots=True)
class CommandSet:
    """What of a command set the receiving and sending loops look at."""

    command_field: int
    message_id: int
    message_id_responded_to: int
    has_data_set: bool
    status: int | None
    affected_sop_class_uid: str
    affected_sop_instance_uid: str


def decode_command(encoded: bytes | bytearray | memoryview) -> CommandSet:
    """Read a command set.

    Raises MalformedCommand for a group other than 0000, an element that runs
    over the end, a number of the wrong size, a UID that is not ASCII, or a
    missing Command Field or Command Data Set Type.
    """
    elements: dict[int, bytes] = {}
    data = bytes(encoded)
    position, end = 0, len(data)
    while position < end:
        if end - position < _ELEMENT.size:
            raise MalformedCommand(f"{end - position} bytes are left over after a command set.")
        group, element, length = _ELEMENT.unpack_from(data, position)
        position += _ELEMENT.size
        if group or length > end - position:
            raise MalformedCommand(
                f"Element ({group:04x},{element:04x}) of {length} bytes does not belong in"
                f" a command set with {end - position} bytes left."
            )
        elements[element] = data[position : position + length]
        position += length
    data_set_type = _number(elements, _DATA_SET_TYPE)
    command_field = _number(elements, _COMMAND_FIELD)
    if command_field is None or data_set_type is None:
        raise MalformedCommand("The command set lacks Command Field or Command Data Set Type.")
    return CommandSet(
        command_field=command_field,
        message_id=_number(elements, _MESSAGE_ID) or 0,
        message_id_responded_to=_number(elements, _MESSAGE_ID_RESPONDED_TO) or 0,
        has_data_set=data_set_type != _NO_DATA_SET,
        status=_number(elements, _STATUS),
        affected_sop_class_uid=_uid(elements, _AFFECTED_SOP_CLASS_UID),
        affected_sop_instance_uid=_uid(elements, _AFFECTED_SOP_INSTANCE_UID),
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


def encode_store_response(request: CommandSet, status: int, error_comment: str = "") -> bytes:
    """C-STORE-RSP (PS3.7 Table 9.3-2); the comment is cut to the 64 characters of LO."""
    elements = [
        _text(_AFFECTED_SOP_CLASS_UID, request.affected_sop_class_uid, b"\0"),
        _us(_COMMAND_FIELD, Command.C_STORE_RSP),
        _us(_MESSAGE_ID_RESPONDED_TO, request.message_id),
        _us(_DATA_SET_TYPE, _NO_DATA_SET),
        _us(_STATUS, status),
    ]
    if error_comment:
        comment = error_comment[:ERROR_COMMENT_MAX_LENGTH]
        elements.append(_text(_ERROR_COMMENT, comment, b" "))
    elements.append(_text(_AFFECTED_SOP_INSTANCE_UID, request.affected_sop_instance_uid, b"\0"))
    return _with_group_length(elements)


def _with_group_length(elements: list[bytes]) -> bytes:
    body = b"".join(elements)
    return _ELEMENT.pack(0, 0, 4) + struct.pack("<L", len(body)) + body


def _us(element: int, value: int) -> bytes:
    return _ELEMENT.pack(0, element, 2) + _US.pack(value)


def _text(element: int, value: str, padding: bytes) -> bytes:
    encoded = value.encode("ascii", "replace")
    if len(encoded) % 2:
        encoded += padding
    return _ELEMENT.pack(0, element, len(encoded)) + encoded


def _number(elements: dict[int, bytes], element: int) -> int | None:
    value = elements.get(element)
    if not value:
        return None
    if len(value) != _US.size:
        raise MalformedCommand(f"Element (0000,{element:04x}) has {len(value)} bytes, not 2.")
    number: int = _US.unpack(value)[0]
    return number


def _uid(elements: dict[int, bytes], element: int) -> str:
    try:
        return elements.get(element, b"").rstrip(b"\0 ").decode("ascii")
    except UnicodeDecodeError as error:
        raise MalformedCommand(f"Element (0000,{element:04x}) is not ASCII.") from error
