"""The receiving processes of a node: one, or several that are forked behind one port.

Each has its own open volume, database connections and threads. Where they are several one more
accepts for them (`dicom_node.server.entrance`) and serves strangers, once known peers store. The
parent holds the listening sockets, has no thread and no connection, and does nothing
but start its children, start those again that ended, and tell them to stop.
"""

import contextlib
import os
import threading
from collections.abc import Callable
from functools import partial

import structlog

from dicom_node.network.listening import Listeners, open_listeners
from dicom_node.server.scp import start_scp
from storage.container import open_storage
from storage.core.open_files import allow_open_files
from storage.processes.forked import Processes, done_apart
from storage.processes.priority import give_way
from storage.processes.stop_requests import StopRequests
from storage.processes.waiting_for_database import wait_for_database
from storage.settings import Settings

log = structlog.get_logger(__name__)

Beside = Callable[[threading.Event], None]
"""Runs in a thread beside the serving until the event is set."""

_MOST_BY_DEFAULT = 4
_OPEN_FILES = 8192
_STOP_S = 15.0


def run_scp(settings: Settings, beside: Beside | None = None) -> None:
    """Serve until SIGTERM, SIGINT or SIGHUP.

    Call it in the main thread of a process without others.

    A database that is away is waited for. Raises InvalidRequest or
    StorageUnavailable where it cannot begin otherwise.
    """
    allow_open_files(_OPEN_FILES)
    cores = len(os.sched_getaffinity(0))
    count = settings.dicom_processes or receiving_processes(cores)
    # Asked for by number, one is alone.
    has_entrance = count > 1 or (cores > 1 and not settings.dicom_processes)
    asked = StopRequests()
    with asked.counting_signals():
        # What keeps every process from working is reported once, and before any is made.
        if not done_apart("mediview scp start", partial(_recover, settings)):
            if not wait_for_database(settings, asked):
                return
            _recover(settings)
        if not has_entrance:
            _serve(settings, open_listeners(settings), beside, asked=asked)
            return
        listeners = open_listeners(settings, receivers=count)

        def work(number: int) -> int:
            is_entrance = number > count
            if is_entrance:
                give_way()
            elif listeners.handover is not None:
                listeners.handover.take_as(number)
            _serve(settings, listeners, beside, is_first=number == 1, is_entrance=is_entrance)
            return 0

        log.info("scp_processes_started", processes=count)
        on_stop = listeners.close
        Processes("scp", count + 1, work, grace_s=_STOP_S, on_stop=on_stop, asked=asked).run()


def receiving_processes(cores: int) -> int:
    """How many receive where no number is set: the entrance and the kernel need a core, too."""
    return min(max(1, cores - 1), _MOST_BY_DEFAULT)


def _recover(settings: Settings) -> None:
    with open_storage(settings) as storage:
        storage.recovery.run_at_start()


def _serve(
    settings: Settings,
    listeners: Listeners,
    beside: Beside | None,
    *,
    is_first: bool = True,
    is_entrance: bool = False,
    asked: StopRequests | None = None,
) -> None:
    """`asked` holds the signals that came before."""
    asked, stop = asked or StopRequests(), threading.Event()
    with asked.counting_signals(), contextlib.ExitStack() as stack:
        stack.callback(listeners.close)
        storage = stack.enter_context(open_storage(settings))
        if is_first:
            stack.enter_context(storage.audit.running("scp"))
        scp = start_scp(storage, listeners=listeners, is_entrance=is_entrance)
        if is_first:
            scp.announce("RESTARTED")
        heart = None
        if beside is not None and is_first:
            heart = threading.Thread(target=beside, args=(stop,), name="beside", daemon=True)
            heart.start()
        try:
            while not asked.count:
                asked.pause()
        finally:
            stop.set()
            if is_first:
                scp.announce("GOING DOWN")
            scp.shutdown()
            if heart is not None:
                heart.join(_STOP_S)
            log.info("scp_stopped")
