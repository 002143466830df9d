"""A pipeline run as a job runs it, without a job in the ledger: nothing is stored or sent."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from inference.job_loading.caveats import with_caveats
from inference.job_loading.loaded import Loaded, LoadingStorage
from inference.job_loading.loader import ENCODING, RUNNING, JobLoader
from inference.job_loading.proposal import Proposal
from inference.models.devices import with_fallback
from inference.pipeline import (
    Pipeline,
    PipelineContext,
    PipelineOutput,
    ProgressCallback,
    ignore_progress,
)
from inference.unscheduled_jobs import unscheduled_job
from inference.volume_preparation.coverage import run_with_coverage
from storage.core.entities import Job, JobInput
from storage.index.repository import Index
from storage.jobs.repository import Jobs


@dataclass(frozen=True)
class UnstoredRun:
    """`job`: what findings take their identity from."""

    job: Job
    loaded: Loaded
    context: PipelineContext
    output: PipelineOutput
    notes: tuple[str, ...]


def run_unstored(
    storage: LoadingStorage,
    pipeline: Pipeline,
    proposal: Proposal,
    job_id: str,
    on_progress: ProgressCallback = ignore_progress,
) -> UnstoredRun:
    """What the pipeline finds in what a job would be made for.

    Raises what reading and the pipeline raise, Superseded where an input has changed since, and
    what `on_progress` raises.
    """
    job = unscheduled_job(
        job_id,
        (pipeline.name, pipeline.version),
        proposal.series.study_instance_uid,
        proposal.series.series_instance_uid,
        proposal.fingerprint,
    )
    taken = _Taken(storage.index, storage.jobs, proposal.inputs)
    loaded, context = JobLoader(storage, job, _Heard(on_progress), taken).load(pipeline)
    on_progress("running", RUNNING)
    output, notes = with_fallback(lambda: run_with_coverage(pipeline, context))
    output = with_caveats(output, pipeline, loaded, context.volume)
    on_progress("encoding", ENCODING)
    return UnstoredRun(job, loaded, context, output, tuple(notes))


class _Taken:
    """What the run is made for. A series by itself is read whether it is complete or not."""

    def __init__(self, index: Index, jobs: Jobs, inputs: Sequence[JobInput]) -> None:
        self._index = index
        self._jobs = jobs
        self._inputs = list(inputs)

    def inputs_of(self, job_id: str) -> list[JobInput]:
        return self._inputs

    def is_current(self, job: Job) -> bool:
        if self._inputs:
            return self._jobs.is_current(job, self._inputs)
        series = self._index.series(job.study_instance_uid, job.series_instance_uid)
        return series.fingerprint == job.input_fingerprint


class _Heard:
    """Goes to a callback, and nowhere else; who asked for the run limits its time."""

    def __init__(self, on_progress: ProgressCallback) -> None:
        self._on_progress = on_progress

    def set_deadline(self, deadline_s: float) -> None:
        """A site's rule is of its jobs."""

    @contextmanager
    def stage(self, name: str, fraction: float) -> Iterator[None]:
        self._on_progress(name, fraction)
        yield

    def report(self, stage: str, fraction: float) -> None:
        self._on_progress(stage, fraction)
