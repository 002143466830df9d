"""A request for an association is walked before pynetdicom makes objects of it."""

import struct
import time

import pytest
from hypothesis import given, strategies
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.pdu import A_ASSOCIATE_RQ

from dicom_node.network.associate_request import (
    MOST_CONTEXTS,
    MOST_SYNTAXES,
    plain_request,
    states_known_version,
)
from dicom_node.network.pdu import MalformedPdu
from tests.faults.raw_peer import (
    ASSOCIATE_RQ,
    associate_request,
    context,
    item,
    pdu,
    user_information,
)

UNKNOWN = item(0x99, b"abc")
SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]


def request(count: int, *syntaxes: str, user: bytes | None = None) -> bytes:
    contexts = [
        context((1 + 2 * index) % 256, f"{CTImageStorage}.{index}", syntaxes or SYNTAXES)
        for index in range(count)
    ]
    return pdu(ASSOCIATE_RQ, associate_request(contexts, user=user))


def versioned(version: int) -> bytes:
    whole = request(1)
    return whole[:6] + struct.pack(">H", version) + whole[8:]


def test_what_modalities_send_stays_as_it_is() -> None:
    for count in (1, 31, MOST_CONTEXTS):
        assert plain_request(request(count)) == request(count)


def test_what_nobody_knows_is_left_out_and_the_rest_is_read() -> None:
    """PS3.8 9.3.1, D.2: receivers skip it, and do not refuse the association for it."""
    known = user_information(item(0x55, b"VERSION_1"))
    stated = user_information(UNKNOWN, item(0x55, b"VERSION_1"), UNKNOWN)
    number = struct.pack(">BBBB", 1, 0, 0, 0)
    named = item(0x30, str(CTImageStorage).encode())
    proposed = item(0x40, ExplicitVRLittleEndian.encode())
    contexts = [UNKNOWN, item(0x20, number + named + UNKNOWN + proposed), UNKNOWN]
    body = associate_request(contexts, user=stated)
    plain = associate_request([item(0x20, number + named + proposed)], user=known)
    assert plain_request(pdu(ASSOCIATE_RQ, body)) == pdu(ASSOCIATE_RQ, plain)


@pytest.mark.parametrize(
    ("version", "is_known"), [(1, True), (3, True), (0xFFFF, True), (2, False)]
)
def test_of_the_version_bit_0_alone_counts(version: int, is_known: bool) -> None:
    assert states_known_version(versioned(version)) is is_known
    assert plain_request(versioned(version)) == request(1)


@pytest.mark.parametrize(
    "encoded",
    [
        request(MOST_CONTEXTS + 1),
        request(16_000),
        request(2, *["1"] * (MOST_SYNTAXES // 2 + 1)),
        request(1, user=user_information(*[UNKNOWN] * 1000)),
        pdu(ASSOCIATE_RQ, associate_request([UNKNOWN] * 500)),
        request(1)[:-3],
        request(1) + b"\x50\0",
        request(1) + item(0x50, b"")[:2] + b"\xff\xff",
    ],
    ids=["contexts", "16,000", "syntaxes", "user items", "items", "cut", "header", "length"],
)
def test_too_much_and_what_does_not_fit_is_refused(encoded: bytes) -> None:
    begun_s = time.thread_time()
    with pytest.raises(MalformedPdu):
        plain_request(encoded)
    # pynetdicom takes 0.5 to 0.9 s for 16,000 contexts.
    assert time.thread_time() - begun_s < 0.1


@given(strategies.binary(max_size=400))
def test_what_is_plain_stays_so_and_nothing_else_escapes(rest: bytes) -> None:
    whole = pdu(ASSOCIATE_RQ, associate_request([]) + rest)
    try:
        plain = plain_request(whole)
    except MalformedPdu:
        return
    assert plain_request(plain) == plain
    assert len(plain) <= len(whole)


def test_pynetdicom_reads_the_same_of_it() -> None:
    decoded, plain = A_ASSOCIATE_RQ(), A_ASSOCIATE_RQ()
    decoded.decode(request(40))
    plain.decode(plain_request(request(40)))
    assert decoded == plain
