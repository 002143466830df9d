"""What unknown peers may take of the processor while known ones are served, and known ones that ask
while others store."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dicom_node.network.known_activity import KnownActivity
from storage.core.callers.shares import Shares

_SHARE = 0.1
"""Of one processor, for all unknown peers of a process together."""
_ASKERS_SHARE = 0.25
"""Of one processor, for all known peers of a process that ask while others store."""
MOST_QUESTIONS = 4
"""Of one known title, that a process answers at a time. More wait: who asks without a pause over
many associations shares the interpreter's lock with all that others ask."""
_SERVED_WITHIN_S = 1.0
# What was not used may be used for this long afterwards.
_CREDIT_S = 0.5
# Nobody waits longer for what others used: a flood of many addresses would keep a newcomer out.
_LONGEST_WAIT_S = 5.0
_LOOK_AGAIN_S = 0.05
_LONGEST_PAUSE_S = 0.25
_WORKS_WITHIN_S = 1.0


class ProcessorShare:
    """Makes unknown peers wait for the processor time that they used. Safe for threads.

    Threads of a process share the interpreter's lock, and all processes the processors: a stranger
    who has decoders and parsers work without end would leave a modality a fraction of its rate.
    Where no known peer was served within the last second, nobody waits.
    """

    def __init__(
        self,
        share: float = _SHARE,
        known: KnownActivity | None = None,
        *,
        beside_receiving: bool = False,
    ) -> None:
        """`known`: what all processes see of known peers. `beside_receiving`: known peers store
        in other processes than this one.
        """
        self._known = known or KnownActivity()
        self._beside_receiving = beside_receiving
        self.contended_until_s = self._known.served_until_s
        self._strangers = _Account(share)
        self._askers: dict[str, _Account] = {}
        """By title."""
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._of_title = Shares(None, MOST_QUESTIONS)
        self._beside_storing = Shares(1)
        self._long_requests = Shares(1)
        self._storing: dict[str, float] = {}
        """Known peers, by title, and until when each counts as storing."""
        self._working: dict[int, float] = {}
        """Long work and when it paused last, of the monotonic clock."""

    def serve_known_peer(self, now_s: float, storing: str = "") -> None:
        """At that time of the monotonic clock; `storing`: its AE title where it stores."""
        self._known.serve(now_s, storing != "")
        if storing:
            self._storing[storing] = now_s + _SERVED_WITHIN_S

    def others_store(self, title: str) -> bool:
        """Whether known peers of other titles are storing."""
        now = time.monotonic()
        if self._beside_receiving and now < self._known.storing_until_s:
            return True
        return any(until_s > now and one != title for one, until_s in list(self._storing.items()))

    @contextmanager
    def asking(self, title: str) -> Iterator[None]:
        """Answer a request of a known peer: a few of each title at a time, and while others store
        one of all, and within a share that titles which ask divide among themselves.

        The next turn is of the title whose last one is longest ago. Nobody waits for longer than a
        few seconds for its own.
        """
        with self._of_title.turn(_LONGEST_WAIT_S, caller=title):
            if not self.others_store(title):
                yield
                return
            begun_s = time.thread_time()
            try:
                with self._beside_storing.turn(_LONGEST_WAIT_S, caller=title):
                    yield
            finally:
                used_s = time.thread_time() - begun_s
                self._pay_asked(title, used_s)

    @contextmanager
    def long_request(self, caller: str, wait_s: float) -> Iterator[bool]:
        """Decode a long request for an association, of whom nobody knows yet: one at a time, and
        within the share of unknown peers. Whether it was the turn of `caller` in time.
        """
        with self._long_requests.turn(wait_s, caller=caller) as is_given:
            begun_s = time.thread_time()
            yield is_given
            self.pay(time.thread_time() - begun_s)

    def _pay_asked(self, title: str, used_s: float) -> None:
        now = time.monotonic()
        with self._lock:
            for one in [one for one, its in self._askers.items() if its.is_forgotten(now)]:
                del self._askers[one]
            account = self._askers.setdefault(title, _Account(_ASKERS_SHARE))
            owing = sum(its.owes(now) for one, its in self._askers.items() if one != title)
            until_s = account.paid_until_s(used_s, now, divided_by=1 + owing)
        self._wait(until_s, lambda: self.others_store(title))

    @property
    def is_contended(self) -> bool:
        """Whether a known peer is being served, by any process."""
        return time.monotonic() < self.contended_until_s[0]

    def pay(self, used_s: float) -> None:
        """Wait until the share allows for `used_s` seconds of processor time more."""
        if not self.is_contended:
            return
        self._pay(self._strangers, used_s, lambda: self.is_contended)

    def _pay(self, account: "_Account", used_s: float, goes_on: Callable[[], bool]) -> None:
        """Wait, as long as that goes on for which others give way."""
        with self._lock:
            until_s = account.paid_until_s(used_s, time.monotonic())
        self._wait(until_s, goes_on)

    def _wait(self, until_s: float, goes_on: Callable[[], bool]) -> None:
        while goes_on() and (left_s := until_s - time.monotonic()) > 0:
            if self._stopped.wait(min(left_s, _LOOK_AGAIN_S)):
                return

    def pause(self, work: int, used_s: float) -> None:
        """Let others work, also before a known peer is served: one that comes must be let in.

        Of several strangers with long work, one works at a time.
        """
        now = time.monotonic()
        with self._lock:
            self._working[work] = now
            for one, at in list(self._working.items()):
                if at < now - _WORKS_WITHIN_S:
                    del self._working[one]
            others = len(self._working) - 1
        if self.is_contended:
            self.pay(used_s)
        elif others:
            self._stopped.wait(min(others * used_s, _LONGEST_PAUSE_S))

    def stop(self) -> None:
        """Let everybody go on, as the end of the process asks."""
        self._stopped.set()


class _Account:
    """What all of one kind, or all associations of one title, have used together."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._paid_until_s = 0.0

    def owes(self, now_s: float) -> bool:
        return self._paid_until_s > now_s

    def is_forgotten(self, now_s: float) -> bool:
        return self._paid_until_s < now_s - _CREDIT_S

    def paid_until_s(self, used_s: float, now_s: float, divided_by: int = 1) -> float:
        """When the share allows for so much more; of the monotonic clock."""
        begin_s = min(max(self._paid_until_s, now_s - _CREDIT_S), now_s + _LONGEST_WAIT_S)
        self._paid_until_s = begin_s + used_s * divided_by / self._share
        return self._paid_until_s


class StrangersWork:
    """Long work for an unknown peer, which pays for it piece by piece."""

    def __init__(self, share: ProcessorShare, has_paid: Callable[[], None]) -> None:
        """`has_paid` is called whenever the thread's processor time is paid for until then."""
        self._share = share
        self._has_paid = has_paid
        self._since_s = time.thread_time()

    def pause(self) -> None:
        self._share.pause(id(self), time.thread_time() - self._since_s)
        self._since_s = time.thread_time()
        self._has_paid()
