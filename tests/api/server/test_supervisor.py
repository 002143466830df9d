"""Real processes kept alive, and ended together, however the supervisor itself ends."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S

TICKING = """
import os, sys, time
print("born", os.getpid(), flush=True)
while True:
    time.sleep(0.05)
"""
CRASHING = "import sys; print('going down', flush=True); sys.exit(3)"
STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("born", os.getpid(), flush=True)
while True:
    time.sleep(0.05)
"""
# The supervisor as a program of its own; each role is the text of a Python program.
PROGRAM = """
import sys
from functools import partial
from api.server.supervisor import Role, Supervisor

def run(text):
    try:
        exec(text)
    except SystemExit as ended:
        return ended.code

grace_s, *programs = sys.argv[1:]
roles = [Role(f"role-{n}", partial(run, text)) for n, text in enumerate(programs)]
supervisor = Supervisor(roles, out=sys.stdout, grace_s=float(grace_s))
sys.exit(supervisor.run(on_ready=lambda: supervisor.say("ready")))
"""


@contextlib.contextmanager
def signals_as(handler: signal.Handlers) -> Iterator[None]:
    """What a program that is started meanwhile does on SIGHUP and SIGINT until it says otherwise.

    The suite itself may have been started by `nohup`, or in the background of a shell, whose
    programs ignore the one or the other.
    """
    before = {number: signal.signal(number, handler) for number in (signal.SIGHUP, signal.SIGINT)}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


class Supervised:
    def __init__(self, log: Path, grace_s: float, *programs: str) -> None:
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, str(grace_s), *programs],
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=Path(__file__).parents[3],
                start_new_session=True,
            )

    @property
    def text(self) -> str:
        return self.log.read_text()

    def born(self, role: str) -> list[int]:
        """Process ids that a role has told, in order."""
        lines = (line.partition(" | ") for line in self.text.splitlines())
        return [
            int(stated.split()[1])
            for name, _, stated in lines
            if name.strip() == role and stated.startswith("born")
        ]

    def wait_for(self, look: Callable[[], bool], limit_s: float = PATIENCE_S) -> None:
        deadline = time.monotonic() + limit_s
        while not look():
            assert time.monotonic() < deadline, self.text
            time.sleep(0.02)


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Callable[..., Supervised]]:
    started: list[Supervised] = []

    def start(*programs: str, grace_s: float = 5) -> Supervised:
        with signals_as(signal.SIG_DFL):
            started.append(Supervised(tmp_path / f"{len(started)}.log", grace_s, *programs))
        return started[-1]

    yield start
    for one in started:
        children = [pid for role in ("role-0", "role-1") for pid in one.born(role)]
        with contextlib.suppress(ProcessLookupError):
            one.process.kill()
        one.process.wait()
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_lines_carry_the_name_of_their_role(supervise: Callable[..., Supervised]) -> None:
    one = supervise(TICKING, TICKING)
    one.wait_for(lambda: bool(one.born("role-0") and one.born("role-1")))
    assert "mediview | ready" in one.text.replace("  ", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_all_end_when_asked(supervise: Callable[..., Supervised], number: int) -> None:
    one = supervise(TICKING, TICKING)
    one.wait_for(lambda: bool(one.born("role-0") and one.born("role-1")))
    one.process.send_signal(number)
    assert one.process.wait(PATIENCE_S) == 0
    assert not any(is_running(pid) for pid in one.born("role-0") + one.born("role-1"))


def test_under_nohup_the_end_of_the_terminal_is_not_the_end(tmp_path: Path) -> None:
    with signals_as(signal.SIG_IGN):
        one = Supervised(tmp_path / "nohup.log", 5, TICKING)
    one.wait_for(lambda: bool(one.born("role-0")))
    one.process.send_signal(signal.SIGHUP)
    os.kill(one.born("role-0")[0], signal.SIGKILL)
    one.wait_for(lambda: len(one.born("role-0")) == 2)
    assert "stopping" not in one.text
    one.process.send_signal(signal.SIGTERM)
    assert one.process.wait(PATIENCE_S) == 0


def test_a_killed_child_is_started_again_and_the_other_left_alone(
    supervise: Callable[..., Supervised],
) -> None:
    one = supervise(TICKING, TICKING)
    one.wait_for(lambda: bool(one.born("role-0") and one.born("role-1")))
    os.kill(one.born("role-0")[0], signal.SIGKILL)
    one.wait_for(lambda: len(one.born("role-0")) == 2)
    assert "role-0 was ended by SIGKILL; it starts again in 0.5 s" in one.text
    assert len(one.born("role-1")) == 1
    one.process.send_signal(signal.SIGTERM)
    assert one.process.wait(PATIENCE_S) == 0


def test_a_child_that_crashes_again_and_again_is_given_more_time(
    supervise: Callable[..., Supervised],
) -> None:
    one = supervise(CRASHING)
    one.wait_for(lambda: "again in 2 s" in one.text)
    waits = [line.rpartition(" in ")[2] for line in one.text.splitlines() if "again" in line]
    assert waits == ["0.5 s", "1 s", "2 s"]
    assert "role-0 ended with status 3" in one.text


def test_a_child_that_does_not_end_is_killed_after_its_grace(
    supervise: Callable[..., Supervised],
) -> None:
    one = supervise(STUBBORN, grace_s=1)
    one.wait_for(lambda: bool(one.born("role-0")))
    one.process.send_signal(signal.SIGINT)
    assert one.process.wait(PATIENCE_S) == 1
    assert "did not end in time" in one.text
    assert not is_running(one.born("role-0")[0])


def test_a_second_ctrl_c_does_not_wait(supervise: Callable[..., Supervised]) -> None:
    one = supervise(STUBBORN, grace_s=60)
    one.wait_for(lambda: bool(one.born("role-0")))
    one.process.send_signal(signal.SIGINT)
    one.wait_for(lambda: "stopping" in one.text)
    begin = time.monotonic()
    one.process.send_signal(signal.SIGINT)
    one.process.wait(PATIENCE_S)
    assert time.monotonic() - begin < 20
    assert not is_running(one.born("role-0")[0])


def test_a_killed_supervisor_takes_its_children_along(
    supervise: Callable[..., Supervised],
) -> None:
    one = supervise(TICKING, TICKING)
    one.wait_for(lambda: bool(one.born("role-0") and one.born("role-1")))
    one.process.kill()
    one.wait_for(lambda: not any(map(is_running, one.born("role-0") + one.born("role-1"))))
