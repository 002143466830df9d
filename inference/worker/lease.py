"""Keep a job's lease alive while its worker works, and notice when it is lost."""

import threading
from types import TracebackType
from typing import Self

import structlog

from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.errors import StorageFull, StorageUnavailable

log = structlog.get_logger(__name__)

_RENEWALS_PER_LEASE = 4


class LeaseLost(Exception):
    """The job is no longer ours: cancelled, or taken by another worker."""


class Lease:
    """Renews from a thread, since a model's native code may run for longer than a lease."""

    def __init__(self, storage: Storage, job_id: str, owner: str) -> None:
        self._storage = storage
        self._job_id = job_id
        self._owner = owner
        self._done = threading.Event()
        self._lost = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="job-lease", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()

    def check(self) -> None:
        """Raise LeaseLost once the lease is known to be lost."""
        if self._lost.is_set():
            raise LeaseLost(self._job_id)

    def _renew(self) -> None:
        lease_s = self._storage.settings.job_lease_s
        while not self._done.wait(lease_s / _RENEWALS_PER_LEASE):
            try:
                held = self._storage.jobs.renew(self._job_id, self._owner, lease_s, utcnow())
            except (StorageUnavailable, StorageFull):
                # The next renewal may succeed before the lease runs out; if it runs out and
                # another worker takes the job, that renewal says so.
                log.warning("job_lease_not_renewed", job_id=self._job_id)
                continue
            if not held:
                self._lost.set()
                return
