"""What known peers do just now, over all receiving processes of the node."""

import mmap

_SERVED_WITHIN_S = 1.0
_SERVED, _STORING, _HAS_STORED = range(3)


class KnownActivity:
    """A few numbers in memory that the processes share. Made before they are forked.

    Each is written by itself and not locked: what depends on it is who waits for whom.
    """

    def __init__(self) -> None:
        # Times of the monotonic clock, which is one for all processes of a machine.
        self._shared = memoryview(mmap.mmap(-1, 3 * 8)).cast("d")
        self.served_until_s = self._shared[_SERVED : _SERVED + 1]
        """One element, of the monotonic clock: until then one counts as being served."""

    def serve(self, now_s: float, is_storing: bool) -> None:
        """One is being served, at that time of the monotonic clock."""
        self._shared[_SERVED] = now_s + _SERVED_WITHIN_S
        if is_storing:
            self._shared[_STORING] = now_s + _SERVED_WITHIN_S

    def may_store(self) -> None:
        """One that may store has associated."""
        self._shared[_HAS_STORED] = 1.0

    @property
    def storing_until_s(self) -> float:
        return self._shared[_STORING]

    @property
    def has_stored(self) -> bool:
        """Whether one that may store has associated since the node started."""
        return bool(self._shared[_HAS_STORED])
