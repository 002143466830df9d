"""Jobs on their way on one node, and what the node answers when asked why."""

from collections.abc import Callable, Sequence

from inference.delays.entities import Delay
from inference.delays.service import delay_of
from inference.pipeline import Pipeline
from inference.scheduling.schedule import complete_and_schedule
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.entities import Job
from storage.core.job_result import JobResult
from tests.inference.orchestration import later, receive
from tests.inference.small import PATIENT_NAME, BrightRegion, mr_series, study_uid

BRIGHT = BrightRegion()
OWNER = "worker-1"
Case = tuple[Callable[[Storage], Delay], str, str]
"""What brings a delay about, the cause that is named, and a part of the sentence."""


def scheduled(node: Storage, name: str, pipelines: Sequence[Pipeline] = (BRIGHT,)) -> Job:
    receive(node, mr_series(name))
    complete_and_schedule(node, later(10), pipelines)
    return next(iter(node.jobs.of_studies([study_uid(name)])[study_uid(name)]))


def running(node: Storage, name: str, lease_s: float = 20) -> Job:
    job = node.jobs.claim(scheduled(node, name).job_id, OWNER, lease_s, utcnow())
    assert job is not None
    return job


def finished(node: Storage, name: str) -> Job:
    job = running(node, name)
    node.jobs.complete(job.job_id, OWNER, JobResult(), utcnow())
    return job


def asked(
    node: Storage, name: str, pipelines: Sequence[Pipeline] = (BRIGHT,), after_s: float = 10
) -> Delay:
    return delay_of(node, study_uid(name), later(after_s), pipelines)


def assert_named(node: Storage, case: Case) -> None:
    """Brought about on the node, the delay is named by its cause, in one sentence."""
    bring_about, cause, says = case
    found = bring_about(node)
    assert (found.cause, says in found.sentence) == (cause, True), found.sentence
    assert found.sentence.endswith(".")
    assert "\n" not in found.sentence
    assert PATIENT_NAME not in found.sentence
    assert found.expected_at is None or found.expected_at > utcnow()
