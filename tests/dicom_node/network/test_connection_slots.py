"""Which of several receiving processes takes the next connection."""

import os
import select
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dicom_node.network.connection_slots import ConnectionSlots
from dicom_node.network.handover import Accepted, Handover
from dicom_node.network.listening import Listeners, open_listeners
from storage.settings import Settings
from tests.dicom_node.network.another_process import another_process, forked

_UNTIL_THEY_WAIT_S = 0.2


@pytest.fixture
def listeners(tmp_path: Path) -> Iterator[Listeners]:
    listeners = open_listeners(Settings(data_dir=tmp_path), 0, receivers=2)
    yield listeners
    listeners.close()


@pytest.fixture
def handover(listeners: Listeners) -> Handover:
    """Of whose two processes this one is the first."""
    assert listeners.handover is not None
    listeners.handover.take_as(1)
    return listeners.handover


@pytest.fixture
def client(listeners: Listeners, handover: Handover) -> Iterator[socket.socket]:
    """Whose connection is handed over."""
    assert listeners.listener is not None
    listeners.listener.setblocking(True)
    with socket.create_connection(listeners.listener.getsockname()) as client:
        accepted, address = listeners.listener.accept()
        assert handover.give(Accepted(accepted, address, False))
        yield client


@pytest.fixture
def stopped() -> Iterator[int]:
    """What ends the wait for a connection once it can be read from."""
    stopped = os.eventfd(0)
    yield stopped
    os.close(stopped)


@pytest.mark.parametrize(
    ("mine", "theirs", "is_ahead"), [(0, 0, False), (1, 0, True), (1, 1, False), (1, 2, False)]
)
def test_a_process_is_ahead_of_one_that_has_fewer(mine: int, theirs: int, is_ahead: bool) -> None:
    slots, handover = ConnectionSlots(8), Handover(2)
    handover.take_as(1)

    def join() -> None:
        handover.take_as(2)
        for _ in range(theirs):
            slots.take()

    with another_process(join):
        for _ in range(mine):
            slots.take()
        assert slots.is_ahead(handover.taking) == is_ahead


def test_a_process_that_takes_nothing_that_is_handed_over_does_not_count() -> None:
    slots, handover = ConnectionSlots(8), Handover(2)
    handover.take_as(1)
    with another_process(lambda: handover.take_as(2)):
        slots.take()
        with another_process(lambda: [slots.take() for _ in range(3)]):
            assert slots.is_ahead(handover.taking)


def test_what_a_process_gave_back_does_not_count() -> None:
    slots, handover = ConnectionSlots(8), Handover(2)
    handover.take_as(1)

    def join() -> None:
        handover.take_as(2)
        slots.take()

    with another_process(join):
        occupied = [slots.take() for _ in range(3)]
        for one in occupied[1:]:
            assert one is not None
            slots.give_back(one)
        assert not slots.is_ahead(handover.taking)


def test_one_that_is_ahead_takes_what_nobody_else_does(
    listeners: Listeners, handover: Handover, client: socket.socket, stopped: int
) -> None:
    listeners.slots.take()
    accepted = listeners.take(handover, stopped)
    assert accepted is not None
    assert accepted.address == client.getsockname()
    accepted.client.sendall(b"here")
    assert client.recv(4) == b"here"
    accepted.client.close()
    assert client.recv(1) == b"", "closed by all"


def test_a_process_that_is_to_stop_waits_for_no_connection(
    listeners: Listeners, handover: Handover, stopped: int
) -> None:
    stopping = threading.Timer(0.05, os.eventfd_write, (stopped, 1))
    stopping.start()
    assert listeners.take(handover, stopped) is None
    stopping.join()


def test_a_connection_is_taken_by_one_of_two_processes(
    listeners: Listeners, handover: Handover, client: socket.socket, stopped: int
) -> None:
    listeners.slots.take()
    taken, taker = socket.socketpair()

    def accept() -> None:
        # It is not ahead, and so takes what comes at once.
        handover.take_as(2)
        accepted = listeners.take(handover, stopped)
        # Who comes too late waits for the next one, which does not come.
        if accepted is not None:
            os.eventfd_write(stopped, 1)
        taker.send(b"0" if accepted is None else b"1")

    child = forked(accept)
    ours = listeners.take(handover, stopped)
    if ours is not None:
        os.eventfd_write(stopped, 1)
    assert os.waitpid(child, 0)[1] == 0
    theirs = taken.recv(1)
    assert (ours is None) == (theirs == b"1")
    if ours is not None:
        ours.client.close()
    taken.close()
    taker.close()
    assert client.recv(1) == b""


def test_one_process_is_woken_for_a_connection_and_another_where_it_is_passed_on(
    handover: Handover, stopped: int
) -> None:
    """Two wait beside this one, and state when they were woken."""
    stated, states = os.pipe()

    def woken() -> None:
        handover.take_as(2)
        os.write(states, b"waits")
        os.write(states, b"woken" if handover.wait(stopped) else b"ended")

    children = [forked(woken) for _ in range(2)]
    theirs, ours = socket.socketpair()
    with theirs, ours, os.fdopen(stated, "rb", buffering=0) as heard:
        assert heard.read(5) + heard.read(5) == b"waits" * 2
        time.sleep(_UNTIL_THEY_WAIT_S)
        assert handover.give(Accepted(theirs, ("127.0.0.1", 1), False))
        assert heard.read(5) == b"woken"
        assert not select.select([heard], [], [], _UNTIL_THEY_WAIT_S)[0], "one for both"
        handover.pass_on()
        assert heard.read(5) == b"woken"
    for child in children:
        assert os.waitpid(child, 0)[1] == 0
    os.close(states)


def test_no_more_wait_than_there_is_room_for_and_each_is_taken_once(handover: Handover) -> None:
    pairs = [socket.socketpair() for _ in range(2000)]
    given = 0
    for number, (theirs, _) in enumerate(pairs):
        if not handover.give(Accepted(theirs, ("2001:db8::7", 1024 + number), True)):
            break
        given += 1
    assert 16 <= given < 2000
    assert pairs[given][0].fileno() >= 0, "who gives it may still serve it"
    for number in range(given):
        taken = handover.take()
        assert taken is not None
        assert taken.address == ("2001:db8::7", 1024 + number)
        assert taken.is_tls
        assert os.get_inheritable(taken.client.fileno()) is False
        taken.client.sendall(b"%d" % number)
        assert pairs[number][1].recv(8) == b"%d" % number
        taken.client.close()
    assert handover.take() is None
    for theirs, ours in pairs:
        theirs.close()
        ours.close()
