"""Processes that share a listening socket: each ends when asked, whenever that is."""

import subprocess
import sys

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
