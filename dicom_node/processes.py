"""The receiving processes of a node: one, or several that are forked behind one port.

Each has its own open volume, database connections and threads. The parent
holds the listening sockets, has no thread and no connection, and does nothing
but start its children, start those anew that ended, and tell them to stop.
"""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable

import structlog

from dicom_node.listening import Doors, open_doors
from dicom_node.server import start_scp
from storage.errors import MediViewError
from storage.opening import open_storage
from storage.settings import Settings

log = structlog.get_logger(__name__)

Beside = Callable[[threading.Event], None]
"""Runs in a thread beside the serving until the event is set."""

_STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT})
_RESTART_S = 1.0
_STOP_S = 15.0
_POLL_S = 0.5


def run_scp(settings: Settings, beside: Beside | None = None) -> None:
    """Serve until SIGTERM or SIGINT. Call it in the main thread of a process without others.

    Raises InvalidRequest or StorageUnavailable where it cannot begin.
    """
    if settings.dicom_processes == 1:
        _serve(settings, open_doors(settings), beside, threading.Event())
        return
    # What keeps every process from working is told once, and before any is made.
    with open_storage(settings):
        pass
    doors = open_doors(settings, is_shared=True)
    _Parent(settings, doors, beside).run(settings.dicom_processes)


def _serve(
    settings: Settings,
    doors: Doors,
    beside: Beside | None,
    stop: threading.Event,
    *,
    is_first: bool = True,
) -> None:
    for number in _STOP_SIGNALS:
        signal.signal(number, lambda *_: stop.set())
    with contextlib.ExitStack() as stack:
        stack.callback(doors.close)
        storage = stack.enter_context(open_storage(settings))
        if is_first:
            stack.enter_context(storage.audit.running("scp"))
        scp = start_scp(storage, doors=doors)
        heart = None
        if beside is not None and is_first:
            heart = threading.Thread(target=beside, args=(stop,), name="beside", daemon=True)
            heart.start()
        try:
            stop.wait()
        finally:
            scp.shutdown()
            if heart is not None:
                heart.join(_STOP_S)
            log.info("scp_stopped")


class _Parent:
    def __init__(self, settings: Settings, doors: Doors, beside: Beside | None) -> None:
        self._settings = settings
        self._doors = doors
        self._beside = beside
        # Held open by the parent alone: its end tells the children that it is gone.
        self._life_read, self._life_write = os.pipe()
        self._children: dict[int, int] = {}
        self._due: list[tuple[float, int]] = []

    def run(self, count: int) -> None:
        watched = _STOP_SIGNALS | {signal.SIGCHLD}
        signal.pthread_sigmask(signal.SIG_BLOCK, watched)
        for index in range(count):
            self._start(index)
        log.info("scp_processes_started", processes=count)
        while True:
            got = signal.sigtimedwait(watched, _POLL_S)
            if got is not None and got.si_signo in _STOP_SIGNALS:
                break
            self._collect()
            now = time.monotonic()
            for at, index in [one for one in self._due if one[0] <= now]:
                self._due.remove((at, index))
                self._start(index)
        self._stop()

    def _start(self, index: int) -> None:
        pid = os.fork()
        if pid:
            self._children[pid] = index
            return
        status = 1
        try:
            os.close(self._life_write)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP_SIGNALS | {signal.SIGCHLD})
            stop = threading.Event()
            threading.Thread(target=self._outlive, args=(stop,), daemon=True).start()
            _serve(self._settings, self._doors, self._beside, stop, is_first=index == 0)
            status = 0
        except MediViewError as error:
            log.error("scp_process_failed", code=error.code, detail=error.message)
        except Exception:
            # The edge of a process: the parent starts it anew.
            log.error("scp_process_failed", exc_info=True)
        finally:
            os._exit(status)

    def _outlive(self, stop: threading.Event) -> None:
        os.read(self._life_read, 1)
        stop.set()

    def _collect(self) -> None:
        """Note the children that ended; each is started anew after a moment."""
        for pid in list(self._children):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                index = self._children.pop(pid)
                code = os.waitstatus_to_exitcode(status)
                log.error("scp_process_ended", process=pid, exit_code=code)
                self._due.append((time.monotonic() + _RESTART_S, index))

    def _stop(self) -> None:
        self._doors.close()
        self._signal(signal.SIGTERM)
        deadline = time.monotonic() + _STOP_S
        while self._children:
            for pid in list(self._children):
                if os.waitpid(pid, os.WNOHANG)[0]:
                    del self._children[pid]
            if time.monotonic() > deadline:
                self._signal(signal.SIGKILL)
            time.sleep(0.02)

    def _signal(self, number: signal.Signals) -> None:
        for pid in self._children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
