"""Work that takes turns in one thread: what waits lets the others go on, and nothing is lost."""

import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import ContextVar

import pytest
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from dicom_node.network.shared_thread import SharedThread
from dicom_node.network.task_scheduler import TaskScheduler
from tests.dicom_node.conftest import Node
from tests.faults.pushing import Batch, Sent
from tests.faults.raw_peer import RawPeer, store_message
from tests.patience import PATIENCE_S

_WHO = ContextVar("who", default="nobody")
_TRIES = 40


@pytest.fixture
def shared() -> Iterator[SharedThread]:
    thread = SharedThread()
    yield thread
    thread.stop()
    assert "scp-shared" not in {each.name for each in threading.enumerate()}


@pytest.fixture
def people() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as threads:
        yield threads


def test_all_work_runs_in_one_thread_with_the_context_of_who_brought_it(
    shared: SharedThread, people: ThreadPoolExecutor
) -> None:
    seen: dict[str, tuple[str, str]] = {}

    def bring(name: str) -> None:
        def work() -> None:
            shared.yield_to_others()
            seen[name] = (_WHO.get(), threading.current_thread().name)

        _WHO.set(name)
        assert shared.run(work)

    names = [f"peer {n}" for n in range(8)]
    list(people.map(bring, names))

    assert seen == {name: (name, "scp-shared") for name in names}
    assert _WHO.get() == "nobody"


def test_who_waits_for_bytes_lets_the_others_go_on(
    shared: SharedThread, people: ThreadPoolExecutor
) -> None:
    ours, theirs = socket.socketpair()
    stated: list[bytes] = []

    def listen() -> None:
        assert shared.wait_for(ours, select.EPOLLIN, PATIENCE_S)
        stated.append(ours.recv(10, socket.MSG_DONTWAIT))

    with ours, theirs:
        waiting = people.submit(shared.run, listen)
        # Each comes and goes while the first waits.
        assert all(shared.run(lambda: None) for _ in range(_TRIES))
        assert not waiting.done()
        theirs.send(b"here")
        assert waiting.result(PATIENCE_S)
    assert stated == [b"here"]


def test_a_socket_that_takes_no_more_is_waited_for_and_then_read_from(
    shared: SharedThread, people: ThreadPoolExecutor
) -> None:
    ours, theirs = socket.socketpair()
    sent = 0

    def talk() -> None:
        nonlocal sent
        assert shared.wait_for(ours, select.EPOLLIN, PATIENCE_S)
        ours.recv(1)
        with suppress(BlockingIOError):
            while True:
                sent += ours.send(bytes(65536), socket.MSG_DONTWAIT)
        assert shared.wait_for(ours, select.EPOLLOUT, PATIENCE_S)
        assert shared.wait_for(ours, select.EPOLLIN, PATIENCE_S)

    with ours, theirs:
        talking = people.submit(shared.run, talk)
        theirs.send(b"x")
        while not sent or not shared.run(lambda: None):
            time.sleep(0.01)
        while sent:
            sent -= len(theirs.recv(65536))
        assert not talking.done()
        theirs.send(b"x")
        assert talking.result(PATIENCE_S)


def test_a_wait_ends_when_its_time_is_up(shared: SharedThread) -> None:
    ours, theirs = socket.socketpair()
    came: list[bool] = []
    started = time.monotonic()
    with ours, theirs:
        shared.run(lambda: came.append(shared.wait_for(ours, select.EPOLLIN, 0.3)))
    assert came == [False]
    assert 0.3 <= time.monotonic() - started < PATIENCE_S


def test_a_number_of_a_socket_that_was_given_out_again_is_watched_again(
    shared: SharedThread, people: ThreadPoolExecutor
) -> None:
    for _ in range(_TRIES):
        ours, theirs = socket.socketpair()
        with theirs:

            def listen(sock: socket.socket = ours) -> None:
                with sock:
                    assert shared.wait_for(sock, select.EPOLLIN, PATIENCE_S)

            waiting = people.submit(shared.run, listen)
            theirs.send(b"x")
            assert waiting.result(PATIENCE_S)


def test_what_fails_is_raised_where_it_was_brought_and_the_thread_goes_on(
    shared: SharedThread,
) -> None:
    def fail() -> None:
        raise ValueError("as it stands")

    with pytest.raises(ValueError, match="as it stands"):
        shared.run(fail)
    assert shared.run(lambda: None)


def test_who_kept_the_others_waiting_is_asked_not_to_come_again(shared: SharedThread) -> None:
    held_up: list[bool] = []

    def work() -> None:
        time.sleep(0.5)
        shared.yield_to_others()
        held_up.append(shared.current_task.is_slow)

    assert not shared.run(work)
    assert held_up == [True]
    assert shared.run(lambda: None), "others are not concerned"


def test_nobody_waits_for_ever_where_the_thread_itself_fails(
    shared: SharedThread, people: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        waiting = people.submit(
            shared.run, lambda: shared.wait_for(ours, select.EPOLLIN, PATIENCE_S) and None
        )
        assert shared.run(lambda: None)

        def broken(_: TaskScheduler) -> None:
            raise OSError("no more of it")

        monkeypatch.setattr(TaskScheduler, "_listen", broken)
        with pytest.raises(RuntimeError, match="has ended"):
            waiting.result(PATIENCE_S)
    assert not shared.run(lambda: None), "what comes later held_up in its own thread"


@pytest.mark.parametrize("attempt", range(_TRIES))
def test_work_that_was_brought_before_the_end_is_done(
    people: ThreadPoolExecutor, attempt: int
) -> None:
    shared = SharedThread()
    done: list[int] = []
    brought = [people.submit(shared.run, lambda: done.append(1)) for _ in range(4)]
    shared.stop()
    taken = [one.result(PATIENCE_S) for one in brought]
    assert len(done) == sum(taken)


def test_instances_of_threads_and_of_the_shared_thread_are_committed_together(
    node: Node, shared: SharedThread, people: ThreadPoolExecutor
) -> None:
    """Leaders come from either side; every instance is kept, whoever did the work."""
    batches = [Batch(seed) for seed in range(8)]

    def keep(batch: Batch) -> None:
        for _ in range(_TRIES):
            one = batch.make()
            node.storage.ingest.accept_dimse(
                one.data_set,
                sop_class_uid=CTImageStorage,
                sop_instance_uid=one.sop_instance_uid,
                transfer_syntax_uid=ExplicitVRLittleEndian,
                calling_ae_title="PEER",
            )

    def together(batch: Batch) -> None:
        assert shared.run(lambda: keep(batch)) in (True, False)

    kept = [
        people.submit(keep if number % 2 else together, batch)
        for number, batch in enumerate(batches)
    ]
    for one in kept:
        one.result(PATIENCE_S)

    assert node.instance_count == _TRIES * len(batches)


def test_only_who_goes_on_storing_shares_and_a_long_instance_is_received_alone(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    run = SharedThread.run

    def noted(self: SharedThread, work: Callable[[], None]) -> bool:
        steps.append("came")
        try:
            return run(self, work)
        finally:
            steps.append("left")

    monkeypatch.setattr(SharedThread, "run", noted)
    small, large = Batch(1), Batch(2, side=1000)
    with RawPeer(node.port) as first, RawPeer(node.port) as second:
        for peer in (first, second):
            peer.associate()
            assert _store(peer, small.make()) == 0
        assert not steps
        while not steps:
            assert _store(first, small.make()) == 0
        long = large.make()
        message = store_message(1, CTImageStorage, long.sop_instance_uid, long.data_set)
        first.send(message[:-1000])
        while steps[-1] != "left":
            time.sleep(0.01)
        first.send(message[-1000:])
        assert first.status() == 0
    assert node.data_set(long.sop_instance_uid) == long.data_set


def _store(peer: RawPeer, one: Sent) -> int:
    return peer.store(one.sop_instance_uid, one.data_set)
