"""Of a program that leaves its session, its group and its parent, nothing is left."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from storage.processes.contained import Contained
from storage.processes.descendants import end_below, end_tree
from tests.patience import PATIENCE_S

# Leaves in three ways, and says where it went; the last starts others as fast as it can.
_LEAVING = """
import os, signal, sys, time
def leave(name, work):
    if os.fork():
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for fd in range(3):
        os.close(fd)
    open(os.path.join(sys.argv[1], name), "w").write(str(os.getpid()))
    work()
def wait():
    while True:
        time.sleep(60)
def multiply():
    until = time.time() + 60
    while time.time() < until:
        if os.fork():
            os._exit(0)
        open(os.path.join(sys.argv[1], "late"), "w").write(str(os.getpid()))
        time.sleep(0.02)
leave("quiet", wait)
leave("restless", multiply)
while len(os.listdir(sys.argv[1])) < 3:
    time.sleep(0.01)
"""


def program(folder: Path, end: str) -> str:
    path = folder / "leaving_program.py"
    path.write_text(_LEAVING + end)
    return path.stem


def begun(folder: Path) -> list[int]:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        found = [path.read_text() for path in folder.iterdir()]
        if len(found) == 3 and all(found):
            return [int(one) for one in found]
        time.sleep(0.02)
    raise AssertionError("the program did not begin")


def living(folder: Path) -> list[int]:
    """By what they have open: the numbers of those that multiply are new ones each time."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            line = (path / "cmdline").read_bytes()
            state = (path / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if str(folder).encode() in line and state != "Z":
            found.append(int(path.name))
    return found


def left_by(worker: str, folder: Path) -> int:
    """How many live of a worker and what it started, once it says that it has ended the others."""
    with subprocess.Popen([sys.executable, "-c", worker, folder], stdout=subprocess.PIPE) as begun:
        try:
            assert begun.stdout is not None
            assert begun.stdout.readline() == b"ended\n"
            return len(living(folder))
        finally:
            end_tree(begun.pid)


@pytest.mark.parametrize(
    ("how", "end"),
    [
        ("by itself", "sys.exit(0)"),
        ("by a crash", "os.abort()"),
        ("by its limit", "time.sleep(60)"),
        ("after its keeper", "os.kill(os.getppid(), signal.SIGSTOP); time.sleep(60)"),
    ],
)
def test_what_a_program_started_ends_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, end: str
) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}")
    with Contained(program(tmp_path, end), str(marks)) as contained:
        begun(marks)
        if how in ("by its limit", "after its keeper"):
            with pytest.raises(subprocess.TimeoutExpired):
                contained.wait(0.1)
        else:
            assert contained.wait(60) == (0 if how == "by itself" else 1)
    # A process that was killed goes once it is given the processor again.
    deadline = time.monotonic() + PATIENCE_S
    while living(marks) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert living(marks) == []


def test_it_ends_with_the_one_who_began_it(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    name = program(tmp_path, "time.sleep(60)")
    beginning = (
        "import sys, time\n"
        "from storage.processes.contained import Contained\n"
        f"with Contained({name!r}, {str(marks)!r}):\n"
        "    print('begun', flush=True)\n"
        "    time.sleep(60)\n"
    )
    path = f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"
    with subprocess.Popen(
        [sys.executable, "-c", beginning],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    ) as begin:
        begun(marks)
        begin.send_signal(signal.SIGKILL)
        begin.wait()
    until = time.monotonic() + 30
    while living(marks) and time.monotonic() < until:
        time.sleep(0.05)
    assert living(marks) == []


def test_what_a_program_is_given_it_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "reading_program.py").write_text(
        "import sys\nopen(sys.argv[1], 'wb').write(sys.stdin.buffer.read()[::-1])\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}")
    given = bytes(range(256)) * 4096
    with Contained("reading_program", str(tmp_path / "found"), given=given) as contained:
        assert contained.wait(60) == 0
    assert (tmp_path / "found").read_bytes() == given[::-1]


def test_what_a_job_left_is_ended_and_what_belongs_to_the_worker_stays(tmp_path: Path) -> None:
    """In a process of its own: whatever else a worker has below it is a model's."""
    worker = """
import os, subprocess, sys, time
from storage.processes.descendants import begin_adopting, end_adopted, own
begin_adopting()
own(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", sys.argv[1]]).pid)
model = subprocess.Popen([sys.executable, "-c", '''
import os, sys, time
if not os.fork():
    os.setsid()
    open(sys.argv[1] + "/left", "w").close()
    time.sleep(60)
''', sys.argv[1]])
model.wait()
while not os.path.exists(sys.argv[1] + "/left"):
    time.sleep(0.01)
end_adopted()
print("ended", flush=True)
time.sleep(60)
"""
    # The worker, and what belongs to it.
    assert left_by(worker, tmp_path) == 2
    assert living(tmp_path) == []


def test_what_was_there_before_adopting_began_stays_and_so_does_what_comes_after_it(
    tmp_path: Path,
) -> None:
    worker = """
import os, subprocess, sys, time
from storage.processes.descendants import begin_adopting, end_adopted, end_adopting
def start():
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", sys.argv[1]])
start()
begin_adopting()
start()
end_adopting()
start()
end_adopted()
print("ended", flush=True)
time.sleep(60)
"""
    assert left_by(worker, tmp_path) == 3


def test_a_process_without_children_is_left_at_once() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        end_below(process.pid)
        assert process.poll() is None
        process.communicate(b"\n")
        assert process.returncode == 0
