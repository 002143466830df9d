"""Turns at something that only so many may use at a time, over all processes of a site."""

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from sqlalchemy import Engine

from storage.db.locks.advisory_lock import only_one
from storage.processes.folder_watch import TOUCHED, FolderWatch

# Who ends a turn on this machine says so; a process that was killed, and another host, do not.
_LOOKED_EVERY_S = 1.0


@contextmanager
def turn(engine: Engine, folder: Path, name: str, at_once: int, wait_s: float) -> Iterator[bool]:
    """Whether one of `at_once` turns was free within `wait_s`; it ends with the block or process.

    `name` has small letters, digits and hyphens. Raises StorageUnavailable.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    until = time.monotonic() + wait_s
    with ExitStack() as taken:
        is_free = _took(taken, engine, folder, name, at_once)
        if not is_free:
            with closing(FolderWatch(folder, TOUCHED)) as ended:
                while not (is_free := _took(taken, engine, folder, name, at_once)):
                    left_s = until - time.monotonic()
                    if left_s <= 0:
                        break
                    ended.wait(min(left_s, _LOOKED_EVERY_S))
        yield is_free


def _took(taken: ExitStack, engine: Engine, folder: Path, name: str, at_once: int) -> bool:
    """Whether a turn was free; it ends with `taken`."""
    for number in range(at_once):
        path = folder / f"{name}.{number}.lock"
        key = hashlib.sha256(f"{name}:{number}".encode()).digest()[:8]
        with ExitStack() as attempt:
            if attempt.enter_context(only_one(engine, path, int.from_bytes(key, signed=True))):
                # After the lock, since an ExitStack ends what it was given last first.
                taken.callback(os.utime, path)
                taken.enter_context(attempt.pop_all())
                return True
    return False
