"""What `tests.ready_processes` forks behaves as what the system starts."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S
from tests.ready_processes import PROGRAM, ReadyPopen, run

_SERVER = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "0"]


def test_a_wrong_command_ends_and_says_so_as_usual(tmp_path: Path) -> None:
    environment = {**os.environ, "COLUMNS": "90", "NO_COLOR": "1"}
    forked = run(
        [PROGRAM, "nothing"], capture_output=True, text=True, cwd=tmp_path, env=environment
    )
    started = subprocess.run(
        [PROGRAM, "nothing"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        check=False,
    )
    assert forked.returncode == started.returncode == 2
    assert (forked.stdout, forked.stderr) == (started.stdout, started.stderr)


def test_it_reads_what_it_is_given_and_has_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "looks.py").write_text(
        "import os, sys, warnings\n"
        "print(os.getcwd(), sys.argv[1:], os.environ['GIVEN'], 'HOME' in os.environ)\n"
        "open_files = sorted(os.listdir('/proc/self/fd'))[:-1]\n"
        "print(sys.stdin.read(), open_files, os.getsid(0) == os.getpid())\n"
        "warnings.warn('careful')\n"
    )
    process = ReadyPopen(
        [sys.executable, "-W", "error", "-m", "looks", "a b", "ä"],
        cwd=tmp_path,
        env={"GIVEN": "yes"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    output, errors = process.communicate("typed", timeout=PATIENCE_S)
    assert output.splitlines() == [
        f"{tmp_path} ['a b', 'ä'] yes False",
        "typed ['0', '1', '2'] True",
    ]
    assert process.returncode == 1
    assert "UserWarning: careful" in errors.splitlines()[-1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_it_is_waited_for_and_ended_by_signals(number: signal.Signals) -> None:
    process = ReadyPopen(_SERVER, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    with process:
        assert process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.01)
        process.send_signal(number)
        assert process.wait(PATIENCE_S) == -number
        assert process.poll() == -number
        assert not Path(f"/proc/{process.pid}").exists()
