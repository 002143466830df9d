"""Completed jobs of a node that is served."""

from collections.abc import Callable, Collection, Sequence

from pydicom.dataset import Dataset

from inference.imaging.volume import Volume
from inference.pipeline import PipelineOutput
from storage.core.entities import Job
from tests.api.client import ApiNode
from tests.inference.completed_jobs import completed_job


def made_of(
    api: ApiNode,
    series: Sequence[Dataset],
    output_of: Callable[[Volume], PipelineOutput],
    kinds: Collection[str] = (),
) -> tuple[Job, Volume]:
    """See `completed_job`."""
    return completed_job(api.storage, series, output_of, kinds)
