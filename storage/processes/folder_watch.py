"""Waiting for something to happen in a folder, without looking again and again."""

import contextlib
import errno
import os
import select
import time
from functools import cache
from pathlib import Path

import inotify_simple
import structlog

log = structlog.get_logger(__name__)

ARRIVED = inotify_simple.flags.MOVED_TO
TOUCHED = inotify_simple.flags.ATTRIB
_LOOKED_EVERY_S = 0.1
_READ_BYTES = 4096
_LIMITS = {
    errno.EMFILE: "fs.inotify.max_user_instances",
    errno.ENOSPC: "fs.inotify.max_user_watches",
}


class FolderWatch:
    """What happened since it was made ends the next wait; so does what can be read from
    `woken_by`, a descriptor that does not block.

    Where the system has no watch left, each wait is a short one instead.
    """

    def __init__(self, folder: Path, events: int, woken_by: int | None = None) -> None:
        self._woken_by = woken_by
        self.is_woken = False
        """Whether something was read from `woken_by`."""
        self._watch: inotify_simple.INotify | None = None
        try:
            self._watch = inotify_simple.INotify(nonblocking=True)
            self._watch.add_watch(folder, events)
        except OSError as error:
            self.close()
            _log_once(error.errno or 0)

    def wait(self, at_most_s: float) -> None:
        """Until something happens, or so long; sooner where nothing can be watched."""
        if self._watch is None:
            time.sleep(min(at_most_s, _LOOKED_EVERY_S))
            return
        poll = select.poll()
        poll.register(self._watch.fileno(), select.POLLIN)
        if self._woken_by is not None:
            poll.register(self._woken_by, select.POLLIN)
        poll.poll(at_most_s * 1000)
        self._watch.read(timeout=0)
        if self._woken_by is not None:
            with contextlib.suppress(BlockingIOError):
                os.read(self._woken_by, _READ_BYTES)
                self.is_woken = True

    def close(self) -> None:
        if self._watch is not None:
            self._watch.close()
            self._watch = None


@cache
def _log_once(number: int) -> None:
    log.warning(
        "folder_not_watched",
        error=errno.errorcode.get(number, "unknown"),
        looked_every_s=_LOOKED_EVERY_S,
        remedy=f"Raise {_LIMITS[number]} by sysctl." if number in _LIMITS else "",
    )
