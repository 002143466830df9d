"""Success only once the bucket has what was received (`MEDIVIEW_ACKNOWLEDGE=bucket`).

The record is durable in a volume and its row committed before; here its sender is kept waiting for
the copy. Threads of this process make it, a few at once, so that the associations which share a
thread go on meanwhile, and so that no call to the bucket lasts longer for the sender than it may.
"""

import queue
import threading
import time
from collections.abc import Callable

import structlog

from storage.core.errors import MediViewError, StorageUnavailable
from storage.ingest.cooperative_wait import SHARED_THREAD
from storage.objects.keys import Named

log = structlog.get_logger(__name__)

COPIES_AT_ONCE = 8
_AGAIN_S = 0.1
_PAUSE_S = 5.0


class _Waiting:
    """One instance for which a sender waits; a `PendingCommit` that nobody has to lead."""

    is_leader = False

    def __init__(self, instance: Named, within_s: float, wake: Callable[[], None]) -> None:
        self.instance = instance
        self.until_s = time.monotonic() + within_s
        self.error: MediViewError | None = None
        self.has_ended = False
        self.wake = wake

    @property
    def is_late(self) -> bool:
        return time.monotonic() >= self.until_s

    @property
    def is_done(self) -> bool:
        return self.has_ended or self.is_late

    def lead(self) -> None:
        """Nothing is committed together here."""


class BucketConfirmation:
    """Safe for threads. Its own threads begin with the first instance, after any fork."""

    def __init__(self, bring: Callable[[Named], bool], within_s: float) -> None:
        """`bring`: `BucketCopy.bring`."""
        self._bring_once = bring
        self._within_s = within_s
        self._waiting: queue.SimpleQueue[_Waiting] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._refused_until_s = 0.0

    def check(self) -> None:
        """Before anything is stored: refuse for some seconds after the bucket did not answer.

        Raises StorageUnavailable.
        """
        if time.monotonic() < self._refused_until_s:
            raise StorageUnavailable(
                "The bucket did not answer a moment ago, and nothing is acknowledged without it.",
                remedy="Check the bucket; the sender may try again in some seconds.",
            )

    def wait_for(self, instance: Named) -> None:
        """Return once the bucket has the instance, or it was deleted.

        Raises StorageUnavailable where that does not come in time; the instance stays where it was
        stored, and is copied later.
        """
        self._begin()
        shared = SHARED_THREAD.get()
        came = threading.Event()
        wake = came.set if shared is None else shared.wake
        waiting = _Waiting(instance, self._within_s, wake)
        self._waiting.put(waiting)
        if shared is None:
            came.wait(self._within_s)
        else:
            shared.wait_until_done(waiting)
        if not waiting.has_ended:
            self._refused_until_s = time.monotonic() + _PAUSE_S
            log.warning("not_in_bucket_in_time", sop_instance_uid=instance.sop_instance_uid)
            raise StorageUnavailable(
                f"The bucket has not got this instance within {self._within_s:g} s.",
                remedy="Send it again. Check the bucket, or raise MEDIVIEW_ACKNOWLEDGE_WITHIN_S.",
            )
        if waiting.error is not None:
            raise waiting.error

    def _begin(self) -> None:
        with self._lock:
            if len(self._threads) < COPIES_AT_ONCE:
                # A daemon: a bucket that does not answer must not keep the node from ending.
                thread = threading.Thread(target=self._serve, name="to-bucket", daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self) -> None:
        while True:
            waiting = self._waiting.get()
            if waiting.is_late:
                continue
            try:
                self._bring(waiting)
            except MediViewError as error:
                self._refused_until_s = time.monotonic() + _PAUSE_S
                waiting.error = error
            except Exception as error:
                # The edge of a thread: the sender is refused, and the next instance is tried.
                log.error("not_copied_to_bucket", error=type(error).__name__, exc_info=True)
                waiting.error = StorageUnavailable(
                    "This instance could not be copied to the bucket.",
                    remedy="Send it again; the node's log has the cause.",
                )
            waiting.has_ended = True
            waiting.wake()

    def _bring(self, waiting: _Waiting) -> None:
        """Raises StorageUnavailable."""
        while not self._bring_once(waiting.instance):
            # A deleted namesake is still to leave the bucket, or the record was found damaged.
            if time.monotonic() + _AGAIN_S >= waiting.until_s:
                raise StorageUnavailable(
                    "This instance cannot be copied to the bucket yet.",
                    remedy="Send it again. Where a deletion of it does not end, look at /health.",
                )
            time.sleep(_AGAIN_S)
        self._refused_until_s = 0.0
