"""What one worker process holds: its storage, its heartbeat, and the keeping of the audit trail.

And what holds it: made after the fork, and notified from outside when to stop.
"""

import mmap
import os
import socket
import threading
import uuid
from contextlib import ExitStack, suppress
from itertools import count
from typing import Any

import structlog

from inference.failures import place
from inference.machine_memory import be_first_to_go
from inference.model_registry.sharing import fetching
from inference.models.gpu_memory import used_gpus
from inference.process_memory import collect_rarely
from inference.running_jobs import RunningJobs, watched_by
from inference.site_rules.saving import follow_saved_rules
from storage.audit.keeper import AuditKeeper
from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.core.errors import MediViewError
from storage.db.due.commit_watch import CommitWatch
from storage.maintenance.own_folder import keeping_own_folder, leaving_in_order
from storage.processes.descendants import begin_adopting, end_adopting
from storage.processes.gpu_memory import GpuMemoryNotes
from storage.processes.heartbeats import BEAT_EVERY_S
from storage.processes.process_roles import Queue, worker_name
from storage.settings import Settings

log = structlog.get_logger(__name__)

_AUDIT_S = 1.0
_AUDIT_SETTLE_S = 5.0
_AUDIT_IDLE_S = 10.0
_KEEPER_END_S = 5.0
# The half a minute within which docs/routing.md promises saved rules on every host.
_RULES_EVERY_BEATS = 6


class Process:
    """What one worker process holds: its storage, opened once, and its heartbeat."""

    def __init__(
        self, settings: Settings, queue: Queue, running: RunningJobs | None = None
    ) -> None:
        self._settings = settings
        self.queue = queue
        self.running = running
        self._stack = ExitStack()
        self._opening = threading.Lock()
        self._storage: Storage | None = None
        self._ended = threading.Event()
        self._keeping: threading.Thread | None = None
        self._keeping_watch: CommitWatch | None = None
        self._gpus: GpuMemoryNotes | None = None
        # A new name for each process: leases of one that died are nobody's.
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"

    @property
    def storage(self) -> Storage:
        with self._opening:
            if self._storage is None:
                with ExitStack() as opening:
                    storage = opening.enter_context(open_storage(self._settings))
                    # The control process decides what runs; workers fetch what a job needs.
                    only_removed = self.queue != "control"
                    opening.enter_context(fetching(storage, only_removed=only_removed))
                    keeping = keeping_own_folder if only_removed else leaving_in_order
                    opening.enter_context(keeping(storage))
                    opening.enter_context(storage.audit.running(f"worker-{self.queue}"))
                    self._stack = opening.pop_all()
                self._storage = storage
            return self._storage

    def start_heartbeat(self) -> None:
        threading.Thread(target=self._beat, name="worker-heartbeat", daemon=True).start()

    def start_audit_keeper(self) -> None:
        self._keeping = threading.Thread(target=self._keep_audit, name="audit-keeper", daemon=True)
        self._keeping.start()

    def close(self) -> None:
        self._ended.set()
        if self._keeping_watch is not None:
            self._keeping_watch.stop()
        if self._keeping is not None:
            self._keeping.join(_KEEPER_END_S)
            if self._keeping_watch is not None and not self._keeping.is_alive():
                self._keeping_watch.close()
        self._forget_gpus()
        self._stack.close()

    def _keep_audit(self) -> None:
        """A thread of its own: an audit repository that is away must hold up nothing else."""
        keeper: AuditKeeper | None = None
        while not self._ended.is_set():
            try:
                keeper = keeper or self._open_keeper()
                keeper.round(utcnow(), self._ended.is_set)
            except Exception as error:  # noqa: BLE001 - the edge of a thread: the next round may work
                log.error("audit_keeping_failed", error=type(error).__name__, place=place(error))
            if keeper is None or self._keeping_watch is None:
                self._ended.wait(_AUDIT_S)
                continue
            if keeper.is_troubled:
                self._keeping_watch.stay_busy()
            # Who ends the process may have looked for the watch before it was there.
            if not self._ended.is_set():
                self._keeping_watch.wait()
        if keeper is not None:
            keeper.close()

    def _open_keeper(self) -> AuditKeeper:
        engine, settings = self.storage.engine, self._settings
        if self._keeping_watch is None:
            self._keeping_watch = CommitWatch(
                engine, busy_s=_AUDIT_S, settle_s=_AUDIT_SETTLE_S, idle_s=_AUDIT_IDLE_S
            )
        return AuditKeeper(engine, settings, self.storage.audit)

    def _beat(self) -> None:
        for beats in count():
            try:
                self.storage.heartbeats.beat(worker_name(self.queue), utcnow())
            except MediViewError as error:
                log.warning("worker_heartbeat_failed", queue=self.queue, error=error.code)
            except Exception as error:  # noqa: BLE001 - the edge of a thread: a silent worker counts as dead
                name = type(error).__name__
                log.error("worker_heartbeat_failed", error=name, place=place(error))
            if beats % _RULES_EVERY_BEATS == 0:
                self._follow_rules()
                self._note_gpus()
            if self._ended.wait(BEAT_EVERY_S):
                return

    def _follow_rules(self) -> None:
        """They are saved on any host; the accounts of other workers than this may save none."""
        adopts = self.queue == "control"
        try:
            follow_saved_rules(self._settings, self.storage.rule_versions, adopts=adopts)
        except (MediViewError, OSError) as error:
            log.warning("rules_not_followed", error=type(error).__name__)
        except Exception as error:  # noqa: BLE001 - the edge of a thread: it gives signs of life, too
            log.error("rules_not_followed", error=type(error).__name__, place=place(error))

    def _note_gpus(self) -> None:
        """Where this process has computed on one; another process would ask in vain."""
        try:
            found = used_gpus()
            if found and self._gpus is None:
                host, name = socket.gethostname(), worker_name(self.queue)
                self._gpus = GpuMemoryNotes(self.storage.engine, self.owner, host, name)
            if self._gpus is not None:
                self._gpus.note(found, utcnow())
        except MediViewError as error:
            log.warning("gpu_memory_not_noted", error=error.code)
        except Exception as error:  # noqa: BLE001 - the edge of a thread: it gives signs of life, too
            log.error("gpu_memory_not_noted", error=type(error).__name__, place=place(error))

    def _forget_gpus(self) -> None:
        with suppress(MediViewError):
            if self._gpus is not None:
                self._gpus.forget()


class StopFlag:
    """Set in the worker, seen in the child that it forked: the job ends at its next step."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 1)

    def set(self, **_: Any) -> None:
        self._shared[0] = 1

    def is_set(self) -> bool:
        return bool(self._shared[0])


class Holder:
    """The process's state, made after the fork and never shared across it."""

    def __init__(self) -> None:
        self._process: Process | None = None

    def open(self, process: Process) -> None:
        self._process = process
        process.start_heartbeat()
        if process.queue == "control":
            process.start_audit_keeper()
        else:
            collect_rarely()
            be_first_to_go()
            begin_adopting()
            watched_by(process.running)

    def close(self) -> None:
        if self._process is not None:
            self._process.close()
            self._process = None
            end_adopting()

    @property
    def process(self) -> Process:
        if self._process is None:
            raise RuntimeError("a task ran outside a worker that run_worker started")
        return self._process
