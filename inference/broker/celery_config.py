"""What Celery is given; nothing of a patient ever travels in a message.

Messages are wake-ups. The ledger (`storage.jobs.repository`, `storage.deliveries.repository`) is
the queue, so every message may be lost, doubled or late.
"""

import math
from pathlib import Path
from typing import Any

from celery import Celery
from kombu import Queue, compression

from inference.broker.file_broker import TRANSPORT, prepare_folder
from storage.core.clock import CLOCKS_AGREE_WITHIN_S
from storage.settings import Settings

CONTROL_QUEUE = "control"
JOBS_QUEUE = "jobs"
GPU_QUEUE = "gpu"
LANGUAGE_QUEUE = "language"
INTERACTIVE_QUEUE = "interactive"
TICK_TASK = "mediview.tick"
DELIVER_TASK = "mediview.deliver"
RUN_JOB_TASK = "mediview.run_job"
HOUSEKEEP_TASK = "mediview.housekeep"
RETENTION_TASK = "mediview.apply_retention"
NOTIFY_TASK = "mediview.notify"
SEND_HL7_TASK = "mediview.send_hl7"
ANSWER_TASK = "mediview.answer"
EMBED_TASK = "mediview.embed"
INTERACTIVE_TASK = "mediview.serve_sessions"
PRIORS_TASK = "mediview.fetch_priors"
PROJECTS_TASK = "mediview.export_projects"
UPS_SOURCES_TASK = "mediview.perform_for_others"
TRACES_TASK = "mediview.send_traces"

# Longer than any job, so that Redis never hands a running job's message out twice.
_VISIBILITY_TIMEOUT_S = 6 * 3600
_JOBS_IN_VISIBILITY = 2
_CONNECT_S = 2.0
_RETENTION_EVERY_S = 30.0


def processes_of(settings: Settings, queue: str) -> int:
    """How many jobs or sessions a worker of a queue may have at once, a process each.

    That of the GPU has one: each process would load models of its own into the GPU's memory
    (docs/decisions/0102-one-process-for-the-gpu.md).
    """
    if queue == GPU_QUEUE:
        return 1
    return (
        settings.interactive_sessions if queue == INTERACTIVE_QUEUE else settings.worker_processes
    )


def broker_folder(settings: Settings) -> Path:
    return settings.data_dir.absolute() / "broker"


def configuration(settings: Settings) -> dict[str, Any]:
    """The Celery configuration that follows from the settings."""
    _refuse_compressed()
    return {
        **(_redis(settings) if settings.broker_url else _files(settings)),
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_connection_timeout": _CONNECT_S,
        "task_ignore_result": True,
        "task_store_errors_even_if_ignored": False,
        "accept_content": ["json"],
        "task_serializer": "json",
        "result_serializer": "json",
        "enable_utc": True,
        "timezone": "UTC",
        "task_queues": [
            Queue(name, exchange=name, routing_key=name)
            for name in (CONTROL_QUEUE, JOBS_QUEUE, GPU_QUEUE, LANGUAGE_QUEUE, INTERACTIVE_QUEUE)
        ],
        "task_default_queue": CONTROL_QUEUE,
        "task_default_exchange": CONTROL_QUEUE,
        "task_default_routing_key": CONTROL_QUEUE,
        "task_create_missing_queues": False,
        "task_routes": {
            TICK_TASK: {"queue": CONTROL_QUEUE},
            DELIVER_TASK: {"queue": CONTROL_QUEUE},
            HOUSEKEEP_TASK: {"queue": CONTROL_QUEUE},
            RETENTION_TASK: {"queue": CONTROL_QUEUE},
            NOTIFY_TASK: {"queue": CONTROL_QUEUE},
            SEND_HL7_TASK: {"queue": CONTROL_QUEUE},
            # Those of the queue gpu are sent there by name.
            RUN_JOB_TASK: {"queue": JOBS_QUEUE},
            ANSWER_TASK: {"queue": LANGUAGE_QUEUE},
            EMBED_TASK: {"queue": LANGUAGE_QUEUE},
            INTERACTIVE_TASK: {"queue": INTERACTIVE_QUEUE},
        },
        # A busy worker must not sit on a wake-up that an idle one could take.
        "worker_prefetch_multiplier": 1,
        # A job survives a lost broker: its lease is in the ledger.
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_enable_remote_control": False,
        "worker_send_task_events": False,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "beat_schedule": {
            "tick": {
                "task": TICK_TASK,
                "schedule": settings.tick_s,
                "options": {"expires": tick_expiry_s(settings)},
            },
            "housekeep": {
                "task": HOUSEKEEP_TASK,
                "schedule": housekeep_interval_s(settings),
                "options": {"expires": housekeep_interval_s(settings)},
            },
            "retention": {
                "task": RETENTION_TASK,
                "schedule": _RETENTION_EVERY_S,
                "options": {"expires": _RETENTION_EVERY_S},
            },
        },
    }


def tick_expiry_s(settings: Settings) -> float:
    """A tick that waited longer than this is dropped; the next one does its work.

    Sender and receiver compare their own clocks, which may differ.
    """
    return max(CLOCKS_AGREE_WITHIN_S, 2 * settings.tick_s)


def housekeep_interval_s(settings: Settings) -> float:
    """What arrives goes to a bucket soon; without one there is little to keep in order."""
    return max(1.0, settings.tick_s) if settings.object_store == "s3" else 30.0


def _files(settings: Settings) -> dict[str, Any]:
    folder = broker_folder(settings)
    prepare_folder(folder / "messages")
    prepare_folder(folder / "control")
    return {
        "broker_url": "filesystem://",
        "broker_transport": TRANSPORT,
        "broker_transport_options": {
            "data_folder_in": str(folder / "messages"),
            "data_folder_out": str(folder / "messages"),
            "control_folder": str(folder / "control"),
            "store_processed": False,
        },
    }


def _redis(settings: Settings) -> dict[str, Any]:
    # Its client is large, and a node of one machine needs none.
    from inference.broker import redis_broker

    longest_s = math.ceil(_JOBS_IN_VISIBILITY * settings.job_deadline_s)
    return {
        "broker_url": settings.broker_url,
        "broker_transport": redis_broker.TRANSPORT,
        "broker_transport_options": {
            "visibility_timeout": max(_VISIBILITY_TIMEOUT_S, longest_s),
            "socket_connect_timeout": _CONNECT_S,
            "socket_timeout": 30.0,
            "health_check_interval": 15,
        },
    }


def backlog(app: Celery, queue: str) -> int:
    """Messages that wait in a queue; 0 for one that nobody has declared yet."""
    with app.connection_for_write() as connection:
        channel = connection.default_channel
        try:
            return int(channel.queue_declare(queue, passive=True).message_count)
        except connection.channel_errors:
            return 0


def leave_logging_alone(**_: Any) -> None:
    """Celery configures no logging once somebody listens to this signal."""


def _refuse_compressed() -> None:
    """Kombu inflates a message before anything in it is looked at, without a bound, and the node
    sends none that is compressed: one of a megabyte would fill a worker's memory."""
    for content_type in compression.encoders():
        compression.register(_refuse, _refuse, content_type)


def _refuse(_: bytes) -> bytes:
    raise ValueError("The node's messages are not compressed.")
