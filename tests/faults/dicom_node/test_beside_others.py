"""Peers that store at the same time, one of which behaves badly: the others do not notice."""

import socket
import struct
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import pytest
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dicom_node.network.command_set import encode_store_request
from tests.faults.pushing import Batch, Sent
from tests.faults.raw_peer import (
    DATA,
    ECHO_COMMAND,
    VERIFICATION,
    PeerGone,
    RawPeer,
    context,
    fragments,
    pdu,
    store_message,
)
from tests.faults.scp_process import TIME_LIMIT_S, ScpProcess
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.fault, pytest.mark.timeout(900)]

_SUCCESS = 0x0000
_MB = 1024 * 1024
# A turn takes milliseconds. Whoever is held up waits until the other's time limit is over.
_HELD_UP_S = TIME_LIMIT_S
# On the second of the contexts.
_ECHO = fragments(3, ECHO_COMMAND, is_command=True)
# A C-STORE-RQ that says that it has no data set, which is answered by a failure at once.
_WITHOUT_DATA_SET = fragments(
    1,
    encode_store_request(
        message_id=1, sop_class_uid=CTImageStorage, sop_instance_uid="1.2.3"
    ).replace(struct.pack("<HHLH", 0, 0x800, 2, 1), struct.pack("<HHLH", 0, 0x800, 2, 0x101)),
    is_command=True,
)[6:]  # the value without its PDU
_CONTEXTS = [
    context(1, CTImageStorage, [ExplicitVRLittleEndian]),
    context(3, VERIFICATION, [ImplicitVRLittleEndian]),
]


@dataclass(frozen=True)
class Storing:
    """A peer in the middle of a study."""

    peer: RawPeer
    batch: Batch

    def store(self) -> float:
        """Store the next one; how long that took, in seconds."""
        one = self.batch.make()
        started = time.monotonic()
        assert self.peer.store(one.sop_instance_uid, one.data_set) == _SUCCESS
        return time.monotonic() - started

    def message(self, one: Sent) -> bytes:
        return store_message(1, CTImageStorage, one.sop_instance_uid, one.data_set)


@contextmanager
def storing(scp: ScpProcess, *, side: int = 70) -> Iterator[Storing]:
    with RawPeer(scp.port, limit_s=60) as peer:
        peer.associate(_CONTEXTS)
        one = Storing(peer, Batch(time.monotonic_ns(), side=side))
        # From the second on they are received where the others are.
        for _ in range(2):
            one.store()
        yield one


@pytest.fixture
def good(scp: ScpProcess) -> Iterator[Storing]:
    with storing(scp) as peer:
        yield peer
        peer.store()
        peer.peer.release()


@pytest.fixture
def other(scp: ScpProcess, good: Storing) -> Iterator[Storing]:
    """The one that behaves badly."""
    with storing(scp) as peer:
        good.store()
        yield peer


def test_a_message_that_stands_still_holds_up_nobody_and_is_kept_when_it_goes_on(
    good: Storing, other: Storing
) -> None:
    message = other.message(other.batch.make())
    other.peer.send(message[: len(message) // 2])
    assert max(good.store() for _ in range(20)) < _HELD_UP_S
    other.peer.send(message[len(message) // 2 :])
    assert other.peer.status() == _SUCCESS


def test_a_message_that_stands_still_for_good_is_ended_by_the_time_limit(
    good: Storing, other: Storing
) -> None:
    started = time.monotonic()
    other.peer.send(other.message(other.batch.make())[:5000])
    other.peer.socket.settimeout(0.05)
    while time.monotonic() - started < 3 * TIME_LIMIT_S + 3:
        assert good.store() < _HELD_UP_S
        try:
            other.peer.receive()
        except TimeoutError:
            continue
        except ConnectionError:
            break
    assert TIME_LIMIT_S <= time.monotonic() - started < 2 * TIME_LIMIT_S + 3


def test_a_peer_that_takes_no_answers_holds_up_nobody(good: Storing, other: Storing) -> None:
    """It asks and asks, never reads what it is told, and is ended by the time limit."""
    other.peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    started = time.monotonic()
    with ThreadPoolExecutor(1) as thread:
        asking = thread.submit(_ask_for_ever, other.peer)
        longest_s = 0.0
        while not asking.done():
            longest_s = max(longest_s, good.store())
            # Otherwise it would not be asked often enough to fill the node's buffers soon.
            time.sleep(0.05)
            assert time.monotonic() - started < PATIENCE_S, "it was never ended"
    assert longest_s < _HELD_UP_S


def _ask_for_ever(peer: RawPeer) -> None:
    with suppress(OSError):
        while True:
            peer.send(pdu(DATA, _WITHOUT_DATA_SET * 1000))


def test_one_pdu_full_of_requests_holds_up_nobody(good: Storing, other: Storing) -> None:
    with ThreadPoolExecutor(1) as thread:
        asking = thread.submit(other.peer.send, pdu(DATA, _WITHOUT_DATA_SET * 20_000))
        assert max(good.store() for _ in range(50)) < _HELD_UP_S
        for number in range(20_000):
            assert other.peer.status() != _SUCCESS
            if number % 1000 == 0:
                good.store()
        asking.result()


def test_nonsense_ends_its_own_association_alone(good: Storing, other: Storing) -> None:
    other.peer.send(pdu(DATA, b"\0\0\0\xff\1\3nonsense"))
    with pytest.raises(PeerGone):
        other.peer.receive()
    good.store()


def test_a_peer_that_goes_away_in_a_message_leaves_nothing(good: Storing, other: Storing) -> None:
    other.peer.send(other.message(other.batch.make())[:5000])
    other.peer.socket.close()
    assert max(good.store() for _ in range(20)) < _HELD_UP_S


def test_an_echo_between_instances_is_answered_and_storing_goes_on(
    good: Storing, other: Storing
) -> None:
    for _ in range(5):
        other.peer.send(_ECHO)
        assert other.peer.status() == _SUCCESS
        other.store()
        good.store()


def test_long_instances_are_kept_beside_short_ones(scp: ScpProcess, good: Storing) -> None:
    """2 MB and 18 MB: what is long is received by a thread of its own, from its middle on."""
    for side in (1000, 3000):
        with storing(scp, side=side) as other:
            good.store()
            large = other.batch.make()
            assert len(large.data_set) > _MB
            message = other.message(large)
            other.peer.send(message[: len(message) // 2])
            assert max(good.store() for _ in range(10)) < _HELD_UP_S
            other.peer.send(message[len(message) // 2 :])
            assert other.peer.status() == _SUCCESS
            with scp.storage() as storage:
                kept = storage.index.instance(large.sop_instance_uid)
                assert kept.digest == large.digest
