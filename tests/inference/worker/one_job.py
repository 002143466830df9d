"""One job of small images, and its run."""

from inference.pipeline import Pipeline
from inference.scheduling.schedule import schedule_series
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.entities import Job
from tests.inference.orchestration import complete_series


def scheduled(storage: Storage, pipeline: Pipeline, name: str = "a", count: int = 8) -> Job:
    (decision,) = schedule_series(storage, complete_series(storage, name, count), (pipeline,))
    return storage.jobs.get(decision.job_id or "")


def run(storage: Storage, job: Job, pipeline: Pipeline, owner: str = "worker-1") -> Job:
    run_job(storage, job.job_id, owner, pipelines=(pipeline,))
    return storage.jobs.get(job.job_id)
