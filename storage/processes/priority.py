"""Which processes wait where the processors have more to do than they can."""

import os
import threading

_NICE = 5
_THREADS_NICE = 10


def give_way() -> None:
    """Let this process have a third of what another one gets where both want a processor.

    For what strangers may keep busy: modalities store, and pipelines run, before it.
    """
    os.nice(_NICE)


def thread_gives_way() -> None:
    """Let the calling thread have a tenth: for what takes long and holds no lock meanwhile."""
    # By Linux's nice value of a thread, whose native ID is that of a process there.
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _THREADS_NICE)
