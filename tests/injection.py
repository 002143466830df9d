"""Errors and delays in the system calls of running processes, by strace."""

import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import TracebackType

import pytest

from tests.patience import PATIENCE_S


class Injection:
    """`calls` as strace's --inject has it: `fsync,fdatasync:error=EIO`. All threads are hit."""

    def __init__(self, process_ids: Iterable[int], calls: str) -> None:
        self._process_ids = list(process_ids)
        self._calls = calls
        self._strace: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when the processes are traced."""
        ids = [part for one in self._process_ids for part in ("-p", str(one))]
        # Without a word about calls, exits and signals.
        quiet = ["--quiet=all", "-e", "signal=none", "-o", "/dev/null"]
        self._strace = subprocess.Popen(["strace", "-f", *quiet, f"--inject={self._calls}", *ids])
        deadline = time.monotonic() + PATIENCE_S
        while any(is_there and not traced for is_there, traced in map(_state, self._process_ids)):
            if self._strace.poll() is not None:
                raise RuntimeError(f"strace ended with {self._strace.returncode}")
            if time.monotonic() > deadline:
                raise RuntimeError("strace has not begun")
            time.sleep(0.02)

    def stop(self) -> None:
        """The processes go on without it."""
        if self._strace is not None:
            self._strace.terminate()
            self._strace.wait(PATIENCE_S)

    def __enter__(self) -> None:
        self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


@contextmanager
def injected(process_ids: Iterable[int], calls: str) -> Iterator[None]:
    """The test skips where strace is missing or may not trace."""
    if not can_inject():
        pytest.skip("strace is not installed, or may not trace (Debian package strace)")
    with Injection(process_ids, calls):
        yield


@cache
def can_inject() -> bool:
    """Whether strace is here and may attach to a process of the same user."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as victim:
        try:
            with Injection([victim.pid], "fsync:error=EIO"):
                return True
        except (OSError, RuntimeError):
            return False
        finally:
            victim.kill()


def _state(process_id: int) -> tuple[bool, bool]:
    """Whether a process is there, and whether every thread of it is traced.

    strace takes one thread after the other, and what the others call meanwhile succeeds.
    """
    threads = [_thread(path) for path in Path(f"/proc/{process_id}/task").glob("*/status")]
    traced = [is_traced for is_there, is_traced in threads if is_there]
    return bool(traced), all(traced)


def _thread(status: Path) -> tuple[bool, bool]:
    """Whether a thread is there, and whether it is traced."""
    try:
        text = status.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False, False
    lines = dict(line.split(":", 1) for line in text.splitlines())
    is_there = lines["State"].strip()[0] not in "ZX"
    return is_there, lines["TracerPid"].strip() != "0"
