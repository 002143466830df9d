"""How the receiving path waits where several associations share one thread.

`dicom_node.network.shared_thread` runs them, and sets `SHARED_THREAD` in the context of each; the
group commit looks there, so that nothing that runs in such a thread can block it by mistake.
"""

from contextvars import ContextVar
from typing import Protocol


class PendingCommit(Protocol):
    """An instance on its way through the group commit, or to the bucket."""

    @property
    def is_done(self) -> bool: ...

    @property
    def is_leader(self) -> bool: ...

    def lead(self) -> None:
        """Where it is the leader's: commit all that are pending, and mark them as done."""


class CooperativeThread(Protocol):
    """A thread that several associations share."""

    def wait_until_done(self, pending: PendingCommit) -> None:
        """Run the others meanwhile; the thread itself leads the commit where it must."""

    def wake(self) -> None:
        """From any thread: a commit is done, or this thread has to lead the next one."""


SHARED_THREAD: ContextVar[CooperativeThread | None] = ContextVar("shared_thread", default=None)
"""The shared thread that this code runs in; None in a thread of its own."""
