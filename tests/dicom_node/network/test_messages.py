"""Messages from fragments: whatever the division, and whatever a hostile peer sends."""

from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicom_node.network.command_set import CommandSet, encode_store_request
from dicom_node.network.messages import MAX_COMMAND_BYTES, DataBuffer, MessageAssembler
from dicom_node.network.pdu import MalformedPdu, PduReader, PduType, PeerClosed, data_pdus
from tests.dicom_node.network.test_pdu import divided, pieces


class NoPace:
    def message_done(self) -> None: ...


@dataclass
class Kept:
    """A receiver that remembers what it was given."""

    max_instance_bytes: int = 5000
    stored: list[tuple[str, bytes | None]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    discarded: int = 0

    def store(self, context_id: int, command: CommandSet, data: memoryview | None) -> None:
        self.stored.append(
            (command.affected_sop_instance_uid, None if data is None else bytes(data))
        )

    def store_large(self, context_id: int, command: CommandSet) -> "Pieces":
        return Pieces(self, command.affected_sop_instance_uid)

    def too_large(self, context_id: int, command: CommandSet) -> None:
        self.refused.append(command.affected_sop_instance_uid)


@dataclass
class Pieces:
    kept: Kept
    uid: str
    data: bytearray = field(default_factory=bytearray)

    def write(self, piece: memoryview) -> None:
        self.data += piece

    def finish(self) -> None:
        self.kept.stored.append((self.uid, bytes(self.data)))

    def discard(self) -> None:
        self.kept.discarded += 1


def incoming_of(stream: bytes, steps: list[int], kept: Kept) -> tuple[PduReader, MessageAssembler]:
    reader = PduReader(divided(stream, steps), capacity=512)
    incoming = MessageAssembler(reader, NoPace(), kept, lambda *_: None, lambda _: None)
    incoming._data.spill_bytes = 1000
    return reader, incoming


def receive(stream: bytes, steps: list[int], kept: Kept) -> None:
    """Everything up to the end of the stream. Raises MalformedPdu, PeerClosed."""
    read_all(*incoming_of(stream, steps, kept))


def read_all(reader: PduReader, incoming: MessageAssembler) -> None:
    while True:
        pdu_type, length = reader.header()
        if pdu_type != PduType.DATA:
            raise MalformedPdu("not data")
        incoming.data_pdu(length)


def message(uid: str, data: bytes, max_pdu_bytes: int) -> bytes:
    command = encode_store_request(
        message_id=1, sop_class_uid="1.2.840.10008.5.1.4.1.1.2", sop_instance_uid=uid
    )
    return b"".join(
        data_pdus(1, memoryview(command), is_command=True, max_pdu_bytes=max_pdu_bytes)
        + data_pdus(1, memoryview(data), is_command=False, max_pdu_bytes=max_pdu_bytes)
    )


@given(
    data_sets=st.lists(st.binary(max_size=6000), min_size=1, max_size=4),
    max_pdu_bytes=st.integers(20, 3000),
    steps=pieces,
)
@settings(max_examples=100)
def test_data_sets_of_any_size_and_division_arrive_whole_or_are_refused(
    data_sets: list[bytes], max_pdu_bytes: int, steps: list[int]
) -> None:
    """Small ones in memory, those above the spill mark in pieces, those above the limit not."""
    kept = Kept()
    stream = b"".join(message(f"1.{n}", ds, max_pdu_bytes) for n, ds in enumerate(data_sets))
    with pytest.raises(PeerClosed) as ended:
        receive(stream, steps, kept)
    assert not ended.value.in_message
    fitting = [(f"1.{n}", ds) for n, ds in enumerate(data_sets) if len(ds) <= 5000]
    assert kept.stored == fitting
    assert kept.refused == [f"1.{n}" for n, ds in enumerate(data_sets) if len(ds) > 5000]


@given(data=st.data(), steps=pieces)
@settings(max_examples=300)
def test_a_damaged_stream_is_received_or_refused(data: st.DataObject, steps: list[int]) -> None:
    stream = bytearray(message("1.2", b"a" * 1500, 700) + message("1.3", b"b" * 10, 700))
    for _ in range(data.draw(st.integers(1, 6))):
        stream[data.draw(st.integers(0, len(stream) - 1))] = data.draw(st.integers(0, 255))
    del stream[data.draw(st.integers(0, len(stream))) :]
    with suppress(MalformedPdu, PeerClosed):
        receive(bytes(stream), steps, Kept())


@given(stream=st.binary(max_size=400), steps=pieces)
@settings(max_examples=300)
def test_noise_is_refused(stream: bytes, steps: list[int]) -> None:
    with suppress(MalformedPdu, PeerClosed):
        receive(stream, steps, Kept())


def test_a_command_without_end_is_refused() -> None:
    fragment = b"".join(
        data_pdus(1, memoryview(b"\0" * 20_000), is_command=True, max_pdu_bytes=20_006)
    )
    # The same fragment again and again, none of them the last.
    endless = bytearray(fragment)
    endless[11] = 0x01
    with pytest.raises(MalformedPdu, match=str(MAX_COMMAND_BYTES)):
        receive(bytes(endless) * 5, [4096], Kept())


@pytest.mark.parametrize(
    ("stream", "why"),
    [
        (
            b"".join(data_pdus(1, memoryview(b"data"), is_command=False, max_pdu_bytes=0)),
            "without its command",
        ),
        (
            message("1.2", b"", 0)[:-12]
            + b"".join(data_pdus(3, memoryview(b"x"), is_command=False, max_pdu_bytes=0)),
            "changes its presentation context",
        ),
        (message("1.2", b"", 0)[:-12] + message("1.3", b"", 0), "before the data set"),
    ],
)
def test_messages_out_of_order_are_refused(stream: bytes, why: str) -> None:
    with pytest.raises(MalformedPdu, match=why):
        receive(stream, [100], Kept())


def test_a_large_instance_that_never_ends_is_forgotten() -> None:
    kept = Kept()
    stream = message("1.2", b"c" * 4000, 700)[:-50]
    reader, incoming = incoming_of(stream, [300], kept)
    with pytest.raises(PeerClosed):
        read_all(reader, incoming)
    incoming.discard()
    assert kept.stored == []
    assert kept.discarded == 1


def test_memory_of_a_grown_buffer_is_given_back() -> None:
    buffer = DataBuffer(limit=100_000_000, spill_bytes=100_000_000)
    size = 20_000_000
    buffer.take(PduReader(divided(bytes(size), [1_000_000])), size)
    assert len(buffer.view()) == size
    buffer.reset(1000, None)
    assert len(buffer._store) == 0
