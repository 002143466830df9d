"""The one formula of waits that double: of attempts, of processes that end, of wrong passwords."""

# Beyond so many every wait is the ceiling, and floating point would overflow.
_MOST_DOUBLINGS = 30


def doubled_wait_s(first_s: float, doublings: int, ceiling_s: float) -> float:
    """`first_s`, doubled so many times, and never more than `ceiling_s`."""
    return min(first_s * 2.0 ** min(max(doublings, 0), _MOST_DOUBLINGS), ceiling_s)
