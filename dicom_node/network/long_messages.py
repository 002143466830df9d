"""Long data sets of messages are decoded one at a time in each process, those of callers in turn.

Decoded, one takes some ten times its size, and keeps a processor for seconds; a peer has any number
of associations.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from pydicom.uid import DeflatedExplicitVRLittleEndian

from storage.core.callers.shares import Shares
from storage.core.errors import LimitExceeded

LONG_BYTES = 256 * 1024
"""Of shorter ones any number are at once: each takes a few MiB."""
_LONG_DEFLATED_BYTES = 4 * 1024
_LONGEST_WAIT_S = 30.0

_turns = Shares(places=1)
_HAS_TURN: ContextVar[bool] = ContextVar("has_turn_for_long_message", default=False)


@contextmanager
def long_message(data: bytes | None, transfer_syntax_uid: str) -> Iterator[None]:
    """Until all that was decoded is let go; within one another is no further one.

    Raises LimitExceeded where others take long.
    """
    is_deflated = transfer_syntax_uid == DeflatedExplicitVRLittleEndian
    most_bytes = _LONG_DEFLATED_BYTES if is_deflated else LONG_BYTES
    if data is None or len(data) <= most_bytes or _HAS_TURN.get():
        yield
        return
    with _turns.turn(_LONGEST_WAIT_S) as has_turn:
        if not has_turn:
            raise LimitExceeded(
                "Other long messages are still worked on.",
                remedy="Send it again once they are answered, or in smaller ones.",
            )
        token = _HAS_TURN.set(True)
        try:
            yield
        finally:
            _HAS_TURN.reset(token)
