"""Group commit: what is staged while a batch is being committed joins the next one.

One thread of those that wait does the work for all: their records become
durable with one write and one sync, then their rows with one transaction. Each
of the others is woken once, when its instance is committed or when it is its turn to
lead, so that a batch costs few switches between threads.
"""

import threading
from collections.abc import Callable

from storage.core.errors import MediViewError
from storage.deletion.renewal import Renewal
from storage.index.indexer import Indexer
from storage.index.insert_instance import NewInstance, Outcome
from storage.ingest.cooperative_wait import SHARED_THREAD
from storage.volumes.writer import StagedRecord, VolumeWriter


class _Pending:
    __slots__ = ("_commit", "error", "is_done", "is_leader", "new", "outcome", "staged", "wake")

    def __init__(
        self,
        commit: "GroupCommit",
        new: NewInstance,
        staged: StagedRecord | None,
        wake: Callable[[], None],
    ) -> None:
        self._commit = commit
        self.new = new
        self.staged = staged
        self.wake = wake
        self.outcome: Outcome | None = None
        self.error: MediViewError | None = None
        self.is_leader = False
        self.is_done = False

    def lead(self) -> None:
        self._commit.lead(self)

    def result(self) -> Outcome:
        if self.error is not None:
            raise self.error
        if self.outcome is None:
            raise RuntimeError("an instance was passed over by the group commit")
        return self.outcome


class GroupCommit:
    """Makes records durable and indexes them. Safe for threads."""

    def __init__(self, volumes: VolumeWriter, indexer: Indexer, renewal: Renewal) -> None:
        self._volumes = volumes
        self._indexer = indexer
        self._renewal = renewal
        self._lock = threading.Lock()
        self._waiting: list[_Pending] = []
        self._is_led = False

    def commit(self, new: NewInstance, staged: StagedRecord | None = None) -> Outcome:
        """Return once the record is durable and then its row committed.

        Without `staged` the record is durable already. Raises
        StorageUnavailable, StorageFull; then nothing of the instance is visible. Where the
        record was durable by then, reconciliation may give it a row later.
        """
        thread = SHARED_THREAD.get()
        if thread is None:
            return self._commit_in_own_thread(new, staged)
        pending = _Pending(self, new, staged, thread.wake)
        self._enter(pending)
        thread.wait_until_done(pending)
        return pending.result()

    def _commit_in_own_thread(self, new: NewInstance, staged: StagedRecord | None) -> Outcome:
        """In a thread that may wait."""
        # Taken now and released by another thread: the cheapest way to be woken.
        woken = threading.Lock()
        woken.acquire()
        pending = _Pending(self, new, staged, woken.release)
        self._enter(pending)
        if not pending.is_leader:
            woken.acquire()
        if not pending.is_done:
            self.lead(pending)
        return pending.result()

    def _enter(self, pending: _Pending) -> None:
        with self._lock:
            self._waiting.append(pending)
            pending.is_leader, self._is_led = not self._is_led, True

    def lead(self, own: _Pending) -> None:
        """Settle all that wait, the leader's own among them; then another leads."""
        with self._lock:
            batch, self._waiting = self._waiting, []
        try:
            self._commit(batch)
        finally:
            with self._lock:
                successor = self._waiting[0] if self._waiting else None
                self._is_led = successor is not None
            for pending in batch:
                pending.is_done = True
            if successor is not None:
                successor.is_leader = True
                successor.wake()
            for pending in batch:
                if pending is not own:
                    pending.wake()

    def _commit(self, batch: list[_Pending]) -> None:
        durable = [pending for pending in batch if self._is_durable(pending)]
        # Nothing is deleted most of the time: then one look is enough for all of them.
        if not self._renewal.are_current([pending.new for pending in durable]):
            durable = [pending for pending in durable if self._is_renewed(pending)]
        new = [pending.new for pending in durable]
        results = self._indexer.write(new)
        are_current = self._renewal.are_current(new)
        for pending, result in zip(durable, results, strict=True):
            try:
                if isinstance(result, MediViewError):
                    raise result
                pending.outcome = (
                    result if are_current else self._renewal.after_row(pending.new, result)
                )
            except MediViewError as error:
                pending.error = error

    def _is_durable(self, pending: _Pending) -> bool:
        try:
            if pending.staged is not None:
                self._volumes.wait_for(pending.staged)
        except MediViewError as error:
            pending.error = error
            return False
        return True

    def _is_renewed(self, pending: _Pending) -> bool:
        try:
            pending.new = self._renewal.before_row(pending.new)
        except MediViewError as error:
            pending.error = error
            return False
        return True
