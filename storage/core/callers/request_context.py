"""Which request or association is being served: one id through logs, ledger and audit.

Work that comes of it carries the id on: a job row, a delivery row, and the log
lines of the one who does them. The server may listen to what is stored meanwhile.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

import structlog


class Stored(Protocol):
    """What the one door took in (`ingest.Accepted`)."""

    @property
    def outcome(self) -> str: ...
    @property
    def study_instance_uid(self) -> str: ...
    @property
    def series_instance_uid(self) -> str: ...
    @property
    def sop_class_uid(self) -> str: ...


@dataclass(frozen=True, slots=True)
class _Served:
    request_id: str
    on_stored: Callable[[Stored], None] | None


_SERVED: ContextVar[_Served | None] = ContextVar("served", default=None)


def current_request_id() -> str:
    """The id of what is being served here, empty outside of any request."""
    served = _SERVED.get()
    return "" if served is None else served.request_id


def tell_stored(stored: Stored) -> None:
    """An instance came in while something was being served: let it know."""
    served = _SERVED.get()
    if served is not None and served.on_stored is not None:
        served.on_stored(stored)


@contextmanager
def listening(on_stored: Callable[[Stored], None]) -> Iterator[None]:
    """`on_stored` hears of each instance that the request at hand brings in."""
    token = _SERVED.set(_Served(current_request_id(), on_stored))
    try:
        yield
    finally:
        _SERVED.reset(token)


@contextmanager
def serving(request_id: str, on_stored: Callable[[Stored], None] | None = None) -> Iterator[None]:
    """Everything inside is for that request, log lines too. Empty: for none that is known.

    `on_stored` hears of each instance that comes in, in the thread that brought it.
    """
    token = _SERVED.set(_Served(request_id, on_stored))
    try:
        if not request_id:
            yield
            return
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            yield
    finally:
        _SERVED.reset(token)
