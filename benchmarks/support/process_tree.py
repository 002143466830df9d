"""What a process and all that descend from it have taken of the machine."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """User and system time since each began, of those that ended and were waited for too."""
    ticks = 0
    for one in process_ids(pid):
        with suppress(FileNotFoundError, ProcessLookupError):  # It ended since it was listed.
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
    return ticks / _CLOCK_TICKS


def process_ids(pid: int) -> Iterator[int]:
    """The process itself first."""
    yield pid
    with suppress(FileNotFoundError, ProcessLookupError):
        for task in list(Path(f"/proc/{pid}/task").iterdir()):
            for child in (task / "children").read_text().split():
                yield from process_ids(int(child))
