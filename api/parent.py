"""A child of `mediview up` ends when its supervisor is gone, however that went."""

import ctypes
import os
import signal

ENVIRONMENT_NAME = "MEDIVIEW_SUPERVISOR_PID"
_PR_SET_PDEATHSIG = 1


class ParentGone(Exception):
    """The supervisor ended before its child began."""


def end_with_parent() -> None:
    """Ask the kernel for SIGTERM at the supervisor's death, where one started this process.

    Raises ParentGone when that has happened already (prctl(2), PR_SET_PDEATHSIG).
    """
    supervisor = os.environ.pop(ENVIRONMENT_NAME, "")
    if not supervisor.isdecimal():
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    # It may have died between our start and the call above.
    if os.getppid() != int(supervisor):
        raise ParentGone
