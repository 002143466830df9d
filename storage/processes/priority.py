"""Which processes wait where the processors have more to do than they can."""

import os
import threading
from contextlib import suppress
from pathlib import Path

_NICE = 5
_THREADS_NICE = 10
_OF_SESSION = Path("/proc/self/autogroup")


def give_way() -> None:
    """Let this process have a third of what another one gets where both want a processor.

    For what strangers may keep busy: modalities store, and pipelines run, before it.
    """
    os.nice(_NICE)
    if os.getsid(0) == os.getpid():
        # Linux may share the processors out by session first (sched(7), "The autogroup feature"):
        # a nice value counts within the session alone then, which is of this process and its own.
        with suppress(OSError):
            _OF_SESSION.write_text(str(_NICE))


def thread_gives_way() -> None:
    """Let the calling thread have a tenth: for what takes long and holds no lock meanwhile.

    That is of what other threads get, and of what processes of the same session get.
    """
    # By Linux's nice value of a thread, whose native ID is that of a process there.
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _THREADS_NICE)
