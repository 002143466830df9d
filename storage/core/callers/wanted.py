"""Whether anybody still waits for what a thread works on: long work looks now and then.

Set for one request by who knows of its end; what is done for nobody in particular always goes on.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from storage.core.errors import TooManyRequests

_GONE: ContextVar[threading.Event | None] = ContextVar("gone", default=None)


class Abandoned(TooManyRequests):
    """The client has gone. Nobody gets this answer."""


@contextmanager
def wanted_until(gone: threading.Event) -> Iterator[None]:
    """Everything inside is done until `gone` is set, in threads that are given its context, too."""
    token = _GONE.set(gone)
    try:
        yield
    finally:
        _GONE.reset(token)


def check_wanted() -> None:
    """Raises Abandoned."""
    gone = _GONE.get()
    if gone is not None and gone.is_set():
        raise Abandoned("The client has gone before its answer.", remedy="Ask again.")
