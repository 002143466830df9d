"""What the language worker does when it is woken. Models are imported when they are asked for."""

import uuid
from collections.abc import Callable

from inference.worker.ended_jobs import note_ended
from inference.worker.process import Process
from storage.core.clock import utcnow

_CANDIDATES = 8


def answer_due(process: Process, stopping: Callable[[], bool]) -> None:
    """Answer what is asked, one question after another, until nothing is."""
    from inference.worker.language_jobs import answer_job

    note_ended(process)
    while not stopping():
        due = process.storage.answers.due(utcnow(), _CANDIDATES)
        owner = f"{process.owner}:{uuid.uuid4().hex[:8]}"
        if not any(answer_job(process.storage, job_id, owner, stopping) for job_id in due):
            return


def embed_due(process: Process, stopping: Callable[[], bool]) -> None:
    """Make the vectors of what was written; a question never waits behind many of them."""
    from inference.language.search import embed_waiting

    while not stopping() and embed_waiting(process.storage.passages):
        answer_due(process, stopping)
