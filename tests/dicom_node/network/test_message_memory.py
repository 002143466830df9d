"""What arrives over all associations together has one bound."""

from collections.abc import Callable

import pytest

from dicom_node.network.command_set import Command, CommandSet, encode_store_request
from dicom_node.network.message_memory import PartOfMemory, SharedMemory
from dicom_node.network.messages import LONG_BYTES, DataBuffer, MessageAssembler
from dicom_node.network.pdu import MalformedPdu, PduReader, PeerClosed, data_pdus
from tests.dicom_node.network.test_messages import Kept, NoPace, Pieces, read_all
from tests.dicom_node.network.test_pdu import divided

MIB = 1 << 20
CT = "1.2.840.10008.5.1.4.1.1.2"


def filled(buffer: DataBuffer, size_bytes: int) -> DataBuffer:
    buffer.take(PduReader(divided(bytes(size_bytes), [MIB])), size_bytes)
    return buffer


def buffer_of(
    shared: SharedMemory,
    *,
    is_known: bool = True,
    open_large: Callable[[], Pieces] | None = None,
) -> DataBuffer:
    memory = PartOfMemory(shared, is_known=is_known)
    return DataBuffer(limit=16 * MIB, memory=memory, open_large=open_large)


def test_long_messages_share_one_bound_and_short_ones_always_come() -> None:
    shared = SharedMemory(most_bytes=20 * MIB, strangers_bytes=10 * MIB)
    first = filled(buffer_of(shared), 12 * MIB)
    assert not first.overflowed
    second = filled(buffer_of(shared), 12 * MIB)
    assert second.overflowed
    assert second.lacked_room
    assert len(second._store) == 0
    assert not filled(buffer_of(shared), LONG_BYTES).overflowed
    first.discard()
    first.free()
    second.reset(16 * MIB, None)
    assert not filled(second, 12 * MIB).overflowed


def test_strangers_leave_room_for_known_peers() -> None:
    shared = SharedMemory(most_bytes=20 * MIB, strangers_bytes=10 * MIB)
    stranger = filled(buffer_of(shared, is_known=False), 9 * MIB)
    assert not stranger.overflowed
    assert filled(buffer_of(shared, is_known=False), 9 * MIB).lacked_room
    assert not filled(buffer_of(shared), 9 * MIB).overflowed


def test_an_instance_that_finds_no_room_goes_to_a_file_at_once() -> None:
    shared = SharedMemory(most_bytes=10 * MIB)
    filled(buffer_of(shared), 9 * MIB)
    pieces = Pieces(Kept(), "1.2")
    second = filled(buffer_of(shared, open_large=lambda: pieces), 2 * MIB)
    assert second.large is pieces
    assert len(pieces.data) == 2 * MIB
    assert not second.overflowed


def message(command: bytes, data: bytes, *, is_whole: bool = True) -> bytes:
    pdus = b"".join(
        data_pdus(1, memoryview(command), is_command=True, max_pdu_bytes=MIB)
        + data_pdus(1, memoryview(data), is_command=False, max_pdu_bytes=MIB)
    )
    return pdus if is_whole else pdus[:-MIB]


def read(assembler: MessageAssembler, reader: PduReader) -> None:
    with pytest.raises(PeerClosed):
        read_all(reader, assembler)


def find_request() -> bytes:
    request = encode_store_request(message_id=1, sop_class_uid=CT, sop_instance_uid="1.2")
    as_store = b"\x00\x00\x00\x01\x02\x00\x00\x00\x01\x00"
    assert request.count(as_store) == 1
    return request.replace(as_store, as_store[:-2] + Command.C_FIND_RQ.to_bytes(2, "little"))


def test_a_message_counts_until_it_is_served_and_is_refused_where_others_are_long() -> None:
    shared = SharedMemory(most_bytes=10 * MIB)
    came: list[tuple[CommandSet, bytes | None]] = []
    stream = message(find_request(), bytes(6 * MIB))
    two = []
    for _ in range(2):
        reader = PduReader(divided(stream, [MIB]))
        two.append(
            (
                MessageAssembler(
                    reader,
                    NoPace(),
                    None,
                    lambda _, command, __, data: came.append((command, data)),
                    lambda _: None,
                    PartOfMemory(shared, is_known=True),
                ),
                reader,
            )
        )
    read(*two[0])
    assert len(came) == 1
    with pytest.raises(MalformedPdu, match="of others"):
        read_all(two[1][1], two[1][0])
    two[0][0].served()
    two[1][0].discard()
    assert shared.take(10 * MIB, is_known=True)


def test_of_an_association_that_ends_nothing_stays_taken() -> None:
    shared = SharedMemory(most_bytes=10 * MIB)
    command = encode_store_request(message_id=1, sop_class_uid=CT, sop_instance_uid="1.2")
    stream = message(command, bytes(4 * MIB), is_whole=False)
    reader = PduReader(divided(stream, [MIB]))
    kept = Kept(max_instance_bytes=64 * MIB)
    memory = PartOfMemory(shared, is_known=False)
    assembler = MessageAssembler(reader, NoPace(), kept, lambda *_: None, lambda _: None, memory)
    read(assembler, reader)
    assert not shared.take(10 * MIB, is_known=True)
    assembler.discard()
    assert shared.take(10 * MIB, is_known=True)
