"""Processes that share a listening socket: each ends when asked, whenever that is."""

import os
import resource
import signal
import subprocess
import sys
import threading
import time

import pytest

from storage.processes.stop_requests import StopRequests
from tests.patience import PATIENCE_S

GRACE_S = 8.0
ASKED_AS_IT_IS_FORKED = f"""
import os, signal, sys, time
from storage.processes.forked import Processes

# On one processor a child often begins only after its parent has asked it.
os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
asked = [False]

def ask():
    if not asked[0]:
        asked[0] = True
        os.kill(os.getpid(), signal.SIGTERM)

os.register_at_fork(after_in_parent=ask)

def work(number):
    time.sleep(60)
    return 0

for _ in range(40):
    asked[0] = False
    if Processes("test", 2, work, grace_s={GRACE_S}).run() != 0:
        sys.exit(3)
    assert asked[0]
"""
ENDED_UNHEARD = """
import os, signal, sys, time
from storage.processes.forked import Processes

signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
os.register_at_fork(after_in_parent=lambda: os.kill(os.getpid(), signal.SIGTERM))
sys.exit(Processes("test", 1, lambda _: time.sleep(60) or 0, grace_s=1.0).run())
"""


def test_a_process_that_is_asked_to_end_as_it_is_forked_hears_it() -> None:
    """Python forgets in a child what signals came before its first line (PyOS_AfterFork_Child)."""
    done = subprocess.run(
        [sys.executable, "-c", ASKED_AS_IT_IS_FORKED],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_process_that_ended_within_its_time_was_not_late_although_nobody_heard_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ENDED_UNHEARD],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_request_ends_a_wait_that_it_does_not_interrupt() -> None:
    """As one that comes after the last step of Python and before the kernel waits.

    Here the kernel gives it to another thread, which leaves the wait as it is, too.
    """

    def ask() -> None:
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGTERM)

    asked, begun = StopRequests(), time.monotonic()
    other = threading.Thread(target=ask)
    with asked.counting_signals():
        other.start()
        let_through = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        try:
            asked.pause(PATIENCE_S)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, let_through)
            other.join()
    assert asked.count == 1
    assert time.monotonic() - begun < PATIENCE_S


def test_a_process_with_more_than_1024_open_files_waits_as_any_other() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    opened: list[int] = []
    try:
        while not opened or opened[-1] < 1100:
            opened.append(os.open(os.devnull, os.O_RDONLY))
        asked, begun = StopRequests(), time.monotonic()
        asked.pause(0.2)
        assert 0.1 < time.monotonic() - begun < PATIENCE_S
    finally:
        for descriptor in opened:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_what_is_done_apart_leaves_nothing_behind() -> None:
    done = """
from storage.processes.forked import done_apart
made = []
print(done_apart("test", lambda: made.append("brought up") or print(made)), made)
"""
    output = subprocess.run(
        [sys.executable, "-c", done], check=False, capture_output=True, timeout=PATIENCE_S
    )
    assert output.stdout.decode().split("\n") == ["['brought up']", "True []", ""]


@pytest.mark.parametrize("end", ["1 // 0", "os.kill(os.getpid(), 9)", "sys.exit(3)"])
def test_what_could_not_be_done_apart_is_left_to_its_parent(end: str) -> None:
    done = (
        "import os, sys; from storage.processes.forked import done_apart;"
        f" print(done_apart('test', lambda: {end}))"
    )
    output = subprocess.run(
        [sys.executable, "-c", done], check=False, capture_output=True, timeout=PATIENCE_S
    )
    assert output.stdout == b"False\n"
