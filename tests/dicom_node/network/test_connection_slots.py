"""Which of several receiving processes takes the next connection."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dicom_node.network.connection_slots import Places
from dicom_node.network.listening import Doors, open_doors
from storage.settings import Settings


@contextmanager
def another_process_with(places: Places, count: int) -> Iterator[None]:
    """Forks; the child holds so many places until the block ends."""
    taken, told = os.pipe()
    waits, ends = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ends)
        for _ in range(count):
            places.take()
        os.write(told, b".")
        os.read(waits, 1)
        os._exit(0)
    os.read(taken, 1)
    try:
        yield
    finally:
        os.close(ends)
        os.waitpid(child, 0)
        for fd in (taken, told, waits):
            os.close(fd)


@pytest.fixture
def doors(tmp_path: Path) -> Iterator[Doors]:
    doors = open_doors(Settings(data_dir=tmp_path), 0, processes=2)
    yield doors
    doors.close()


@pytest.mark.parametrize(
    ("mine", "theirs", "is_ahead"), [(0, 0, False), (1, 0, True), (1, 1, False), (1, 2, False)]
)
def test_a_process_is_ahead_of_one_that_holds_fewer(mine: int, theirs: int, is_ahead: bool) -> None:
    places = Places(8)
    with another_process_with(places, theirs):
        for _ in range(mine):
            places.take()
        assert places.is_ahead(2) == is_ahead


def test_what_a_process_gave_back_does_not_count() -> None:
    places = Places(8)
    with another_process_with(places, 1):
        held = [places.take() for _ in range(3)]
        for one in held[1:]:
            assert one is not None
            places.give_back(one[0])
        assert not places.is_ahead(2)


def test_one_that_is_ahead_takes_what_nobody_else_does(doors: Doors) -> None:
    doors.places.take()
    address = doors.listener.getsockname()
    with socket.create_connection(address) as client:
        accepted = doors.accept(doors.listener)
        assert accepted is not None
        assert accepted[1] == client.getsockname()
        accepted[0].close()


def test_a_connection_is_taken_by_one_of_two_processes(doors: Doors) -> None:
    doors.places.take()
    with socket.create_connection(doors.listener.getsockname()):
        taken, taker = socket.socketpair()
        child = os.fork()
        if child == 0:
            # It is not ahead, and so takes what comes at once.
            taker.send(b"1" if doors.accept(doors.listener) else b"0")
            os._exit(0)
        ours = doors.accept(doors.listener)
        os.waitpid(child, 0)
        theirs = taken.recv(1)
        assert (ours is None) == (theirs == b"1")
        if ours is not None:
            ours[0].close()
        taken.close()
        taker.close()
