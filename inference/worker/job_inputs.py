"""What a job reads: a series, the images of one, or several series of a study."""

from collections.abc import Callable, Sequence

from pydicom.dataset import Dataset

from inference.imaging.stacks import SeriesStack
from inference.pipeline import Pipeline
from inference.planar.refusals import ImageRefused
from inference.refusals import VolumeRefused
from inference.scheduling.selection import images_taken, stack_for
from inference.scheduling.study_inputs import LoadedInputs, choose_inputs, load_inputs
from storage.container import Storage
from storage.core.entities import Instance, Job
from storage.core.errors import MediViewError
from storage.jobs.withdrawals import SUPERSEDED


class Superseded(MediViewError):
    """The series is no longer what the job was made for; another job takes its place."""

    code = "job_superseded"


class JobInputs:
    """Each is refused where it has changed since the job was made.

    `on_share` hears how far the reading is, from 0 to 1.
    """

    def __init__(self, storage: Storage, job: Job, on_share: Callable[[float], None]) -> None:
        self._storage = storage
        self._job = job
        self._on_share = on_share

    def series(self, pipeline: Pipeline) -> tuple[list[Dataset], SeriesStack]:
        """The stack of the series that the job is about, with its instances.

        Refused where the series has changed since the job was made.
        """
        instances = self._storage.index.instances_of(
            self._job.study_instance_uid, self._job.series_instance_uid
        )
        datasets = self._read(instances)
        self._check_current()
        series = self._storage.index.series(
            self._job.study_instance_uid, self._job.series_instance_uid
        )
        stack = stack_for(pipeline, series, instances, datasets)
        return stack.of(datasets), stack

    def images(self, pipeline: Pipeline) -> list[Dataset]:
        """The images of the series that the pipeline takes, with their pixels as they were sent.

        Refused where the series has changed since the job was made.
        """
        instances = self._storage.index.instances_of(
            self._job.study_instance_uid, self._job.series_instance_uid
        )
        headers = [
            self._storage.instances.dataset(one, stop_before_pixels=True) for one in instances
        ]
        datasets = self._read([instances[one] for one in images_taken(pipeline, headers)])
        self._check_current()
        if not datasets:
            raise ImageRefused(f"{pipeline.title} takes none of the images of the series.")
        return datasets

    def _read(self, instances: Sequence[Instance]) -> list[Dataset]:
        datasets: list[Dataset] = []
        for done, instance in enumerate(instances):
            datasets.append(self._storage.instances.dataset(instance))
            self._on_share(done / len(instances))
        return datasets

    def of_study(self, pipeline: Pipeline) -> LoadedInputs:
        """The series that the job was made for, each in its role, as volumes."""
        only = {
            one.role: one.series_instance_uid
            for one in self._storage.jobs.inputs_of(self._job.job_id)
        }
        found = choose_inputs(self._storage, pipeline, self._job.study_instance_uid, only)
        if set(found.chosen) != set(only):
            self._check_current()
            raise VolumeRefused(found.acceptance.reason)
        loaded = load_inputs(
            self._storage.instances,
            found,
            getattr(pipeline, "reference", ""),
            self._on_share,
        )
        self._check_current()
        return loaded

    def _check_current(self) -> None:
        """Asked after reading: an instance that arrives in between reopens its series."""
        if not self._storage.jobs.is_current(self._job):
            raise Superseded(SUPERSEDED)
