"""Files by which a scheduler of containers sees that a process which listens nowhere still works.

The rows of `heartbeats` are of a role, over all hosts, and need the database. What asks whether one
container must be restarted may depend on neither: an outage elsewhere ends by itself.
"""

import threading
from contextlib import suppress

from storage.processes.heartbeats import BEAT_EVERY_S
from storage.settings import Settings


class SignOfLife:
    """A file whose time is that of the last sign; nothing where no folder is named."""

    def __init__(self, settings: Settings, name: str) -> None:
        folder = settings.signs_of_life_dir
        self._path = None if folder is None else folder / name

    def give(self) -> None:
        """A disk that fails is no reason to stop: the sign is missing then, which is seen."""
        if self._path is None:
            return
        with suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._path.touch(0o600)

    def keep_giving(self) -> None:
        """From a thread of this process, for as long as its interpreter runs any.

        So it names a process that is stopped or whose interpreter is held, and not one whose main
        thread alone waits: where the broker is away it does, and must not be restarted.
        """
        if self._path is None:
            return
        threading.Thread(target=self._run, name="sign-of-life", daemon=True).start()

    def _run(self) -> None:
        never = threading.Event()
        while not never.is_set():
            self.give()
            never.wait(BEAT_EVERY_S)
