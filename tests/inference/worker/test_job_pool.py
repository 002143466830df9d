"""The pool of job processes: while it grows, and when one of them ends."""

import subprocess
import sys

PROGRAM = """
import os
import signal
import time
from billiard.process import BaseProcess
from inference.worker.job_pool import JobPool

start = BaseProcess.start

def start_slowly(self):
    time.sleep(1.5)  # the supervisor is told of it meanwhile
    start(self)

pool = JobPool.BlockingPool(1, threads=True)
BaseProcess.start = start_slowly
pool.grow()
pool.maintain_pool()
time.sleep(1.0)
print(pool._worker_handler.is_alive(), pool.apply(sum, ([1, 2],)))
BaseProcess.start = start
# By now it looks of its own accord every half minute.
before = {one.pid for one in pool._pool}
began = time.monotonic()
os.kill(min(before), signal.SIGKILL)
while len({one.pid for one in pool._pool} - before) < 1:
    time.sleep(0.01)
print(time.monotonic() - began < 10, pool.apply(sum, ([1, 2],)))
pool.terminate()
pool.join()
"""


def test_one_that_is_being_started_is_not_taken_for_ended_and_one_that_ended_is_replaced() -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=100, check=False
    )
    assert run.stdout == "True 3\nTrue 3\n", run.stderr
