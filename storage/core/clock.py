"""The time: aware, in UTC. And how to notice that somebody set it."""

from datetime import UTC, datetime, timedelta

CLOCKS_AGREE_WITHIN_S = 30.0
"""What the clocks of a node's machines may differ by: half a minute is what NTP never needs."""

_STEP = timedelta(seconds=2)


def utcnow() -> datetime:
    return datetime.now(UTC)


def rfc3339(at: datetime) -> str:
    """As the API writes times: in UTC, with `Z` (RFC 3339 5.6)."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


class ClockWatch:
    """Notices when the time of day is set, by a clock that nobody sets. Not safe for threads.

    Slewing, as NTP does it, moves both clocks alike (`adjtimex(2)`).
    """

    def __init__(self) -> None:
        self._latest: tuple[datetime, float] | None = None

    def step(self, now: datetime, monotonic_s: float) -> timedelta:
        """How far the time of day was set forward since the last call, or back where negative."""
        latest, self._latest = self._latest, (now, monotonic_s)
        if latest is None:
            return timedelta()
        return step_between(latest[0] + timedelta(seconds=monotonic_s - latest[1]), now)


def step_between(expected: datetime, now: datetime) -> timedelta:
    """The difference, where it is more than two readings of two clocks may differ by."""
    return now - expected if abs(now - expected) > _STEP else timedelta()
