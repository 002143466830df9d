"""Several who share one thread: whoever has to wait there lets the others go on.

The receiving path asks here rather than being told, so that nothing that runs in such a
thread can hold it up by mistake.
"""

from contextvars import ContextVar
from typing import Protocol


class Waiting(Protocol):
    """What one of them waits for: an instance on its way through the group commit."""

    is_settled: bool
    is_leader: bool

    def lead(self) -> None:
        """Where it is the leader's: do the work of all who wait, and settle them."""


class Crowd(Protocol):
    """Those who share this thread."""

    def wait_until_settled(self, waiting: Waiting) -> None:
        """Let the others go on meanwhile; the thread leads where the turn comes to it."""

    def wake(self) -> None:
        """From any thread: something was settled, or somebody has to lead."""


CROWD: ContextVar[Crowd | None] = ContextVar("crowd", default=None)
"""Of whoever runs here; None where the thread is its own."""
