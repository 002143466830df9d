"""Group commit: whoever comes while a batch is on its way joins the next one.

One thread of those that wait does the work for all: their records become
durable with one write and one sync, then their rows with one transaction. Each
of the others is woken once, when its instance is kept or when it is its turn to
work, so that a batch costs few switches between threads.
"""

import threading
from collections.abc import Callable

from storage.core.errors import MediViewError
from storage.index.indexer import Indexer
from storage.index.insert_instance import NewInstance, Outcome
from storage.ingest.cooperative_wait import CROWD
from storage.volumes.writer import Staged, VolumeWriter


class _Ticket:
    __slots__ = ("_commit", "error", "is_leader", "is_settled", "new", "outcome", "staged", "wake")

    def __init__(
        self,
        commit: "GroupCommit",
        new: NewInstance,
        staged: Staged | None,
        wake: Callable[[], None],
    ) -> None:
        self._commit = commit
        self.new = new
        self.staged = staged
        self.wake = wake
        self.outcome: Outcome | None = None
        self.error: MediViewError | None = None
        self.is_leader = False
        self.is_settled = False

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

    def __init__(self, volumes: VolumeWriter, indexer: Indexer) -> None:
        self._volumes = volumes
        self._indexer = indexer
        self._lock = threading.Lock()
        self._waiting: list[_Ticket] = []
        self._is_led = False

    def keep(self, new: NewInstance, staged: Staged | None = None) -> Outcome:
        """Return once the record is durable and then its row committed.

        Without `staged` the record is durable already. Raises
        StorageUnavailable, StorageFull; then nothing of the instance is visible.
        """
        crowd = CROWD.get()
        if crowd is None:
            return self._keep_alone(new, staged)
        ticket = _Ticket(self, new, staged, crowd.wake)
        self._enter(ticket)
        crowd.wait_until_settled(ticket)
        return ticket.result()

    def _keep_alone(self, new: NewInstance, staged: Staged | None) -> Outcome:
        """In a thread that may wait."""
        # Taken now and released by another thread: the cheapest way to be woken.
        woken = threading.Lock()
        woken.acquire()
        ticket = _Ticket(self, new, staged, woken.release)
        self._enter(ticket)
        if not ticket.is_leader:
            woken.acquire()
        if not ticket.is_settled:
            self.lead(ticket)
        return ticket.result()

    def _enter(self, ticket: _Ticket) -> None:
        with self._lock:
            self._waiting.append(ticket)
            ticket.is_leader, self._is_led = not self._is_led, True

    def lead(self, own: _Ticket) -> None:
        """Settle all that wait, the leader's own among them; then another leads."""
        with self._lock:
            batch, self._waiting = self._waiting, []
        try:
            self._commit(batch)
        finally:
            with self._lock:
                successor = self._waiting[0] if self._waiting else None
                self._is_led = successor is not None
            for ticket in batch:
                ticket.is_settled = True
            if successor is not None:
                successor.is_leader = True
                successor.wake()
            for ticket in batch:
                if ticket is not own:
                    ticket.wake()

    def _commit(self, batch: list[_Ticket]) -> None:
        durable = [ticket for ticket in batch if self._is_durable(ticket)]
        results = self._indexer.write([ticket.new for ticket in durable])
        for ticket, result in zip(durable, results, strict=True):
            if isinstance(result, MediViewError):
                ticket.error = result
            else:
                ticket.outcome = result

    def _is_durable(self, ticket: _Ticket) -> bool:
        try:
            if ticket.staged is not None:
                self._volumes.wait_for(ticket.staged)
        except MediViewError as error:
            ticket.error = error
            return False
        return True
