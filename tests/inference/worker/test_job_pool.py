"""The pool of job processes, while it grows."""

import subprocess
import sys

PROGRAM = """
import time
from billiard.process import BaseProcess
from inference.worker.job_pool import JobPool

start = BaseProcess.start

def start_slowly(self):
    time.sleep(1.5)  # the supervisor looks every 0.8 s
    start(self)

pool = JobPool.BlockingPool(1, threads=True)
BaseProcess.start = start_slowly
pool.grow()
pool.maintain_pool()
time.sleep(1.0)
print(pool._worker_handler.is_alive(), pool.apply(sum, ([1, 2],)))
pool.terminate()
pool.join()
"""


def test_a_process_that_is_being_started_is_not_taken_for_one_that_has_ended() -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=100, check=False
    )
    assert run.stdout == "True 3\n", run.stderr
