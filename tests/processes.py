"""A server that tests start: its folder, its start and its end."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.patience import PATIENCE_S

ENDING_WITH_US = ("setpriv", "--pdeathsig", "TERM")
"""Before a command: it ends with the tests, if these are cut off."""


def wait_until(done: Callable[[], bool], what: str, process: subprocess.Popen[Any]) -> None:
    """Poll a starting server; fail at once when its process has ended."""
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        if process.poll() is not None:
            raise RuntimeError(f"{what} ended with {process.returncode} while it started.")
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} did not answer within {PATIENCE_S:.0f} s.")
        time.sleep(0.05)


_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 2 << 30


def family(pid: int) -> list[int]:
    """A process and all that it and they have started."""
    found, new = [pid], [pid]
    while new:
        path = Path(f"/proc/{new[0]}/task/{new[0]}/children")
        children: list[int] = []
        for task in path.parents[1].iterdir() if path.exists() else ():
            with suppress(FileNotFoundError):  # of a thread that has ended meanwhile
                children += map(int, (task / "children").read_text().split())
        found += children
        new = new[1:] + children
    return found


@contextmanager
def own_folder(name: str, user: str | None = None, *, in_memory: bool = False) -> Iterator[Path]:
    """A folder that another user may be given; pytest's own are closed to all but root.

    In memory where that is asked for and there is room: a database of a thousand small files is
    then made in a tenth of the time.
    """
    roomy = in_memory and _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM_BYTES
    folder = Path(tempfile.mkdtemp(prefix=f"mediview-{name}-", dir=_MEMORY if roomy else None))
    try:
        if user:
            shutil.chown(folder, user)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def end(process: subprocess.Popen[Any], signal_number: int = 15) -> None:
    if process.poll() is None:
        process.send_signal(signal_number)
    try:
        process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
