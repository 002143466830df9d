"""Which request or association is being served: one id through logs, ledger and audit.

Work that comes of it carries the id on: a job row, a delivery row, and the log
lines of whoever does them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import structlog

_REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")


def current_request_id() -> str:
    """The id of what is being served here, empty outside of any request."""
    return _REQUEST_ID.get()


@contextmanager
def serving(request_id: str) -> Iterator[None]:
    """Everything inside is for that request, log lines too. Empty: for none."""
    token = _REQUEST_ID.set(request_id)
    try:
        if not request_id:
            yield
            return
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            yield
    finally:
        _REQUEST_ID.reset(token)
