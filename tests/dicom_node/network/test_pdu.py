"""The walk over PDU and PDV headers, against pynetdicom's coder and against nonsense."""

import struct
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pynetdicom.pdu import P_DATA_TF
from pynetdicom.pdu_primitives import P_DATA

from dicom_node.network.pdu import (
    Fragment,
    MalformedPdu,
    PduReader,
    PduType,
    PeerClosed,
    data_pdus,
)

pieces = st.lists(st.integers(1, 700), min_size=1, max_size=30)
pdvs = st.lists(
    st.tuples(st.sampled_from([1, 3, 255]), st.booleans(), st.booleans(), st.binary(max_size=900)),
    min_size=1,
    max_size=8,
)


def divided(data: bytes, steps: list[int]) -> Callable[[memoryview], int]:
    """A receive_into that hands out `data` in steps of the given sizes, over and over."""
    position = 0
    turn = 0

    def receive_into(view: memoryview) -> int:
        nonlocal position, turn
        step = min(steps[turn % len(steps)], len(view), len(data) - position)
        turn += 1
        view[:step] = data[position : position + step]
        position += step
        return step

    return receive_into


def encoded_by_pynetdicom(values: list[tuple[int, bool, bool, bytes]]) -> bytes:
    primitive = P_DATA()
    primitive.presentation_data_value_list = [
        [context_id, bytes([is_command | is_last << 1]) + data]
        for context_id, is_command, is_last, data in values
    ]
    encoded: bytes = P_DATA_TF(primitive).encode()
    return encoded


@given(values=pdvs, steps=pieces, capacity=st.integers(16, 600))
def test_what_pynetdicom_encodes_is_read_back_however_it_is_divided(
    values: list[tuple[int, bool, bool, bytes]], steps: list[int], capacity: int
) -> None:
    reader = PduReader(divided(encoded_by_pynetdicom(values) * 2, steps), capacity=capacity)
    for _ in range(2):
        pdu_type, length = reader.header()
        assert pdu_type == PduType.DATA
        found = []
        for fragment in reader.fragments(length):
            data = bytearray(fragment.length)
            reader.fill(memoryview(data))
            found.append((fragment.context_id, fragment.is_command, fragment.is_last, bytes(data)))
        assert found == values
    with pytest.raises(PeerClosed) as ended:
        reader.header()
    assert not ended.value.in_message


@given(
    payload=st.binary(max_size=4000),
    max_pdu_bytes=st.integers(7, 2000) | st.just(0),
    is_command=st.booleans(),
)
def test_what_we_encode_is_read_back_by_pynetdicom(
    payload: bytes, max_pdu_bytes: int, is_command: bool
) -> None:
    stream = b"".join(
        data_pdus(5, memoryview(payload), is_command=is_command, max_pdu_bytes=max_pdu_bytes)
    )
    gathered = b""
    controls = []
    position = 0
    while position < len(stream):
        (length,) = struct.unpack(">L", stream[position + 2 : position + 6])
        assert not max_pdu_bytes or length <= max_pdu_bytes
        pdu = P_DATA_TF()
        pdu.decode(stream[position : position + 6 + length])
        (item,) = pdu.presentation_data_value_items
        assert item.presentation_context_id == 5
        controls.append(item.presentation_data_value[0])
        gathered += item.presentation_data_value[1:]
        position += 6 + length
    assert gathered == payload
    assert controls == [int(is_command)] * (len(controls) - 1) + [int(is_command) | 2]


@given(data=st.binary(max_size=300), steps=pieces)
@settings(max_examples=300)
def test_any_bytes_are_read_or_refused(data: bytes, steps: list[int]) -> None:
    reader = PduReader(divided(data, steps), capacity=64)
    taken = 0
    try:
        while True:
            pdu_type, length = reader.header()
            taken += 6
            if pdu_type == PduType.DATA:
                for fragment in reader.fragments(length):
                    assert isinstance(fragment, Fragment)
                    reader.skip(fragment.length)
                taken += length
            else:
                taken += len(reader.body(length, 200))
    except (PeerClosed, MalformedPdu):
        assert taken <= len(data)


@given(cut=st.integers(0, 5))
def test_an_end_within_a_header_is_an_end_within_a_message(cut: int) -> None:
    reader = PduReader(divided(b"\x04\x00\x00\x00\x00\x10"[:cut], [1]))
    with pytest.raises(PeerClosed) as ended:
        reader.header()
    assert ended.value.in_message == (cut > 0)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"\0\0\0", "no PDV header"),
        (struct.pack(">LBB", 1, 1, 0), "does not fit"),
        (struct.pack(">LBB", 0xFFFFFFFF, 1, 0), "does not fit"),
        (struct.pack(">LBB", 3, 1, 0), "does not fit"),
    ],
)
def test_a_pdv_that_lies_about_its_length_is_refused(body: bytes, why: str) -> None:
    reader = PduReader(divided(body + b"\0" * 100, [100]))
    with pytest.raises(MalformedPdu, match=why):
        list(reader.fragments(len(body)))


def test_a_body_above_the_limit_is_refused_before_it_is_read() -> None:
    with pytest.raises(MalformedPdu, match="4294967295 bytes"):
        PduReader(divided(b"", [1])).body(0xFFFFFFFF, 1000)
