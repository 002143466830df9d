"""Peers that are slow, silent or too many: time and number end them, and the node goes on.

MEDIVIEW_LONG_TESTS=1 runs the long forms.
"""

import random
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress

import pytest
from pydicom.uid import CTImageStorage, ImplicitVRLittleEndian

from tests.faults.pushing import Batch
from tests.faults.raw_peer import (
    ABORT,
    ASSOCIATE_RQ,
    DATA,
    ECHO_COMMAND,
    VERIFICATION,
    RawPeer,
    Rejected,
    associate_request,
    context,
    established,
    fragments,
    pdu,
    store_message,
)
from tests.faults.scp_process import LONG, MAX_ASSOCIATIONS, TIME_LIMIT_S, ScpProcess

pytestmark = [pytest.mark.fault, pytest.mark.timeout(900)]

BAD_ASSOCIATIONS = 10_000 if LONG else 400
MIB = 1 << 20
LOCAL_LIMIT_EXCEEDED = (2, 3, 2)  # transient, presentation provider (PS3.8 Table 9-21)


@pytest.mark.parametrize("associated", [False, True], ids=["before", "after the association"])
def test_a_byte_a_second_is_ended_by_the_time_limit(scp: ScpProcess, associated: bool) -> None:
    with RawPeer(scp.port) as peer:
        if associated:
            peer.associate()
        data = pdu(DATA if associated else ASSOCIATE_RQ, bytes(1000))
        started = time.monotonic()
        with suppress(OSError):
            for byte in data:
                peer.send(bytes([byte]))
                time.sleep(1.0)
                assert time.monotonic() - started < 3 * TIME_LIMIT_S + 3


def test_silent_peers_are_ended_by_the_time_limit_and_free_their_place(scp: ScpProcess) -> None:
    with ExitStack() as stack:
        silent = [stack.enter_context(RawPeer(scp.port)) for _ in range(MAX_ASSOCIATIONS // 2)]
        half = [stack.enter_context(RawPeer(scp.port)) for _ in range(MAX_ASSOCIATIONS // 2)]
        for peer in half:
            peer.associate()
        started = time.monotonic()
        for peer in [*silent, *half]:
            peer.ends()
        assert time.monotonic() - started < 2 * TIME_LIMIT_S + 3
        with established(scp.port) as peer:
            peer.release()


def test_a_peer_that_reads_nothing_is_ended_by_the_time_limit(scp: ScpProcess) -> None:
    """It asks and asks, and never takes an answer from its socket."""
    question = fragments(1, ECHO_COMMAND, is_command=True)
    with RawPeer(scp.port, limit_s=2 * TIME_LIMIT_S + 20) as peer:
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.associate([context(1, VERIFICATION, [ImplicitVRLittleEndian])])
        deadline = time.monotonic() + 2 * TIME_LIMIT_S + 10
        with suppress(ConnectionError):
            while time.monotonic() < deadline:
                peer.send(question * 100)
        assert time.monotonic() < deadline


def test_associations_above_the_cap_are_rejected_with_the_reason(scp: ScpProcess) -> None:
    with ExitStack() as stack:
        for _ in range(MAX_ASSOCIATIONS):
            stack.enter_context(established(scp.port))
        for _ in range(5):
            with RawPeer(scp.port) as peer, pytest.raises(Rejected) as rejected:
                peer.associate()
            assert rejected.value.why == LOCAL_LIMIT_EXCEEDED
    scp.wait_for(scp.answers)


def test_a_flood_of_connections_is_survived(scp: ScpProcess) -> None:
    with ExitStack() as stack:
        for _ in range(300):
            stack.callback(socket.create_connection(("127.0.0.1", scp.port)).close)
    scp.wait_for(scp.answers)


def test_many_bad_associations_leave_no_thread_file_or_memory(scp: ScpProcess) -> None:
    rng = random.Random(3)
    one = Batch(1004, side=8).make()
    message = store_message(1, CTImageStorage, one.sop_instance_uid, one.data_set)
    request = pdu(ASSOCIATE_RQ, associate_request([context(1, CTImageStorage, ["1.2.3"])]))
    bad: list[Callable[[RawPeer], None]] = [
        lambda peer: None,
        lambda peer: peer.send(rng.randbytes(rng.randrange(1, 200))),
        lambda peer: peer.send(request[: rng.randrange(len(request))]),
        lambda peer: peer.send(pdu(ABORT, bytes(4))),
        lambda peer: peer.send(request + message[: rng.randrange(len(message))]),
        lambda peer: peer.send(request + pdu(DATA, rng.randbytes(60))),
        lambda peer: peer.send(request + rng.randbytes(60)),
    ]
    early = 0
    for number in range(BAD_ASSOCIATIONS):
        with suppress(OSError), RawPeer(scp.port) as peer:
            rng.choice(bad)(peer)
        if number == BAD_ASSOCIATIONS // 4:
            early = scp.resident_bytes()
    scp.wait_for(scp.answers)
    assert scp.resident_bytes() - early < 24 * MIB
