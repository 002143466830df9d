"""When a process that ended may begin again."""

from dataclasses import dataclass

from storage.core.doubling_waits import doubled_wait_s

_MAX_S = 30.0
# One that lived this long starts with a clean record.
_SETTLED_AFTER_S = 60.0


@dataclass
class Backoff:
    """Each end soon after a start doubles the wait; times are of `time.monotonic`."""

    first_s: float
    started_at: float = 0.0
    due_at: float = 0.0
    crashes: int = 0

    def started(self, now: float) -> None:
        self.started_at = now

    def ended(self, now: float) -> float:
        """Note an end; seconds until the next start."""
        if now - self.started_at > _SETTLED_AFTER_S:
            self.crashes = 0
        wait_s = doubled_wait_s(self.first_s, self.crashes, _MAX_S)
        self.crashes += 1
        self.due_at = now + wait_s
        return wait_s

    def is_due(self, now: float) -> bool:
        return now >= self.due_at
