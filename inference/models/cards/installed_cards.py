"""Whether a card is read of a model that was added before, by the checks of then."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_IS_INSTALLED: ContextVar[bool] = ContextVar("is_installed", default=False)


@contextmanager
def reading_installed() -> Iterator[None]:
    """Names that are nearly right are for who adds a model; one that runs goes on after an
    update."""
    token = _IS_INSTALLED.set(True)
    try:
        yield
    finally:
        _IS_INSTALLED.reset(token)


def is_installed() -> bool:
    return _IS_INSTALLED.get()
