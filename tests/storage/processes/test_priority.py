"""Who gets the processor where several processes want the same one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_COMPUTED = """
import os, sys, time
from storage.processes.priority import give_way
os.sched_setaffinity(0, {int(sys.argv[1])})
if sys.argv[2] == "gives way":
    give_way()
print("ready", flush=True)
sys.stdin.readline()
begun = time.process_time()
end = time.monotonic() + 2
while time.monotonic() < end:
    pass
print(time.process_time() - begun)
"""


@pytest.mark.parametrize("has_own_session", [False, True], ids=["same session", "own sessions"])
def test_what_gives_way_gets_a_third_of_another_process(has_own_session: bool) -> None:
    """As under `mediview up`, whose roles are sessions, and as below one terminal."""
    if has_own_session and not Path("/proc/self/autogroup").exists():
        pytest.skip("this kernel shares the processors out by process alone")
    processor = str(min(os.sched_getaffinity(0)))
    other, giving = (
        subprocess.Popen(
            [sys.executable, "-c", _COMPUTED, processor, manner],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=has_own_session,
        )
        for manner in ("as usual", "gives way")
    )
    for one in (other, giving):
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    for one in (other, giving):
        assert one.stdin is not None
        one.stdin.write("\n")
        one.stdin.flush()
    taken = [float(one.communicate(timeout=60)[0]) for one in (other, giving)]
    # What else computes here takes from both alike.
    assert taken[1] < 0.6 * taken[0], taken
