"""A child of `mediview up` ends when its supervisor is gone, however that went."""

import ctypes
import os
import signal
from functools import cache

ENVIRONMENT_NAME = "MEDIVIEW_SUPERVISOR_PID"
_PR_SET_PDEATHSIG = 1


class ParentGone(Exception):
    """The supervisor ended before its child began."""


@cache
def supervisor_pid() -> int | None:
    """The `mediview up` that started this process; None where nobody supervises it.

    It is taken out of the environment, so that what this process starts is not taken for a role.
    """
    pid = os.environ.pop(ENVIRONMENT_NAME, "")
    return int(pid) if pid.isdecimal() else None


def end_with_parent() -> None:
    """Ask the kernel for SIGTERM at the supervisor's death, where one started this process.

    Raises ParentGone when that has happened already.
    """
    pid = supervisor_pid()
    if pid is not None:
        end_with(pid)


def end_with(parent_pid: int) -> None:
    """Ask the kernel for SIGTERM at the death of the parent (prctl(2), PR_SET_PDEATHSIG).

    Raises ParentGone when that has happened already.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    # It may have died between our start and the call above.
    if os.getppid() != parent_pid:
        raise ParentGone
