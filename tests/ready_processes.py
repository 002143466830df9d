"""Processes of the node that begin where others have imported all that they need.

Each command and each role is a process of its own, whose first second or three go to imports that
are the same each time. `ReadyPopen` is `subprocess.Popen` for them, and `run` its `subprocess.run`:
the process is forked from one that has imported the node (`fork_server`), with the given arguments,
environment, folder and files, and can be waited for, read and killed as any other. What cannot be
forked so, because it wants another interpreter or library, is started as usual.
"""

import array
import atexit
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.patience import PATIENCE_S
from tests.processes import ENDING_WITH_US

ROOT = Path(__file__).parents[1]
PROGRAM = Path(sys.executable).with_name("mediview")
_MESSAGE_BYTES = 150_000
# The C library and the interpreter read these as they begin.
_READ_AT_START = ("LD_", "PYTHON", "MALLOC_", "TZ", "OPENBLAS_", "TERMINAL_WIDTH")
# The one is read in what is forked, and the other names what is found there anyway.
_NOT_AT_START = {"PYTHONUNBUFFERED", "PYTHONPATH"}


@dataclass(frozen=True)
class _Program:
    """A command line of ours: `mediview …`, `python -W … -m MODULE …` or `python -c CODE …`."""

    program: str
    run: str
    """The module or the code that it names; empty for the program itself."""
    arguments: list[str]
    warnings: list[str]
    ends_with_tests: bool


def _program(words: Sequence[object]) -> _Program | None:
    rest = [str(word) for word in words]
    ends_with_tests = tuple(rest[: len(ENDING_WITH_US)]) == ENDING_WITH_US
    if ends_with_tests:
        rest = rest[len(ENDING_WITH_US) :]
    if rest[0] == str(PROGRAM):
        return _Program(rest[0], "", rest[1:], [], ends_with_tests)
    if rest.pop(0) != sys.executable:
        return None
    warnings = []
    while rest[:1] == ["-W"]:
        warnings.append(rest[1])
        rest = rest[2:]
    if rest[:1] not in (["-m"], ["-c"]):
        return None
    return _Program(rest[0], rest[1], rest[2:], warnings, ends_with_tests)


class _Server:
    """The process that forks the others, until the tests end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.environment = dict(os.environ)
        with theirs:
            self._process = subprocess.Popen(
                [*ENDING_WITH_US, sys.executable, "-m", "tests.fork_server", str(theirs.fileno())],
                cwd=ROOT,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        atexit.register(self.close)
        if self._control.recv(16) != b"ready":
            raise RuntimeError("The process that forks the node's others did not begin.")

    def close(self) -> None:
        self._control.close()
        self._process.wait(PATIENCE_S)

    def can_begin(self, environment: dict[str, str]) -> bool:
        return all(
            environment.get(name) == self.environment.get(name)
            for name in environment.keys() | self.environment.keys()
            if name.startswith(_READ_AT_START) and name not in _NOT_AT_START
        )

    def fork(self, request: bytes, files: Sequence[int]) -> int:
        """The pid of the new process."""
        sent = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))]
        with self._lock:
            self._control.sendmsg([request], sent)
            answer = self._control.recv(32)
        if not answer:
            raise RuntimeError("The process that forks the node's others has ended.")
        return int(answer)


@cache
def _server() -> _Server:
    return _Server()


class ReadyPopen(subprocess.Popen[Any]):
    """`subprocess.Popen` of one of the node's programs."""

    _status_file: int | None = None

    def _execute_child(self, args: Any, executable: Any, *others: Any) -> None:
        (preexec, _, passed, cwd, environment, _, _, shell), files = others[:8], others[8:14]
        (_, gid, gids, uid, umask, new_session, group) = others[14:]
        program = None if shell or isinstance(args, (str, bytes)) else _program(args)
        environment = dict(os.environ if environment is None else environment)
        request = b""
        is_usual = executable is None and preexec is None and not passed and group == -1
        if program and is_usual and (gid, gids, uid) == (None, None, None) and umask < 0:
            request = json.dumps(
                {
                    **vars(program),
                    "cwd": os.fspath(cwd or Path.cwd()),
                    "environment": environment,
                    "new_session": bool(new_session),
                },
                default=os.fspath,
            ).encode()
        if not 0 < len(request) < _MESSAGE_BYTES or not _server().can_begin(environment):
            super()._execute_child(args, executable, *others)  # type: ignore[misc]
            return
        stdin, _, _, stdout, _, stderr = files
        self._status_file, theirs = os.pipe()
        try:
            streams = [own if one == -1 else one for own, one in enumerate((stdin, stdout, stderr))]
            self.pid = _server().fork(request, [*streams, theirs])
            self._child_created = True
        finally:
            os.close(theirs)
        self._close_pipe_fds(*files)  # type: ignore[attr-defined]

    def _internal_poll(self, *others: Any, **more: Any) -> int | None:
        if self._status_file is None:
            return super()._internal_poll(*others, **more)  # type: ignore[misc,no-any-return]
        self._ended_within(0)
        return self.returncode

    def _wait(self, timeout: float | None) -> int | None:
        if self._status_file is None:
            return super()._wait(timeout)  # type: ignore[misc,no-any-return]
        if not self._ended_within(timeout):
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return self.returncode

    def _ended_within(self, limit_s: float | None) -> bool:
        if self.returncode is not None:
            return True
        deadline = None if limit_s is None else time.monotonic() + limit_s
        while True:
            left_s = None if deadline is None else max(0.0, deadline - time.monotonic())
            with self._waitpid_lock:  # type: ignore[attr-defined]
                if self.returncode is not None:
                    return True
                # Another thread may want to look meanwhile.
                part_s = 0.1 if left_s is None else min(left_s, 0.1)
                if select.select([self._status_file], [], [], part_s)[0]:
                    status = os.read(self._status_file or 0, 16)
                    os.close(self._status_file or 0)
                    # Who gives statuses has ended, and all that it forked with it.
                    self.returncode = int(status) if status else -9
                    return True
            if left_s is not None and left_s <= 0.1:
                return False


def run(
    words: Sequence[object],
    *,
    timeout: float = PATIENCE_S,
    check: bool = False,
    capture_output: bool = False,
    input: str | bytes | None = None,
    **options: Any,
) -> subprocess.CompletedProcess[Any]:
    """`subprocess.run` of one of the node's programs."""
    if capture_output:
        options |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    if input is not None:
        options["stdin"] = subprocess.PIPE
    with ReadyPopen([str(word) for word in words], **options) as process:
        try:
            output, errors = process.communicate(input, timeout=timeout)
        except BaseException:
            process.kill()
            raise
    ended = subprocess.CompletedProcess(process.args, process.returncode, output, errors)
    if check:
        ended.check_returncode()
    return ended
