"""Which of several receiving processes takes the next connection."""

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dicom_node.network.connection_slots import ConnectionSlots
from dicom_node.network.listening import Listeners, open_listeners
from storage.settings import Settings
from tests.dicom_node.network.another_process import another_process, forked


@pytest.fixture
def listeners(tmp_path: Path) -> Iterator[Listeners]:
    listeners = open_listeners(Settings(data_dir=tmp_path), 0, processes=2)
    yield listeners
    listeners.close()


@pytest.fixture
def listener(listeners: Listeners) -> socket.socket:
    assert listeners.listener is not None
    return listeners.listener


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
    slots = ConnectionSlots(8)
    with another_process(lambda: [slots.take() for _ in range(theirs)]):
        for _ in range(mine):
            slots.take()
        assert slots.is_ahead(2) == is_ahead


def test_what_a_process_gave_back_does_not_count() -> None:
    slots = ConnectionSlots(8)
    with another_process(slots.take):
        occupied = [slots.take() for _ in range(3)]
        for one in occupied[1:]:
            assert one is not None
            slots.give_back(one)
        assert not slots.is_ahead(2)


def test_one_that_is_ahead_takes_what_nobody_else_does(
    listeners: Listeners, listener: socket.socket, stopped: int
) -> None:
    listeners.slots.take()
    address = listener.getsockname()
    with socket.create_connection(address) as client:
        accepted = listeners.accept(listener, stopped)
        assert accepted is not None
        assert accepted[1] == client.getsockname()
        accepted[0].close()


def test_a_process_that_is_to_stop_waits_for_no_connection(
    listeners: Listeners, listener: socket.socket, stopped: int
) -> None:
    stopping = threading.Timer(0.05, os.eventfd_write, (stopped, 1))
    stopping.start()
    assert listeners.accept(listener, stopped) is None
    stopping.join()


def test_a_connection_is_taken_by_one_of_two_processes(
    listeners: Listeners, listener: socket.socket, stopped: int
) -> None:
    listeners.slots.take()
    with socket.create_connection(listener.getsockname()):
        taken, taker = socket.socketpair()

        def accept() -> None:
            # It is not ahead, and so takes what comes at once.
            accepted = listeners.accept(listener, stopped)
            # Who comes too late waits for the next one, which does not come.
            if accepted is not None:
                os.eventfd_write(stopped, 1)
            taker.send(b"0" if accepted is None else b"1")

        child = forked(accept)
        ours = listeners.accept(listener, stopped)
        if ours is not None:
            os.eventfd_write(stopped, 1)
        assert os.waitpid(child, 0)[1] == 0
        theirs = taken.recv(1)
        assert (ours is None) == (theirs == b"1")
        if ours is not None:
            ours[0].close()
        taken.close()
        taker.close()
