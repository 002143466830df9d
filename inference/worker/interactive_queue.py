"""What a worker for interactive models does when it is woken."""

import uuid
from collections.abc import Callable

from inference.worker.process import Holder
from inference.worker.task_edge import at_edge


class InteractiveQueue:
    def __init__(self, holder: Holder, stopping: Callable[[], bool]) -> None:
        self._holder = holder
        self._stopping = stopping

    def serve(self) -> None:
        """Serve the sessions that nobody has taken up, in this process, one after another."""
        # With what encodes results, which a process needs only where somebody clicks.
        from inference.interactive.serving import serve_sessions

        process = self._holder.process
        owner = f"{process.owner}:{uuid.uuid4().hex[:8]}"
        at_edge("serve_sessions", lambda: serve_sessions(process.storage, owner, self._stopping))
