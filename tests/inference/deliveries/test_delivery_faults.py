"""What a PACS does to those who send to it: refuse, crawl, hang up, be full, come back."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import httpx
import numpy as np
import pytest

from inference.deliveries.service import deliver_due
from storage.core.clock import utcnow
from storage.deliveries.listing import DeliveryFilter, list_deliveries, retry_now
from storage.settings import Destination
from tests import builders
from tests.api.client import part10
from tests.inference.deliveries.test_delivery import deliveries, make_due, node, with_results
from tests.patience import PATIENCE_S
from tests.services import free_port, orthanc

Pump = Callable[[socket.socket, socket.socket], None]


def straight(source: socket.socket, target: socket.socket) -> None:
    while data := source.recv(65536):
        target.sendall(data)


def slowly(source: socket.socket, target: socket.socket) -> None:
    """A few bytes at a time, each in a segment of its own."""
    while data := source.recv(512):
        for begin in range(0, len(data), 64):
            target.sendall(data[begin : begin + 64])


def hanging_up_after(count: int) -> Pump:
    """Both sides hear nothing more once `count` bytes have passed."""

    def pump(source: socket.socket, target: socket.socket) -> None:
        passed = 0
        while data := source.recv(1024):
            passed += len(data)
            if passed > count:
                return
            target.sendall(data)

    return pump


@contextmanager
def line_to(port: int, pump: Pump) -> Iterator[int]:
    """A port whose connections go through `pump` on their way to `port`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        done = threading.Event()
        threads: list[threading.Thread] = []
        ends: list[socket.socket] = []

        def one_way(way: Pump, source: socket.socket, target: socket.socket) -> None:
            try:
                with suppress(OSError):
                    way(source, target)
            finally:
                for end in (source, target):
                    with suppress(OSError):
                        end.shutdown(socket.SHUT_RDWR)

        def serve() -> None:
            while not done.is_set():
                try:
                    caller, _ = listener.accept()
                except TimeoutError:
                    continue
                called = socket.create_connection(("127.0.0.1", port))
                ends.extend((caller, called))
                for way, source, target in ((pump, caller, called), (straight, called, caller)):
                    thread = threading.Thread(target=one_way, args=(way, source, target))
                    thread.start()
                    threads.append(thread)

        server = threading.Thread(target=serve)
        server.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            done.set()
            server.join()
            for end in ends:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join(timeout=PATIENCE_S)
            for end in ends:
                end.close()


def test_a_pacs_that_is_down_is_called_once_for_all_that_waits_for_it(tmp_path: Path) -> None:
    port = free_port()
    with node(tmp_path, Destination("pacs", "ORTHANC", "127.0.0.1", port)) as storage:
        for name in "abc":
            with_results(storage, name)
        assert deliver_due(storage, utcnow(), "sender") == 0
        (breaker,) = storage.circuit_breakers.all()
        assert (breaker.destination, breaker.failures) == ("pacs", 1)
        assert "cannot be reached" in breaker.last_error
        # One study was tried; the others wait for the destination, not for a time of their own.
        assert sorted(one.attempts for name in "abc" for one in deliveries(storage, name)) == [
            0, 0, 0, 0, 1, 1,
        ]  # fmt: skip
        assert storage.deliveries.due_count(utcnow()) == 0
        make_due(storage)
        assert deliver_due(storage, utcnow(), "sender") == 0
        assert storage.circuit_breakers.all()[0].failures == 2
        with orthanc(tmp_path, port=port) as pacs:
            make_due(storage)
            assert deliver_due(storage, utcnow(), "sender") == 6
            assert storage.circuit_breakers.all() == []
            assert len(pacs.get("/instances")) == 6


def test_the_button_calls_at_once(tmp_path: Path) -> None:
    port = free_port()
    with node(tmp_path, Destination("pacs", "ORTHANC", "127.0.0.1", port)) as storage:
        with_results(storage)
        deliver_due(storage, utcnow(), "sender")
        with orthanc(tmp_path, port=port):
            assert deliver_due(storage, utcnow(), "sender") == 0
            assert retry_now(storage.engine, DeliveryFilter(destination="pacs")) == 2
            assert deliver_due(storage, utcnow(), "sender") == 2


def test_one_alone_tries_what_was_out_of_reach(tmp_path: Path) -> None:
    with node(tmp_path) as storage:
        now = utcnow()
        later = now + timedelta(seconds=60)
        assert storage.circuit_breakers.may_try("pacs", now, later)
        storage.circuit_breakers.failed("pacs", "down", now)
        assert [storage.circuit_breakers.may_try("pacs", now, later) for _ in range(3)] == [
            True, False, False,
        ]  # fmt: skip
        assert storage.circuit_breakers.may_try("other", now, later)


def test_a_pacs_that_refuses_says_so_in_the_reason(tmp_path: Path) -> None:
    options = {"DicomAlwaysAllowStore": False, "DicomAlwaysAllowEcho": False}
    with orthanc(tmp_path, options=options) as pacs:
        there = Destination("pacs", pacs.ae_title, pacs.host, pacs.port)
        with node(tmp_path, there) as storage:
            with_results(storage)
            for _ in range(5):
                assert deliver_due(storage, utcnow(), "sender") == 0
                make_due(storage)
            troubled, total = list_deliveries(
                storage.engine, DeliveryFilter(is_troubled=True), 10, 0
            )
            assert total == 2
            assert all(one.last_error for one in troubled)
            assert pacs.get("/instances") == []


def test_a_line_that_crawls_takes_its_time(tmp_path: Path) -> None:
    with (
        orthanc(tmp_path) as pacs,
        line_to(pacs.port, slowly) as port,
        node(tmp_path, Destination("pacs", pacs.ae_title, "127.0.0.1", port)) as storage,
    ):
        with_results(storage)
        assert deliver_due(storage, utcnow(), "sender") == 2
        assert {one.state for one in deliveries(storage)} == {"CONFIRMED"}


@pytest.mark.parametrize("count", [100, 3000, 9000])
def test_a_pacs_that_hangs_up_gets_the_rest_later_and_nothing_twice(
    tmp_path: Path, count: int
) -> None:
    with orthanc(tmp_path) as pacs:
        with line_to(pacs.port, hanging_up_after(count)) as port:
            there = Destination("pacs", pacs.ae_title, "127.0.0.1", port)
            with node(tmp_path, there) as storage:
                uids = with_results(storage)
                deliver_due(storage, utcnow(), "sender")
                assert {one.state for one in deliveries(storage)} != {"CONFIRMED"}
                assert all(one.last_error for one in deliveries(storage) if not one.sent_at)
        there = Destination("pacs", pacs.ae_title, pacs.host, pacs.port)
        with node(tmp_path, there) as storage:
            make_due(storage)
            deliver_due(storage, utcnow(), "sender")
            assert {one.state for one in deliveries(storage)} == {"CONFIRMED"}
            assert len(pacs.get("/instances")) == len(uids)


def test_a_pacs_that_is_full_gets_it_when_there_is_room(tmp_path: Path) -> None:
    full = {"MaximumStorageMode": "Reject", "MaximumStorageSize": 1}
    port = free_port()
    with node(tmp_path, Destination("pacs", "ORTHANC", "127.0.0.1", port)) as storage:
        with_results(storage)
        with orthanc(tmp_path, port=port, options=full) as pacs:
            # What is left of its megabyte is too little for any result.
            other = part10(builders.series(np.zeros((2, 512, 1022), np.int16))[0])
            assert len(other) < 1 << 20
            httpx.post(f"{pacs.url}/instances", content=other).raise_for_status()
            assert deliver_due(storage, utcnow(), "sender") == 0
            for one in deliveries(storage):
                assert one.state == "PENDING"
                assert one.last_error
            # It answers, so that it is not out of reach.
            assert storage.circuit_breakers.all() == []
        with orthanc(tmp_path, port=port) as pacs:
            make_due(storage)
            assert deliver_due(storage, utcnow(), "sender") == 2
            assert len(pacs.get("/instances")) == 3
