"""Peers that break the rules of PS3.8: they lose their own association and nothing else.

MEDIVIEW_LONG_TESTS=1 runs the long forms.
"""

import socket
import struct
import time
from contextlib import suppress

import hypothesis
import pytest
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from tests.faults.dicom_node.fuzz_receiving import conversations
from tests.faults.pushing import Batch
from tests.faults.raw_peer import (
    APPLICATION_CONTEXT,
    ASSOCIATE_RQ,
    DATA,
    ECHO_COMMAND,
    RELEASE_RQ,
    VERIFICATION,
    PeerGone,
    RawPeer,
    Rejected,
    associate_request,
    context,
    established,
    fragments,
    item,
    pdu,
    store_message,
    user_information,
)
from tests.faults.scp_process import LONG, TIME_LIMIT_S, ScpProcess

pytestmark = [pytest.mark.fault, pytest.mark.timeout(900)]

EXAMPLES = 3_000 if LONG else 150
MIB = 1 << 20
CT = context(1, CTImageStorage, [ImplicitVRLittleEndian])
OTHER_APPLICATION = b"1.2.840.10008.3.1.1.9"


def seconds_until_ended(peer: RawPeer) -> float:
    started = time.monotonic()
    peer.ends()
    return time.monotonic() - started


def stored_uids(scp: ScpProcess) -> set[str]:
    with scp.storage() as storage:
        return {
            instance.sop_instance_uid
            for study in storage.index.studies(10_000, 0)[0]
            for instance in storage.index.instances_of(study.study_instance_uid)
        }


# Lengths and types of PDUs


@pytest.mark.parametrize("length", [0, 1, 0xFFFFFFFF])
def test_pdus_of_impossible_length_end_the_association(scp: ScpProcess, length: int) -> None:
    for kind in (*range(9), 0x80, 0xFF):
        for associated in (False, True):
            with RawPeer(scp.port) as peer:
                if associated:
                    peer.associate()
                peer.send(pdu(kind, b"", length))
                with suppress(OSError):
                    peer.socket.shutdown(socket.SHUT_WR)
                assert seconds_until_ended(peer) < TIME_LIMIT_S


@pytest.mark.parametrize("kind", [ASSOCIATE_RQ, DATA])
def test_four_announced_gigabytes_are_neither_awaited_nor_allocated(
    scp: ScpProcess, kind: int
) -> None:
    before = scp.resident_bytes()
    with RawPeer(scp.port) as peer:
        if kind == DATA:
            peer.associate()
        peer.send(pdu(kind, bytes(4096), 0xFFFFFFFF))
        assert seconds_until_ended(peer) < TIME_LIMIT_S
    assert scp.resident_bytes() - before < 16 * MIB


@pytest.mark.parametrize("kind", [ASSOCIATE_RQ, DATA])
def test_a_pdu_shorter_than_announced_is_awaited_for_the_time_limit_only(
    scp: ScpProcess, kind: int
) -> None:
    with RawPeer(scp.port) as peer:
        if kind == DATA:
            peer.associate()
        peer.send(pdu(kind, bytes(10), 1000))
        assert seconds_until_ended(peer) < 2 * TIME_LIMIT_S + 2


def test_values_that_do_not_fit_their_pdu_abort(scp: ScpProcess) -> None:
    for length in (0, 1, 69, 5000, 0x7FFFFFFF, 0xFFFFFFFF):
        with established(scp.port) as peer:
            peer.send(pdu(DATA, struct.pack(">LBB", length, 1, 3) + bytes(64)))
            assert peer.ends(), length


def test_a_message_cut_anywhere_leaves_nothing(scp: ScpProcess) -> None:
    one = Batch(1001, side=8).make()
    message = store_message(1, CTImageStorage, one.sop_instance_uid, one.data_set)
    request = pdu(ASSOCIATE_RQ, associate_request([context(1, CTImageStorage, ["1.2"])]))
    for length in range(0, len(request), 9):
        with RawPeer(scp.port) as peer:
            peer.send(request[:length])
    for length in range(0, len(message), 29):
        with established(scp.port) as peer:
            peer.send(message[:length])
    assert one.sop_instance_uid not in stored_uids(scp)


def test_a_second_association_request_and_what_only_acceptors_say_abort(scp: ScpProcess) -> None:
    request = associate_request([context(1, CTImageStorage, ["1.2"])])
    for kind, body in ((1, request), (2, request), (3, bytes(4)), (6, bytes(4)), (8, b"")):
        with established(scp.port) as peer:
            peer.send(pdu(kind, body))
            assert peer.ends(), kind


# What an association request may hold


def test_more_contexts_than_there_are_identifiers_do_no_harm(scp: ScpProcess) -> None:
    """128 odd identifiers is what PS3.8 9.3.2.2 has room for."""
    many = [context(n % 256, CTImageStorage, [ExplicitVRLittleEndian]) for n in range(8000)]
    started = time.monotonic()
    with RawPeer(scp.port) as peer:
        peer.send(pdu(ASSOCIATE_RQ, associate_request(many)))
        with suppress(PeerGone, Rejected):
            assert len(peer.association_answer()) <= 256
    assert time.monotonic() - started < 20


def test_a_context_with_thousands_of_syntaxes_is_answered_soon(scp: ScpProcess) -> None:
    syntaxes = [f"1.2.840.99999.{n}" for n in range(2500)]
    started = time.monotonic()
    with RawPeer(scp.port) as peer:
        accepted = peer.associate([context(1, CTImageStorage, [*syntaxes, ImplicitVRLittleEndian])])
    assert accepted == {1: 0}
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(
    ("request_body", "reason"),
    [
        (
            associate_request([CT]).replace(
                item(0x10, APPLICATION_CONTEXT), item(0x10, OTHER_APPLICATION)
            ),
            0x02,
        ),
        (associate_request([context(1, CTImageStorage, [])]), 0x01),
        (associate_request([item(0x20, b"\x01\0\0\0" + item(0x40, b"1.2.840.10008.1.2"))]), 0x01),
    ],
)
def test_what_nobody_could_serve_is_rejected(
    scp: ScpProcess, request_body: bytes, reason: int
) -> None:
    """PS3.8 Table 9-21: by the service user, for good."""
    with RawPeer(scp.port) as peer:
        peer.send(pdu(ASSOCIATE_RQ, request_body))
        with pytest.raises(Rejected) as rejected:
            peer.association_answer()
    assert rejected.value.why == (0x01, 0x01, reason)


@pytest.mark.parametrize(
    "request_body",
    [
        associate_request([CT], calling=b"\0" * 16),
        associate_request([CT], calling=b"\xff" * 16),
        associate_request([CT], calling=b" " * 16),
        associate_request([CT], called=b'\n\\"<b>%s'),
        associate_request([context(1, "9" * 5000, ["9" * 5000])]),
        associate_request([context(1, "../../etc/passwd", ["1.2.840.10008.1.2"])]),
        associate_request([context(0, CTImageStorage, ["1.2.840.10008.1.2"])]),
        associate_request([context(1, CTImageStorage, [])]),
        associate_request([]),
        associate_request([item(0x20, b"\x01\0\0\0" + item(0x30, b""))]),
        associate_request([item(0x99, bytes(60_000))] * 10),
        associate_request([context(1, VERIFICATION, ["1.2"])], user=item(0x50, b"")),
        associate_request([context(1, VERIFICATION, ["1.2"])], user=b""),
        associate_request(
            [context(1, VERIFICATION, ["1.2"])],
            user=user_information(item(0x52, b"1" * 60_000), item(0x55, bytes(100))),
        ),
        associate_request(
            [context(1, VERIFICATION, ["1.2"])],
            user=user_information(item(0x58, b"\x02\x01\xff\xff" + bytes(8))),
        ),
        associate_request([context(1, VERIFICATION, ["1.2"])])[:-1],
        bytes(68),
        bytes(1 << 19),
    ],
    ids=lambda body: f"{len(body)}-{hash(body) & 0xFFFF:04x}",
)
def test_a_strange_association_request_is_accepted_rejected_or_aborted(
    scp: ScpProcess, request_body: bytes
) -> None:
    with RawPeer(scp.port) as peer:
        peer.send(pdu(ASSOCIATE_RQ, request_body))
        with suppress(PeerGone, Rejected, TimeoutError):
            peer.association_answer()
            peer.send(pdu(RELEASE_RQ, bytes(4)))
        assert seconds_until_ended(peer) < TIME_LIMIT_S + 2


def test_one_pdu_full_of_requests_neither_fills_memory_nor_holds_up_others(
    scp: ScpProcess,
) -> None:
    """No asynchronous operations were negotiated: 100,000 requests at once are not to be kept."""
    value = fragments(1, ECHO_COMMAND, is_command=True)[6:]
    before = scp.resident_bytes()
    with RawPeer(scp.port) as peer:
        peer.associate([context(1, VERIFICATION, [ImplicitVRLittleEndian])])
        with suppress(ConnectionError):
            peer.send(pdu(DATA, value * 100_000))
            peer.ends()
    assert scp.resident_bytes() - before < 16 * MIB
    assert scp.answers()


@pytest.mark.parametrize("field", [0x8001, 0x8030, 0x0FFF])
def test_answers_that_nobody_asked_for_are_not_collected(scp: ScpProcess, field: int) -> None:
    command = struct.pack(
        "<HHLHHHLHHHLHHHLH",
        *(0, 0x100, 2, field),
        *(0, 0x120, 2, 1),
        *(0, 0x800, 2, 0x101),
        *(0, 0x900, 2, 0),
    )
    value = pdu(DATA, struct.pack(">LBB", len(command) + 2, 1, 3) + command)
    before = scp.resident_bytes()
    with established(scp.port) as peer, suppress(ConnectionError):
        for _ in range(20):
            peer.send(value * 1_000)
    assert scp.resident_bytes() - before < 32 * MIB


@hypothesis.settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck),
    database=None,
)
@hypothesis.given(conversation=conversations())
def test_whatever_bytes_come_the_node_goes_on(scp: ScpProcess, conversation: list[bytes]) -> None:
    with suppress(OSError), RawPeer(scp.port, limit_s=TIME_LIMIT_S + 10) as peer:
        for part in conversation:
            peer.send(part)
        peer.socket.shutdown(socket.SHUT_WR)
        peer.ends()
    assert scp.is_running()
