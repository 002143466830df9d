"""A sender to each host that never stops while faults come and go: how long it had no answer."""

import random
import threading
import time
from contextlib import suppress
from itertools import pairwise

from pydicom.uid import CTImageStorage

from tests.chaos.ledger import Ledger
from tests.faults.pushing import Batch, Sent
from tests.faults.raw_peer import RawPeer, Rejected

_PAUSE_S = 2.0
_RETRY_S = 0.5
# A modality's, more or less; the time without an acknowledgement goes on meanwhile.
_ANSWER_S = 20.0


class Steady:
    """An instance every two seconds, the same one again until it is acknowledged."""

    def __init__(self, port: int, ledger: Ledger, rng: random.Random) -> None:
        self._port, self._ledger = port, ledger
        self._batch = Batch(rng.randrange(1 << 32))
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="steady", daemon=True)
        self._acknowledged_at_s: list[float] = []
        self._began_s = self._ended_s = 0.0
        self.uids: set[str] = set()

    def start(self) -> None:
        self._began_s = time.monotonic()
        self._thread.start()

    def stop(self) -> None:
        self._ended_s = time.monotonic()
        self._stopped.set()
        self._thread.join(2 * _ANSWER_S)

    def longest_gap_s(self, begun_s: float, ended_s: float) -> float:
        """Of those that reach into that time, with all that lies before and after it.

        A host that acknowledged nothing was silent from the start to the end.
        """
        acknowledged = [at for at in self._acknowledged_at_s if at <= self._ended_s]
        times = [self._began_s, *acknowledged, self._ended_s]
        return max(
            (
                after - before
                for before, after in pairwise(times)
                if after > begun_s and before < ended_s
            ),
            default=0.0,
        )

    def _run(self) -> None:
        one = self._next()
        while not self._stopped.is_set():
            with suppress(OSError, Rejected), RawPeer(self._port, limit_s=_ANSWER_S) as peer:
                peer.associate(calling=b"STEADY")
                while not self._stopped.is_set():
                    status = peer.store(
                        one.sop_instance_uid, one.data_set, sop_class_uid=CTImageStorage
                    )
                    if status == 0x0000:
                        self._acknowledged_at_s.append(time.monotonic())
                        batch = self._batch
                        series = batch.series_instance_uids[0]
                        self._ledger.stored(one, batch.study_instance_uid, series, "steady")
                        one = self._next()
                    self._stopped.wait(_PAUSE_S)
                peer.release()
            self._stopped.wait(_RETRY_S)

    def _next(self) -> Sent:
        one = self._batch.make()
        self.uids.add(one.sop_instance_uid)
        self._ledger.unanswered.add(one.sop_instance_uid)
        return one
