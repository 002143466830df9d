"""The folder of the volumes as this process found it first, so that another is not taken for it."""

import errno
import os
from pathlib import Path

from storage.volumes.deletion_counter import NAME as DELETION_COUNTER
from storage.volumes.durable_names import make_folder


class KnownFolder:
    """Made where it is missing, but once: later it has gone with its disk. Safe for threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._first: os.stat_result | None = None
        self._witness = DELETION_COUNTER

    def holds(self, name: str) -> None:
        """A file of this process that shows the folder to be the same; without one, the counter,
        which another process that starts while the disk is away makes again."""
        self._witness = name

    def must_be_unchanged(self) -> None:
        """Raises OSError where it is not the very folder that `check` found last.

        Asked once something was made in it: its disk may have gone in between.
        """
        try:
            is_same = self._first is not None and os.path.samestat(self.path.stat(), self._first)
        except (FileNotFoundError, NotADirectoryError):
            is_same = False
        if not is_same:
            raise _gone()

    def check(self) -> None:
        """Raises OSError where it is gone, or an empty folder has taken its place.

        What would be written there disappears behind the disk as soon as that is mounted again.
        """
        if self._first is None:
            make_folder(self.path)
            self._first = self.path.stat()
            return
        try:
            now = self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            raise _gone() from None
        if os.path.samestat(now, self._first):
            return
        # The same disk may have another number once it is mounted again.
        if not (self.path / self._witness).exists():
            raise _gone()
        self._first = now


def _gone() -> OSError:
    return OSError(
        errno.ENOENT, "it is not the folder that was there before, as where a disk is not mounted"
    )
