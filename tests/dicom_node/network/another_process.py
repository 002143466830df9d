"""A process beside that of the tests which has connections, too."""

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def forked(act: Callable[[], object]) -> int:
    """The process id of a child that does `act` and ends, with status 1 where it failed."""
    with warnings.catch_warnings():
        # From Python 3.12 on, for a fork beside threads. The child waits for none of theirs.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        status = 1
        try:
            act()
            status = 0
        finally:
            # Whatever went wrong: the tests go on in the parent alone.
            os._exit(status)
    return child


@contextmanager
def another_process(act: Callable[[], object]) -> Iterator[None]:
    """The child has done `act` when the block begins, and lives until it ends."""
    done, stated = os.pipe()
    waits, ends = os.pipe()

    def live() -> None:
        os.close(ends)
        act()
        os.write(stated, b".")
        os.read(waits, 1)

    child = forked(live)
    os.close(stated)
    try:
        assert os.read(done, 1), "the other process failed"
        yield
    finally:
        os.close(ends)
        os.waitpid(child, 0)
        os.close(done)
        os.close(waits)
