"""A language worker in a thread: it answers what the API asks, with the code of the real one."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from inference.language.search import embed_waiting
from inference.worker.language_jobs import answer_job
from storage.container import open_storage
from storage.core.clock import utcnow
from storage.language.repository import LANGUAGE_QUEUE
from storage.settings import Settings


@contextmanager
def answering(settings: Settings) -> Iterator[None]:
    """Until the context ends."""
    ended = threading.Event()

    def work() -> None:
        with open_storage(settings) as storage:
            while not ended.wait(0.02):
                for job in storage.jobs.due(utcnow(), 4, LANGUAGE_QUEUE):
                    answer_job(storage, job.job_id, f"test:{job.job_id}", ended.is_set)
                embed_waiting(storage.passages)

    thread = threading.Thread(target=work, name="answering")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
