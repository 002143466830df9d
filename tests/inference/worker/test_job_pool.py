"""The pool of job processes: while it grows, and when one of them ends."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from inference.worker import job_pool
from inference.worker.job_pool import JobPool

PROGRAM = """
import os
import signal
import threading
import time
from billiard.process import BaseProcess
from inference.worker import job_pool
from inference.worker.job_pool import JobPool

# Its first second is no subject here.
job_pool._LOOK_S = job_pool._START_LOOK_S = 0.01

def until(holds):
    began = time.monotonic()
    while not holds() and time.monotonic() - began < 20:
        time.sleep(0.005)
    return holds()

maintain = JobPool.BlockingPool._maintain_pool
looking = set()

def maintain_noted(self):
    looking.add(threading.get_ident())
    maintain(self)
    looking.discard(threading.get_ident())

start = BaseProcess.start

def start_slowly(self):
    until(lambda: len(looking) == 2)  # both threads, as the supervisor is told of it
    time.sleep(0.05)
    start(self)

wait = job_pool._Supervisor._wait
waits_s = []

def wait_noted(self, at_most_s):
    waits_s.append(at_most_s)
    wait(self, at_most_s)

job_pool._Supervisor._wait = wait_noted
JobPool.BlockingPool._maintain_pool = maintain_noted
pool = JobPool.BlockingPool(1, threads=True)
BaseProcess.start = start_slowly
pool.grow()
pool.maintain_pool()
print(pool._worker_handler.is_alive(), pool.apply(sum, ([1, 2],)))
BaseProcess.start = start
# From then on it looks of its own accord every half minute.
until(lambda: waits_s[-1] == job_pool._IDLE_LOOK_S)
before = {one.pid for one in pool._pool}
os.kill(min(before), signal.SIGKILL)
print(bool(until(lambda: {one.pid for one in pool._pool} - before)), pool.apply(sum, ([1, 2],)))
pool.terminate()
pool.join()
"""


def test_one_that_is_being_started_is_not_taken_for_ended_and_one_that_ended_is_replaced() -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=100, check=False
    )
    assert run.stdout == "True 3\nTrue 3\n", run.stderr


def test_for_one_that_is_being_started_it_looks_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_pool, "_LOOK_S", 0.001)
    starting = SimpleNamespace(_pool=[SimpleNamespace(pid=None)])
    JobPool.BlockingPool.Supervisor(starting)._wait(60.0)
