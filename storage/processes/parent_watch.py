"""A child ends when its parent is gone, however that went."""

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1


class ParentGone(Exception):
    """The parent ended before its child began."""


def end_with(parent_pid: int) -> None:
    """Ask the kernel for SIGTERM at the death of the parent (prctl(2), PR_SET_PDEATHSIG).

    Raises ParentGone when that has happened already.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    # It may have died between our start and the call above.
    if os.getppid() != parent_pid:
        raise ParentGone
