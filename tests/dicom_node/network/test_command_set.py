"""Command sets by hand, against pynetdicom's coder and against nonsense."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pynetdicom.dimse_messages import C_STORE_RQ, C_STORE_RSP
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import encode

from dicom_node.network.command_set import (
    MalformedCommand,
    decode_command,
    encode_response,
    encode_store_request,
)

numbers = st.integers(0, 0xFFFF)
uids = st.from_regex(r"[1-9][0-9]{0,5}(\.[1-9][0-9]{0,6}){1,5}", fullmatch=True)


def request_of(message_id: int, sop_class: str, sop_instance: str) -> bytes:
    """A C-STORE-RQ as pynetdicom encodes it."""
    primitive = C_STORE()
    primitive.MessageID = message_id
    primitive.AffectedSOPClassUID = sop_class
    primitive.AffectedSOPInstanceUID = sop_instance
    primitive.Priority = 2
    message = C_STORE_RQ()
    message.primitive_to_message(primitive)
    message.command_set.CommandDataSetType = 1
    encoded = encode(message.command_set, True, True)
    assert encoded is not None
    return encoded


def elements(encoded: bytes):  # type: ignore[no-untyped-def]
    return read_dataset(DicomBytesIO(encoded), is_implicit_VR=True, is_little_endian=True)


@given(message_id=numbers, sop_class=uids, sop_instance=uids)
def test_a_request_of_pynetdicom_is_understood(
    message_id: int, sop_class: str, sop_instance: str
) -> None:
    command = decode_command(request_of(message_id, sop_class, sop_instance))
    assert command.command_field == 0x0001
    assert command.message_id == message_id
    assert command.affected_sop_class_uid == sop_class
    assert command.affected_sop_instance_uid == sop_instance
    assert command.has_data_set


@given(message_id=numbers, sop_class=uids, sop_instance=uids)
def test_our_request_is_understood_by_pydicom(
    message_id: int, sop_class: str, sop_instance: str
) -> None:
    encoded = encode_store_request(
        message_id=message_id,
        sop_class_uid=sop_class,
        sop_instance_uid=sop_instance,
        move_originator=("MOVER", 7),
    )
    command = elements(encoded)
    assert command.CommandGroupLength == len(encoded) - 12
    assert command.CommandField == 0x0001
    assert command.MessageID == message_id
    assert command.AffectedSOPClassUID == sop_class
    assert command.AffectedSOPInstanceUID == sop_instance
    assert command.MoveOriginatorApplicationEntityTitle == "MOVER"
    assert command.MoveOriginatorMessageID == 7
    assert command.CommandDataSetType != 0x0101


@given(message_id=numbers, status=numbers, comment=st.text(st.sampled_from("abcXYZ 019.,;:-")))
def test_our_response_is_what_pynetdicom_expects(
    message_id: int, status: int, comment: str
) -> None:
    request = decode_command(request_of(message_id, "1.2.840.10008.5.1.4.1.1.2", "1.2.3"))
    encoded = encode_response(request, status, comment)
    command = elements(encoded)
    assert command.CommandGroupLength == len(encoded) - 12
    assert command.CommandDataSetType == 0x0101
    assert len(command.get("ErrorComment", "") or "") <= 64
    message = C_STORE_RSP()
    message.command_set = command
    primitive = message.message_to_primitive()
    assert primitive.MessageIDBeingRespondedTo == message_id
    assert primitive.Status == status
    assert primitive.AffectedSOPInstanceUID == "1.2.3"
    again = decode_command(encoded)
    assert (again.status, again.message_id_responded_to) == (status, message_id)
    assert not again.has_data_set


@given(st.binary(max_size=200))
def test_any_bytes_are_decoded_or_refused(data: bytes) -> None:
    with contextlib.suppress(MalformedCommand):
        decode_command(data)


@given(data=st.data())
def test_a_damaged_request_is_decoded_or_refused(data: st.DataObject) -> None:
    encoded = bytearray(request_of(1, "1.2.840.10008.5.1.4.1.1.2", "1.2.3.4"))
    for _ in range(data.draw(st.integers(1, 4))):
        encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    del encoded[data.draw(st.integers(0, len(encoded))) :]
    with contextlib.suppress(MalformedCommand):
        decode_command(encoded)


def test_a_command_without_its_field_is_refused() -> None:
    with pytest.raises(MalformedCommand, match="Command Field"):
        decode_command(b"")
