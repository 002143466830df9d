"""Time as the house keeps it: aware, in UTC. And how to notice that somebody set it."""

from datetime import UTC, datetime, timedelta

CLOCKS_AGREE_WITHIN_S = 30.0
"""What the clocks of a node's machines may differ by: half a minute is what NTP never needs."""

_SET = timedelta(seconds=2)


def utcnow() -> datetime:
    return datetime.now(UTC)


class ClockWatch:
    """Notices when the time of day is set back, by a clock that nobody sets. Not safe for threads.

    Slewing, as NTP does it, moves both clocks alike (`adjtimex(2)`).
    """

    def __init__(self) -> None:
        self._latest: tuple[datetime, float] | None = None

    def set_back_by(self, now: datetime, monotonic_s: float) -> timedelta:
        """How far the time of day was set back since the last call; zero where it was not."""
        latest, self._latest = self._latest, (now, monotonic_s)
        if latest is None:
            return timedelta()
        expected = latest[0] + timedelta(seconds=monotonic_s - latest[1])
        return difference(expected, now)


def difference(expected: datetime, now: datetime) -> timedelta:
    """How much earlier it is than expected, where that is more than a clock is read wrong by."""
    return expected - now if expected - now > _SET else timedelta()
