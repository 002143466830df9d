"""Celery's part: thin tasks, and four kinds of worker.

`control` has the clock and the deliveries, in threads: they wait for others most of the
time. `jobs` runs models, one at a time in a child process, so that native code that
crashes takes only the child with it, and keeps its model warm from job to job. `language`
answers people in the same way, apart from `jobs`, so that nobody waits behind a long job.
`interactive` gives each session of an interactive model a process of its own.
"""

import os
import socket
import threading
import uuid
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import structlog
from celery import Celery, signals
from celery.exceptions import SecurityWarning

from inference.broker.celery_config import (
    ANSWER_TASK,
    CONTROL_QUEUE,
    DELIVER_TASK,
    EMBED_TASK,
    GPU_QUEUE,
    HOUSEKEEP_TASK,
    INTERACTIVE_TASK,
    LANGUAGE_QUEUE,
    NOTIFY_TASK,
    PRIORS_TASK,
    PROJECTS_TASK,
    RETENTION_TASK,
    RUN_JOB_TASK,
    SEND_HL7_TASK,
    TICK_TASK,
    TRACES_TASK,
    UPS_SOURCES_TASK,
    backlog,
    configuration,
    leave_logging_alone,
    processes_of,
    tick_expiry_s,
)
from inference.deliveries.service import deliver_due
from inference.deliveries.slots import SendingSlots
from inference.pipeline import Pipeline
from inference.priors.search_and_fetch import search_and_fetch_due
from inference.reports.export.hl7_delivery import send_due
from inference.running_jobs import RunningJobs
from inference.self_test.run import start_self_test
from inference.traces.task import TracesTask
from inference.ups_sources.task import OthersWorklists
from inference.webhooks.senders import AT_ONCE, Senders
from inference.webhooks.service import notify_due
from inference.worker.disk_watch import watch_disk
from inference.worker.due_work import DUE_OF_TWO_QUEUES, JOBS_PER_ROUND, WakeUps, wake_up_expiry_s
from inference.worker.ended_jobs import note_ended, start_noting
from inference.worker.interactive_queue import InteractiveQueue
from inference.worker.job_pool import JobPool
from inference.worker.job_watch import JobWatch
from inference.worker.language_queue import answer_due, embed_due
from inference.worker.maintenance import Maintenance
from inference.worker.process import Holder, Process, StopFlag
from inference.worker.scheduler import Scheduler
from inference.worker.task_edge import at_edge, if_free
from storage.core.clock import utcnow
from storage.processes.process_roles import Queue, worker_name
from storage.processes.signs_of_life import SignOfLife
from storage.processes.stop_requests import readable_at_signals
from storage.settings import Settings

log = structlog.get_logger(__name__)

# One slow destination must not stop the others, nor take the threads of the clock: there is one
# for each delivery and for each other task, since any of them may wait for somebody.
_DELIVERIES_AT_ONCE = 4
# As many more, while others have been busy for long (`SendingSlots`).
_SLOW_DELIVERIES = 8
_FETCHING_AT_ONCE = 2
# A round lasts as long as the slowest receiver that it called. Each has a sender, so that there is
# one to begin while a sender is free.
_NOTIFYING_AT_ONCE = AT_ONCE
_CONTROL_THREADS = (
    _DELIVERIES_AT_ONCE + _SLOW_DELIVERIES + _FETCHING_AT_ONCE + _NOTIFYING_AT_ONCE + 7
)
# A child that grew beyond this is replaced after its job; a warm model alone stays below.
_CHILD_MAX_MEMORY_KIB = 6 * 1024 * 1024
_CHILD_MAX_JOBS = 500
_CANDIDATES = 8
# For the language worker, which looks at everything each time it is woken.
_WAKE_UPS_WAITING = 4


def celery_app(
    settings: Settings,
    pipelines: Sequence[Pipeline] | None = None,
    *,
    holder: Holder | None = None,
    stopping: Callable[[], bool] | None = None,
) -> Celery:
    """The application with its tasks; `pipelines` replaces the catalogue of the box.

    A producer needs the settings alone. The rest is handed in by `run_worker`.
    """
    app = Celery("mediview", set_as_current=False)
    app.conf.update(configuration(settings))
    held = holder or Holder()
    stop = stopping or _never
    deliveries = threading.BoundedSemaphore(_DELIVERIES_AT_ONCE + _SLOW_DELIVERIES)
    slots = SendingSlots(_DELIVERIES_AT_ONCE, _SLOW_DELIVERIES)
    notifying = threading.BoundedSemaphore(_NOTIFYING_AT_ONCE)
    senders = Senders()
    sending_hl7 = threading.BoundedSemaphore(1)
    fetching = threading.BoundedSemaphore(_FETCHING_AT_ONCE)
    exporting = threading.BoundedSemaphore(1)
    maintenance = Maintenance(held, stop)
    schedulers: list[Scheduler] = []
    making = threading.Lock()

    def send_jobs(job_ids: Sequence[str], queue: str) -> None:
        # With no worker for them, wake-ups would fill the broker; the ledger keeps the jobs.
        room = max(2 * JOBS_PER_ROUND - backlog(app, queue), 0)
        for job_id in job_ids[:room]:
            app.send_task(RUN_JOB_TASK, (job_id,), queue=queue, expires=wake_up_expiry_s(settings))

    def send(task: str) -> None:
        app.send_task(task, expires=tick_expiry_s(settings))

    def send_language(task: str) -> None:
        # A busy worker looks for more before it ends.
        if backlog(app, LANGUAGE_QUEUE) < _WAKE_UPS_WAITING:
            send(task)

    def clock() -> Scheduler:
        with making:
            if not schedulers:
                schedulers.append(
                    Scheduler(
                        held.process.storage,
                        pipelines=pipelines,
                        wake=WakeUps(
                            jobs=send_jobs,
                            delivery=partial(send, DELIVER_TASK),
                            notices=partial(send, NOTIFY_TASK),
                            hl7=partial(send, SEND_HL7_TASK),
                            answer=partial(send_language, ANSWER_TASK),
                            embedding=partial(send_language, EMBED_TASK),
                            priors=partial(send, PRIORS_TASK),
                            exports=partial(send, PROJECTS_TASK),
                            ups_sources=partial(send, UPS_SOURCES_TASK),
                            traces=partial(send, TRACES_TASK),
                        ),
                    )
                )
            return schedulers[0]

    @app.task(name=TICK_TASK)  # type: ignore[untyped-decorator]  # celery has no types
    def tick() -> None:
        at_edge("tick", lambda: clock().tick(utcnow()))

    # Where as many as may run are running, they look for more before they end.
    @app.task(name=DELIVER_TASK)  # type: ignore[untyped-decorator]
    def deliver() -> None:
        if_free(
            deliveries,
            "deliver",
            lambda: deliver_due(held.process.storage, utcnow(), held.process.owner, stop, slots),
        )

    for name, work in (
        (HOUSEKEEP_TASK, maintenance.housekeep),
        (RETENTION_TASK, maintenance.apply_retention),
        (INTERACTIVE_TASK, InteractiveQueue(held, stop).serve),
        (TRACES_TASK, TracesTask(lambda: held.process.storage, stop).send),
        (UPS_SOURCES_TASK, OthersWorklists(lambda: held.process.storage, stop, pipelines).perform),
    ):
        app.task(name=name)(work)

    @app.task(name=NOTIFY_TASK)  # type: ignore[untyped-decorator]
    def notify() -> None:
        if_free(
            notifying,
            "notify",
            lambda: notify_due(held.process.storage, held.process.owner, stop, senders),
        )

    # One after the other: versions of a report must arrive in their order.
    @app.task(name=SEND_HL7_TASK)  # type: ignore[untyped-decorator]
    def hl7() -> None:
        if_free(
            sending_hl7, "hl7", lambda: send_due(held.process.storage, held.process.owner, stop)
        )

    @app.task(name=PRIORS_TASK)  # type: ignore[untyped-decorator]
    def fetch_priors() -> None:
        if_free(
            fetching,
            "priors",
            lambda: search_and_fetch_due(held.process.storage, held.process.owner, stop),
        )

    @app.task(name=PROJECTS_TASK)  # type: ignore[untyped-decorator]
    def export_projects() -> None:
        # With what reads and writes instances, which a process needs only where there is an export.
        from inference.projects.export import export_due

        if_free(
            exporting, "export", lambda: export_due(held.process.storage, held.process.owner, stop)
        )

    @app.task(name=ANSWER_TASK)  # type: ignore[untyped-decorator]
    def answer() -> None:
        at_edge("answer", lambda: answer_due(held.process, stop))

    @app.task(name=EMBED_TASK)  # type: ignore[untyped-decorator]
    def embed() -> None:
        at_edge("embed", lambda: embed_due(held.process, stop))

    @app.task(name=RUN_JOB_TASK, acks_late=True)  # type: ignore[untyped-decorator]
    def run(job_id: str) -> None:
        """Run the most urgent due job; `job_id` says only why somebody was woken."""
        at_edge("run_job", lambda: _run_due(held.process, pipelines, stop))
        at_edge("wake_after_job", lambda: _wake_after_job(held.process, send))

    return app


def _run_due(
    process: Process, pipelines: Sequence[Pipeline] | None, stopping: Callable[[], bool]
) -> None:
    # What encodes results is large, and the processes of clock and deliveries need none of it.
    from inference.model_trial.due import run_due_trial
    from inference.scheduling.shadow_running import run_due_shadow
    from inference.worker.early_work import compute_early
    from inference.worker.run import run_job

    note_ended(process)
    settings = process.storage.settings
    wants_gpu = settings.wants_gpu
    # Those of the other queue may stand before ours.
    candidates = DUE_OF_TWO_QUEUES if settings.gpu_pipelines else _CANDIDATES
    for job in process.storage.jobs.due(utcnow(), candidates):
        if stopping():
            return
        if wants_gpu(job.pipeline) != (process.queue == GPU_QUEUE):
            continue
        owner = f"{process.owner}:{uuid.uuid4().hex[:8]}"
        if run_job(process.storage, job.job_id, owner, pipelines=pipelines, stopping=stopping):
            return

    def is_ours(pipeline: str) -> bool:
        return wants_gpu(pipeline) == (process.queue == GPU_QUEUE)

    if compute_early(process.storage, process.owner, pipelines, stopping, is_ours):
        return
    if run_due_trial(process.storage, is_ours):
        return
    # Nobody waits: time for those whom nobody hears.
    run_due_shadow(
        process.storage,
        pipelines,
        stopping,
        is_ours,
    )


def _wake_after_job(process: Process, send: Callable[[str], None]) -> None:
    send(TICK_TASK)
    # A tick has much to do before it comes to what the job wants sent.
    if process.storage.deliveries.is_any_due(utcnow()):
        send(DELIVER_TASK)


def _never() -> bool:
    return False


def run_worker(
    settings: Settings, queue: Queue, pipelines: Sequence[Pipeline] | None = None
) -> int:
    """Work on one queue until SIGTERM or SIGINT; returns the exit status. Blocks.

    A running job is given back to the ledger at its next step.
    """
    holder, stop = Holder(), StopFlag()
    # The processes of the pool write into it, and this one looks.
    running = None if queue == CONTROL_QUEUE else RunningJobs()
    app = celery_app(settings, pipelines, holder=holder, stopping=stop.is_set)

    def opened(**_: Any) -> None:
        holder.open(process := Process(settings, queue, running))
        start_noting(process)
        if queue == CONTROL_QUEUE:
            held = process.storage
            watch_disk(settings, held.volumes, held.retention, evict, stop.is_set)

    def evict(ahead_bytes: int) -> None:
        app.send_task(RETENTION_TASK, (ahead_bytes,), expires=tick_expiry_s(settings))

    def closed(**_: Any) -> None:
        holder.close()

    signals.setup_logging.connect(leave_logging_alone, weak=False)
    signals.worker_shutting_down.connect(stop.set, weak=False)
    if queue == CONTROL_QUEUE:
        signals.worker_init.connect(opened, weak=False)
        signals.worker_shutdown.connect(closed, weak=False)
        pool: dict[str, Any] = {"pool": "threads", "concurrency": _CONTROL_THREADS}
    else:
        signals.worker_process_init.connect(opened, weak=False)
        signals.worker_process_shutdown.connect(closed, weak=False)
        pool = {
            "pool": JobPool,
            "concurrency": 1,
        }
        if queue != LANGUAGE_QUEUE:
            # A language model is meant to stay, however large, and one answers.
            pool["max_memory_per_child"] = _CHILD_MAX_MEMORY_KIB
            pool["max_tasks_per_child"] = _CHILD_MAX_JOBS
            processes = processes_of(settings, queue)
            if processes > 1:
                # A process more while jobs wait, one less where there is nothing to do.
                pool["autoscale"] = f"{processes},1"
    # It warns of root because of pickled messages; ours are JSON, and nothing else is taken.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    worker = app.Worker(
        hostname=f"{queue}-{os.getpid()}@{socket.gethostname()}",
        queues=[queue],
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        quiet=True,
        **pool,
    )
    if running is not None:
        JobWatch(settings, running).start()
    # Of this process, and not of those that run jobs: a model may hold theirs up for long.
    SignOfLife(settings, worker_name(queue)).keep_giving()
    log.info("worker_started", queue=queue)
    if queue == LANGUAGE_QUEUE and settings.self_test:
        start_self_test(settings)
    with readable_at_signals() as woken_by:
        if not settings.broker_url:
            app.conf.broker_transport_options["woken_by"] = woken_by
        worker.start()
    log.info("worker_ended", queue=queue)
    return int(worker.exitcode or 0)
