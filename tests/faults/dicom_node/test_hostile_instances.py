"""Commands and data sets made to do harm are refused with a status, or end their association."""

import struct
import time
from contextlib import suppress

import pytest
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from dicom_node.network.command_set import encode_store_request
from tests.deflating import deflated
from tests.faults.pushing import Batch, Sent
from tests.faults.raw_peer import DATA, PeerGone, RawPeer, context, fragments, pdu
from tests.faults.scp_process import MAX_INSTANCE_BYTES, TIME_LIMIT_S, ScpProcess

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300)]

MIB = 1 << 20
NOT_UNDERSTOOD, OUT_OF_RESOURCES, NOT_SUPPORTED = 0xC000, 0xA700, 0x0122
DOES_NOT_MATCH = 0xA900
PIXEL_DATA = b"\xe0\x7f\x10\x00"
DELIMITERS = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"


def status_of(
    scp: ScpProcess, data_set: bytes, uid: str, syntax: str, *, limit_s: float = 15
) -> int:
    """What a data set is answered with; afterwards the association must still serve."""
    with RawPeer(scp.port, limit_s=limit_s) as peer:
        assert peer.associate([context(1, CTImageStorage, [syntax])]) == {1: 0}
        status = peer.store(uid, data_set)
        assert peer.store(uid, b"") == NOT_UNDERSTOOD
        peer.release()
    return status


def instance(seed: int) -> Sent:
    return Batch(10_000 + seed, side=8).make()


def with_element(one: Sent, element: bytes) -> bytes:
    """The element stands before the pixels."""
    at = one.data_set.index(PIXEL_DATA)
    return one.data_set[:at] + element + one.data_set[at:]


def nested(depth: int, *, leaf: bytes = b"") -> bytes:
    """Sequences of undefined length within each other."""
    begin = b"\x09\x00\x10\x10SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    return begin * depth + leaf + DELIMITERS * depth


@pytest.mark.parametrize("depth", [65, 1_000, 100_000])
def test_sequences_nested_too_deep_are_refused(scp: ScpProcess, depth: int) -> None:
    one = instance(depth)
    status = status_of(
        scp, with_element(one, nested(depth)), one.sop_instance_uid, ExplicitVRLittleEndian
    )
    assert status in (NOT_UNDERSTOOD, OUT_OF_RESOURCES)


@pytest.mark.parametrize("depth", [30, 1_000, 100_000])
def test_nesting_that_only_a_tolerant_reader_follows_does_no_harm(
    scp: ScpProcess, depth: int
) -> None:
    """A VR of two digits hands the data set to pydicom, which reads sequences by recursion."""
    one = instance(depth + 1)
    odd = b"\x09\x00\x01\x1000\x02\x00ab"
    status = status_of(
        scp,
        with_element(one, odd + nested(depth)),
        one.sop_instance_uid,
        ExplicitVRLittleEndian,
    )
    assert status in (0x0000, NOT_UNDERSTOOD, OUT_OF_RESOURCES)


def test_millions_of_elements_do_not_hold_up_others(scp: ScpProcess) -> None:
    one = instance(3)
    elements = b"\x09\x00\x10\x10LO\x00\x00" * (MAX_INSTANCE_BYTES // 8 - 1000)
    others = []
    with RawPeer(scp.port, limit_s=60) as peer:
        peer.associate()
        command = encode_store_request(
            message_id=1, sop_class_uid=CTImageStorage, sop_instance_uid=one.sop_instance_uid
        )
        peer.send(fragments(1, command, is_command=True))
        peer.send(fragments(1, with_element(one, elements), is_command=False))
        for _ in range(5):
            started = time.monotonic()
            assert scp.answers()
            others.append(time.monotonic() - started)
        started = time.monotonic()
        assert peer.status() in (NOT_UNDERSTOOD, OUT_OF_RESOURCES)
        assert time.monotonic() - started < 5
    assert max(others) < 2


@pytest.mark.parametrize("size", [pytest.param(200 * MIB, marks=pytest.mark.slow), 2_000 * MIB])
def test_a_deflate_bomb_is_refused_in_bounded_memory(scp: ScpProcess, size: int) -> None:
    one = instance(4)
    bomb = deflated(one.data_set, zeros=size)
    started = time.monotonic()
    status = status_of(scp, bomb, one.sop_instance_uid, DeflatedExplicitVRLittleEndian, limit_s=30)
    assert status in (NOT_UNDERSTOOD, OUT_OF_RESOURCES)
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    "crafted",
    [
        "../../../../tmp/mediview-crafted",
        "/tmp/mediview-crafted",
        "1.2\0/../x",
        "1." * 40,
        "%s",
        ".",
    ],
)
def test_a_crafted_uid_is_refused_and_reaches_no_path(scp: ScpProcess, crafted: str) -> None:
    one = instance(5)
    before = {path.name for path in scp.settings.data_dir.rglob("*")}
    for uid in (one.sop_instance_uid, None):
        data_set = one.data_set
        for found in (uid,) if uid else uids_of(one):
            value = crafted.encode()[: len(found)].ljust(len(found), b"\0")
            data_set = data_set.replace(found.encode(), value)
        status = status_of(scp, data_set, crafted, ExplicitVRLittleEndian)
        assert status in (NOT_UNDERSTOOD, DOES_NOT_MATCH)
    assert {path.name for path in scp.settings.data_dir.rglob("*")} == before


def uids_of(one: Sent) -> list[str]:
    """Study and series of the instance, from its encoded elements 0020,000D and 0020,000E."""
    found = []
    for tag in (b"\x20\x00\x0d\x00UI", b"\x20\x00\x0e\x00UI"):
        at = one.data_set.index(tag) + 8
        length = int.from_bytes(one.data_set[at - 2 : at], "little")
        found.append(one.data_set[at : at + length].rstrip(b"\0").decode())
    return found


def test_an_instance_above_the_limit_is_refused_and_not_kept(scp: ScpProcess) -> None:
    one = instance(6)
    before = sum(path.stat().st_size for path in scp.settings.data_dir.rglob("*.mvv"))
    status = status_of(
        scp, one.data_set + bytes(MAX_INSTANCE_BYTES), one.sop_instance_uid, ExplicitVRLittleEndian
    )
    assert status == OUT_OF_RESOURCES
    after = sum(path.stat().st_size for path in scp.settings.data_dir.rglob("*.mvv"))
    assert after - before < MIB


# Command sets (PS3.7 6.3)


def command(*elements: tuple[int, bytes]) -> bytes:
    return b"".join(
        struct.pack("<HHL", 0, number, len(value)) + value for number, value in elements
    )


def us(value: int) -> bytes:
    return struct.pack("<H", value)


@pytest.mark.parametrize(
    "encoded",
    [
        b"",
        b"\0" * 7,
        b"\xff" * 60,
        command((0x100, us(1)), (0x800, b"\0\0\0\0")),
        command((0x100, us(1))),
        command((0x100, us(1)), (0x110, us(1)), (0x800, us(1)), (0x1000, b"\xff" * 64)),
        command((0x100, us(1)), (0x800, us(0x101)))[:-1],
        struct.pack("<HHL", 0, 0x100, 0xFFFFFFFF),
        b"\x08\x00" + command((0x100, us(1)))[2:],
        command((0x100, us(0x30)), (0x800, us(0x101)), (0x2, b"9" * 60_000)),
    ],
    ids=range(10),
)
def test_a_command_set_of_garbage_ends_the_association(scp: ScpProcess, encoded: bytes) -> None:
    with RawPeer(scp.port) as peer:
        peer.associate()
        peer.send(fragments(1, encoded, is_command=True))
        started = time.monotonic()
        with suppress(PeerGone, TimeoutError):
            peer.receive()
            return  # answered with a status: as good
        assert time.monotonic() - started < 2 * TIME_LIMIT_S + 2


@pytest.mark.parametrize("field", [0x0000, 0x0002, 0x0100, 0x0130, 0x0150, 0x7FFF, 0x8001, 0xFFFF])
@pytest.mark.parametrize("context_id", [1, 3, 255])
def test_a_command_field_or_context_that_does_not_exist_is_answered_or_ends(
    scp: ScpProcess, field: int, context_id: int
) -> None:
    encoded = command(
        (0x2, CTImageStorage.encode() + b"\0"),
        (0x100, us(field)),
        (0x110, us(7)),
        (0x800, us(0x101)),
    )
    with RawPeer(scp.port) as peer:
        peer.associate()
        peer.send(fragments(context_id, encoded, is_command=True))
        with suppress(PeerGone):
            peer.send(pdu(5, bytes(4)))
            peer.ends()


def test_a_store_on_a_context_of_another_class_is_refused(scp: ScpProcess) -> None:
    one = instance(7)
    with RawPeer(scp.port) as peer:
        peer.associate([context(1, "1.2.840.10008.5.1.4.1.1.4", [ExplicitVRLittleEndian])])
        assert peer.store(one.sop_instance_uid, one.data_set) == NOT_SUPPORTED
        assert peer.store(one.sop_instance_uid, one.data_set, context_id=77) == NOT_SUPPORTED


def test_a_data_set_without_command_and_a_context_changed_midway_abort(scp: ScpProcess) -> None:
    one = instance(8)
    request = encode_store_request(
        message_id=1, sop_class_uid=CTImageStorage, sop_instance_uid=one.sop_instance_uid
    )
    for first in (
        fragments(1, one.data_set, is_command=False),
        fragments(1, request, is_command=True) + fragments(3, one.data_set, is_command=False),
        fragments(1, request, is_command=True) * 2,
        pdu(DATA, struct.pack(">LBB", 70_002, 1, 1) + bytes(70_000)),
    ):
        with RawPeer(scp.port) as peer:
            peer.associate([context(n, CTImageStorage, [ImplicitVRLittleEndian]) for n in (1, 3)])
            peer.send(first)
            assert peer.ends()
