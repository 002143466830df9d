"""A program of which nothing is left when it has ended, or is ended.

It runs below a process that does nothing but wait for its end, or for that of who began it, and
then ends whatever the program has started. `storage.processes.descendants` says how.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from storage.processes.descendants import adopt_orphans, disown, end_adopted, end_below, end_tree
from storage.processes.descendants import own as own_child


class Contained:
    """Begins a Python module as a program; it has `given` at its standard input, and prints
    nothing. All of it ends with the block."""

    def __init__(self, module: str, *arguments: str, given: bytes = b"") -> None:
        self._command = [sys.executable, "-m", __name__, module, *arguments]
        self._given = given

    def __enter__(self) -> Self:
        with tempfile.TemporaryFile() as given:
            given.write(self._given)
            given.flush()
            given.seek(0)
            self._process = subprocess.Popen(
                [*self._command[:3], str(given.fileno()), *self._command[3:]],
                # Open as long as this process lives.
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                pass_fds=(given.fileno(),),
                # The terminal's Ctrl-C is for who began it, which then ends it.
                start_new_session=True,
            )
        own_child(self._process.pid)
        return self

    @property
    def pid(self) -> int:
        """Of the process that waits."""
        return self._process.pid

    def wait(self, limit_s: float) -> int:
        """The exit status of the program, other than 0 where it was ended.

        Raises subprocess.TimeoutExpired.
        """
        return self._process.wait(limit_s)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            end_tree(self._process.pid)
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        disown(self._process.pid)
        # Where the program has ended the process that waited for it.
        end_adopted()


def _keep(given: int, command: Sequence[str]) -> int:
    """Wait for the program, or the end of who began it; then end what is left."""
    adopt_orphans()
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    try:
        program = subprocess.Popen(
            [sys.executable, "-m", *command],
            stdin=given,
            stdout=subprocess.DEVNULL,
            preexec_fn=_default_signals,  # noqa: PLW1509 - there are no other threads
        )
        os.close(given)
        _wait(program)
        if program.poll() is None:
            end_tree(program.pid)
        status = program.wait()
    finally:
        end_below(os.getpid())
    return 0 if status == 0 else 1


def _default_signals() -> None:
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def _wait(program: "subprocess.Popen[bytes]") -> None:
    ended = os.pidfd_open(program.pid)
    try:
        poll = select.poll()
        poll.register(ended, select.POLLIN)
        poll.register(sys.stdin.fileno(), select.POLLIN | select.POLLHUP)
        with contextlib.suppress(InterruptedError):
            poll.poll()
    finally:
        os.close(ended)


if __name__ == "__main__":
    sys.exit(_keep(int(sys.argv[1]), sys.argv[2:]))
