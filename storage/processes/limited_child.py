"""What runs in a limited process: one task after another, each named by module and function.

Requests come pickled from the process that started this one, which is trusted. Answers go
back as JSON and plain bytes, never pickled: a decoder that was taken over by the bytes that
it read must not reach the one who asked.
"""

import gc
import importlib
import json
import pickle
import resource
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from storage.core.errors import MediViewError
from storage.processes.descendants import adopt_orphans
from storage.processes.framing import receive_message, send_message

_OPEN_FILES = 64
Answer = tuple[dict[str, Any], bytes | memoryview]
"""What a task returns: values that JSON can carry, and bytes."""


def main(stream: socket.socket, memory_bytes: int, time_limit_s: float, preload: str) -> int:
    """Serve until the other end is closed; memory counts on top of what the imports take."""
    # A terminal's Ctrl-C is for the process that started this one, which then closes the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in filter(None, preload.split(",")):
        importlib.import_module(name)
    gc.freeze()
    # What a decoder that was taken over begins stays below this process, and ends with it.
    adopt_orphans()
    limit = _address_space_bytes() + memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, _OPEN_FILES))
    # What was imported up to here counts in no task's time.
    send_message(stream, b"ready")
    while True:
        try:
            request = receive_message(stream)
        except (EOFError, OSError):
            return 0
        # Ends the process by SIGPROF, whose default that is, when its CPU time is used up.
        signal.setitimer(signal.ITIMER_PROF, time_limit_s)
        head, body = _answer(request)
        del request
        signal.setitimer(signal.ITIMER_PROF, 0)
        try:
            send_message(stream, json.dumps(head).encode())
            send_message(stream, body)
        except OSError:
            return 0


def _answer(request: bytearray) -> Answer:
    try:
        task, arguments = pickle.loads(request)  # noqa: S301 - from the process that started us
        module, _, function = task.partition(":")
        values, body = getattr(importlib.import_module(module), function)(*arguments)
    except MediViewError as error:
        return {"code": error.code, "message": error.message, "remedy": error.remedy}, b""
    except MemoryError:
        return {"failed": "memory"}, b""
    except Exception as error:  # noqa: BLE001
        # The edge of a process. Whatever a decoder raises; its text may quote what it read.
        return {"failed": type(error).__name__}, b""
    return {"values": values}, body


def _address_space_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as pipe:
        sys.exit(main(pipe, int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]))
