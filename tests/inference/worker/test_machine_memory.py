"""Models do not take the last memory of the machine."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from inference.machine_memory import (
    anonymous_memory_bytes,
    available_memory_bytes,
    job_memory_bytes,
    memory_of_machine_bytes,
)
from inference.running_jobs import Running, RunningJobs
from inference.worker import job_watch
from inference.worker.job_watch import JobWatch
from storage.processes.descendants import end_tree
from storage.settings import load_settings
from tests.inference.worker.test_endless_jobs import sleeping


@pytest.mark.parametrize(("free", "ends"), [(0.04, True), (0.06, False)])
def test_the_largest_job_ends_before_the_machine_has_no_memory_left(
    monkeypatch: pytest.MonkeyPatch, free: float, ends: bool
) -> None:
    machine_bytes = job_watch.memory_of_machine_bytes()
    table = RunningJobs()
    watch = JobWatch(load_settings(), table)
    with sleeping() as large, sleeping() as small:
        used = {large.pid: 3 << 30, small.pid: 2 << 30}
        monkeypatch.setattr(job_watch, "available_memory_bytes", lambda: int(free * machine_bytes))
        monkeypatch.setattr(job_watch, "job_memory_bytes", used.__getitem__)
        begun_s = time.monotonic()
        one = Running(large.pid, "job", "j", "o", "m 1", begun_s, 10.0)
        other = Running(small.pid, "job", "k", "o", "m 1", begun_s, 10.0)
        table.add(one)
        table.add(other)
        watch.look(begun_s)
        if ends:
            assert large.wait() == -signal.SIGKILL
        with pytest.raises(subprocess.TimeoutExpired):
            small.wait(0.2)
    noted = replace(one, ended_because="memory", limit_bytes=3 << 30, is_tried_again=True)
    assert [entry for _, entry in table.entries()] == [one, other, *([noted] if ends else [])]


@contextmanager
def holding(taking: str) -> Iterator[int]:
    """A process that has done that with 100 MiB, and what it has started."""
    code = f"size = 100 << 20\n{taking}\nprint('held', flush=True)\nimport time\ntime.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"held\n"
            yield process.pid
        finally:
            end_tree(process.pid)


def test_memory_that_is_a_file_in_memory_counts() -> None:
    shared = (
        "import mmap, tempfile\n"
        "file = tempfile.TemporaryFile(dir='/dev/shm')\n"
        "file.truncate(size)\n"
        "held = mmap.mmap(file.fileno(), size)\n"
        "held.write(b'x' * size)"
    )
    with holding(shared) as pid:
        assert anonymous_memory_bytes(pid) > 100 << 20


def test_memory_of_what_a_job_has_started_is_the_jobs() -> None:
    with holding("import os\nif os.fork(): os.wait()\nheld = b'x' * size") as pid:
        assert anonymous_memory_bytes(pid) < 50 << 20
        assert job_memory_bytes(pid) > 100 << 20


def test_what_is_left_of_memory_is_what_the_kernel_says() -> None:
    stated = subprocess.run(["free", "-b"], capture_output=True, text=True, check=True).stdout
    available = int(stated.splitlines()[1].split()[6])
    assert available_memory_bytes() == pytest.approx(available, rel=0.2)
    assert available_memory_bytes() < memory_of_machine_bytes()
