"""What unknown peers may take of the processor while known ones are served."""

import threading
import time

_SHARE = 0.1
"""Of one processor, for all unknown peers of a process together."""
_SERVED_WITHIN_S = 1.0
# What was not used may be used for this long afterwards.
_CREDIT_S = 0.5
# Nobody waits longer for what others used: a flood of many addresses would keep a newcomer out.
_LONGEST_WAIT_S = 5.0
_LOOK_AGAIN_S = 0.05


class ProcessorShare:
    """Makes unknown peers wait for the processor time that they used. Safe for threads.

    Receiving threads of a process share the interpreter's lock: a stranger who has decoders and
    parsers work without end would leave a modality a fraction of its rate. Where no known peer was
    served within the last second, nobody waits.
    """

    def __init__(self, share: float = _SHARE) -> None:
        self._share = share
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self.contended_until_s = float("-inf")
        """Of the monotonic clock: until then a known peer counts as being served."""
        self._paid_until_s = 0.0

    def serve_known_peer(self) -> None:
        self.contended_until_s = time.monotonic() + _SERVED_WITHIN_S

    @property
    def is_contended(self) -> bool:
        """Whether a known peer is being served."""
        return time.monotonic() < self.contended_until_s

    def pay(self, used_s: float) -> None:
        """Wait until the share allows for `used_s` seconds of processor time more."""
        if not self.is_contended:
            return
        with self._lock:
            now = time.monotonic()
            begin_s = min(max(self._paid_until_s, now - _CREDIT_S), now + _LONGEST_WAIT_S)
            self._paid_until_s = until_s = begin_s + used_s / self._share
        while self.is_contended and (left_s := until_s - time.monotonic()) > 0:
            if self._stopped.wait(min(left_s, _LOOK_AGAIN_S)):
                return

    def stop(self) -> None:
        """Let everybody go on, as the end of the process asks."""
        self._stopped.set()
