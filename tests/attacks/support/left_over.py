"""Programs that get the processor time which all others leave, as if on a machine of their own.

SCHED_IDLE alone does not: where Linux shares the processors out by session or by control group, the
kernel's own threads, which bring what is written to the disk, wait for such a program as they do
for any other of its group.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_GROUPS = (Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup"))
_IDLE = ("chrt", "--idle", "0")
_ENTERS = 'echo $$ > "$0" && exec "$@"'


@contextmanager
def left_over() -> Iterator[tuple[str, ...]]:
    """What to put before a command; all of them have ended when this does."""
    group = next(filter(None, map(_idle_group, _GROUPS)), None)
    if group is None:
        yield _IDLE
        return
    try:
        yield ("bash", "-c", _ENTERS, str(group / "cgroup.procs"), *_IDLE)
    finally:
        group.rmdir()


def _idle_group(parent: Path) -> Path | None:
    group = parent / f"mediview-attackers-{os.getpid()}"
    try:
        group.mkdir()
    except OSError:
        return None
    try:
        (group / "cpu.idle").write_text("1")
    except OSError:
        group.rmdir()
        return None
    return group
