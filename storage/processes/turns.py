"""Turns at something that only so many may use at a time, over all processes of a site."""

import hashlib
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import Engine

from storage.db.advisory_lock import only_one

_ASKED_EVERY_S = 0.05


@contextmanager
def turn(engine: Engine, folder: Path, name: str, at_once: int, wait_s: float) -> Iterator[bool]:
    """Whether one of `at_once` turns was free within `wait_s`; it ends with the block or process.

    `name` has small letters, digits and hyphens. Raises StorageUnavailable.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    until = time.monotonic() + wait_s
    with ExitStack() as stack:
        while True:
            for number in range(at_once):
                key = hashlib.sha256(f"{name}:{number}".encode()).digest()[:8]
                lock = only_one(
                    engine, folder / f"{name}.{number}.lock", int.from_bytes(key, signed=True)
                )
                with ExitStack() as attempt:
                    if attempt.enter_context(lock):
                        stack.enter_context(attempt.pop_all())
                        yield True
                        return
            if time.monotonic() >= until:
                yield False
                return
            time.sleep(_ASKED_EVERY_S)
