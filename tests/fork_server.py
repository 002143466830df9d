"""A process that has imported the node once, and forks what tests start: `ready_processes`.

It has no other threads, opens nothing, and has read no setting. What it forks gets the
environment, the folder and the files that the test gave, and ends as a program of its own does.
"""

import ctypes
import gc
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import warnings
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType
from typing import Any

# What a command writes to is made when `api.cli` is imported, which each does for itself.
IMPORTED = (
    "alembic.command",
    "alembic.runtime.migration",
    "api.serve",
    "api.server.supervisor",
    "dicom_node.server.processes",
    "dicom_node.server.scp",
    "inference.worker.beat",
    "inference.worker.preloaded",
    "rich.table",
    "storage.backup",
    "storage.maintenance.upgrade",
    "typer",
)
_PR_SET_PDEATHSIG = 1
_MESSAGE_BYTES = 1 << 20


@dataclass
class _Server:
    control: socket.socket
    statuses: dict[int, int] = field(default_factory=dict)
    """Where the status of each process is awaited."""

    def serve(self) -> "dict[str, Any] | None":
        """In what was forked: what it is to do. None where the tests have ended."""
        waking, woken = socket.socketpair()
        for one in (waking, woken):
            one.setblocking(False)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
        with selectors.DefaultSelector() as selector:
            selector.register(self.control, selectors.EVENT_READ)
            selector.register(woken, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is woken:
                        woken.recv(4096)
                        self._reap()
                        continue
                    content, files, _, _ = socket.recv_fds(self.control, _MESSAGE_BYTES, 4)
                    if not content:
                        return None
                    request: dict[str, Any] = json.loads(content)
                    if self._forked(request, files):
                        # Closed with all others that are open, and complained of by nobody.
                        for one in (waking, woken, self.control):
                            one.detach()
                        return request

    def _reap(self) -> None:
        while self.statuses:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            awaited = self.statuses.pop(pid)
            os.write(awaited, str(os.waitstatus_to_exitcode(status)).encode())
            os.close(awaited)

    def _forked(self, request: dict[str, Any], files: list[int]) -> bool:
        """Whether this is the new process."""
        # A signal that comes meanwhile waits until the new process takes it as any other does.
        usual = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGHUP))
        pid = os.fork()
        if pid:
            signal.pthread_sigmask(signal.SIG_SETMASK, usual)
            self.statuses[pid] = files[3]
            for one in files[:3]:
                os.close(one)
            self.control.send(str(pid).encode())
            return False
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if request["ends_with_tests"]:
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if request["new_session"]:
            os.setsid()
        for number, one in enumerate(files[:3]):
            os.dup2(one, number)
        signal.pthread_sigmask(signal.SIG_SETMASK, usual)
        return True


def _run(request: dict[str, Any]) -> None:
    # Nothing but the three streams is open in a process that has just begun.
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environment"])
    if os.environ.get("PYTHONUNBUFFERED"):
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(write_through=True)  # type: ignore[union-attr]
    _warn_as(request["warnings"])
    gc.enable()
    sys.argv = [request["program"], *request["arguments"]]
    program, named = request["program"], request["run"]
    if program == "-c":
        main = sys.modules["__main__"] = ModuleType("__main__")
        exec(compile(named, "<string>", "exec"), main.__dict__)
    elif program == "-m":
        sys.path.insert(0, request["cwd"])
        runpy.run_module(named, run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(program, run_name="__main__")


def _warn_as(options: list[str]) -> None:
    """As `-W` has it, which stands behind what imported modules ask for."""
    added = warnings.filters[: len(warnings.filters) - len(_USUAL)]  # type: ignore[index]
    warnings.filters[:] = _USUAL  # type: ignore[index]
    warnings._processoptions(options)  # type: ignore[attr-defined]
    warnings.filters[:0] = added  # type: ignore[index]
    # For warnings that no other filter names; changing a filter has Python read the list again.
    warnings.simplefilter("default", append=True)


if __name__ == "__main__":
    _USUAL = list(warnings.filters)
    gc.disable()
    for _name in IMPORTED:
        import_module(_name)
    gc.freeze()
    _control = socket.socket(fileno=int(sys.argv[1]))
    _control.send(b"ready")
    _request = _Server(_control).serve()
    if _request is not None:
        _run(_request)
