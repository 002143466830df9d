"""Messages in a folder: none lost, none doubled, none half, with several takers at once."""

import errno
import os
import signal
import threading
import time
from pathlib import Path
from queue import Empty

import pytest
from kombu import Connection, Message
from kombu.simple import SimpleQueue

from inference.broker.file_broker import TRANSPORT, Transport, prepare_folder
from storage.processes.stop_requests import readable_at_signals
from tests.inference.orchestration import wait_for


def connection(folder: Path) -> Connection:
    options = {
        "data_folder_in": str(folder),
        "data_folder_out": str(folder),
        # Otherwise kombu keeps its exchanges in the working directory, where runs meet.
        "control_folder": str(folder.parent / "control"),
    }
    return Connection("filesystem://", transport=TRANSPORT, transport_options=options)


def take_all(folder: Path, queue: str) -> list[str]:
    taken: list[str] = []
    found_nothing = 0
    with connection(folder) as broker, broker.SimpleQueue(queue) as waiting:
        # A second look, for a machine that stands still for longer than the first takes.
        while found_nothing < 2:
            try:
                message = waiting.get(timeout=0.5)
            except Empty:
                found_nothing += 1
                continue
            message.ack()
            taken.append(message.payload)
    return taken


def next_of(waiting: SimpleQueue) -> Message | None:
    try:
        return waiting.get(timeout=0.5)
    except Empty:
        return None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    # Kombu binds a queue once a process; another test's binding lies in another folder.
    Transport.global_state.clear()
    folder = tmp_path / "messages"
    prepare_folder(folder)
    return folder


def put(folder: Path, queue: str, *payloads: str) -> None:
    with connection(folder) as broker, broker.SimpleQueue(queue) as waiting:
        for payload in payloads:
            waiting.put(payload)


def test_messages_come_in_the_order_in_which_they_were_sent(folder: Path) -> None:
    put(folder, "jobs", *(f"job {number}" for number in range(50)))
    assert take_all(folder, "jobs") == [f"job {number}" for number in range(50)]
    assert list(folder.iterdir()) == []


def test_queues_do_not_mix(folder: Path) -> None:
    put(folder, "jobs", "a job")
    put(folder, "control", "a tick")
    assert take_all(folder, "control") == ["a tick"]
    assert take_all(folder, "jobs") == ["a job"]


def test_several_takers_and_senders_lose_and_double_nothing(folder: Path) -> None:
    taken: list[list[str]] = []
    takers = [
        threading.Thread(target=lambda: taken.append(take_all(folder, "jobs"))) for _ in range(3)
    ]
    senders = [
        threading.Thread(
            target=put, args=(folder, "jobs", *(f"{sender}-{number}" for number in range(100)))
        )
        for sender in range(3)
    ]
    for thread in (*senders, *takers):
        thread.start()
    for thread in (*senders, *takers):
        thread.join()
    # Takers go when they find nothing for a while; a slow sender's rest is still there.
    taken.append(take_all(folder, "jobs"))
    everything = sorted(payload for some in taken for payload in some)
    assert everything == sorted(
        f"{sender}-{number}" for sender in range(3) for number in range(100)
    )


def test_messages_arrive_where_the_system_has_no_watch_left(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("inotify_simple.INotify", refuse)
    sender = threading.Timer(0.2, put, (folder, "jobs", "a job"))
    with connection(folder) as broker, broker.SimpleQueue("jobs") as waiting:
        sender.start()
        message = wait_for(lambda: next_of(waiting), "the message")
        message.ack()
        assert message.payload == "a job"
    sender.join()


def test_a_broken_message_is_dropped_and_the_next_one_is_taken(folder: Path) -> None:
    (folder / "00000000000000000000_broken.jobs.msg").write_text('{"body": "')
    put(folder, "jobs", "a job")
    assert take_all(folder, "jobs") == ["a job"]


def test_what_a_killed_process_left_is_swept_at_the_next_start(folder: Path) -> None:
    old, new = folder / "1_a.jobs.part", folder / "2_b.jobs.msg.taken"
    for path in (old, new):
        path.write_text("{}")
    os.utime(old, (0, 0))
    prepare_folder(folder)
    assert [path.name for path in folder.iterdir()] == [new.name]


def test_a_wait_is_long_until_a_signal_ends_it_and_short_afterwards(folder: Path) -> None:
    with readable_at_signals() as woken_by, connection(folder) as broker:
        broker.transport_options["woken_by"] = woken_by
        with broker.SimpleQueue("jobs"):
            kept = signal.signal(signal.SIGUSR1, lambda *_: None)
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGUSR1)).start()
            began = time.monotonic()
            # As Celery does, which looks in between whether it should stop.
            for _ in range(2):
                with pytest.raises(TimeoutError):
                    broker.drain_events(timeout=0.05)
            signal.signal(signal.SIGUSR1, kept)
            assert 0.1 < time.monotonic() - began < 20
