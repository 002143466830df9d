"""Waiting for something to happen in a folder, without looking again and again."""

import errno
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
_LIMITS = {
    errno.EMFILE: "fs.inotify.max_user_instances",
    errno.ENOSPC: "fs.inotify.max_user_watches",
}


class FolderWatch:
    """What happened since it was made ends the next wait.

    Where the system has no watch left, each wait is a short one instead.
    """

    def __init__(self, folder: Path, events: int) -> None:
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
        select.select([self._watch], [], [], at_most_s)
        self._watch.read(timeout=0)

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
