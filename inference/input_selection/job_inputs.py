"""What a job reads: a series, the images of one, or several series and results of a study."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from pydicom.dataset import Dataset

from inference.imaging.stacks import SeriesStack
from inference.imaging.volume import Volume
from inference.input_selection.early_results import EarlyResult
from inference.input_selection.fitting_instances import fitting_instances, left_out_of
from inference.input_selection.loaded_inputs import LoadedImages, LoadedInputs, load_inputs
from inference.input_selection.prior_images import PriorImages, choose_prior_images
from inference.input_selection.result_inputs import StudyResults
from inference.input_selection.result_masks import load_result
from inference.input_selection.selection import images_taken, stack_for
from inference.input_selection.study_inputs import StudyInputs, choose_inputs
from inference.pipeline import Pipeline, takes_series
from inference.refusals import VolumeRefused
from inference.single_images.refusals import ImageRefused
from storage.core.entities import Instance, Job, JobInput
from storage.core.errors import MediViewError
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader
from storage.jobs.withdrawals import NO_PRIOR_ANY_MORE, SUPERSEDED


class Superseded(MediViewError):
    """The series is no longer what the job was made for; another job takes its place."""

    code = "job_superseded"


class InputsTaken(Protocol):
    """What jobs are made for, and whether it is still that."""

    def inputs_of(self, job_id: str) -> list[JobInput]: ...
    def is_current(self, job: Job) -> bool: ...


class JobInputs:
    """Each is refused where it has changed since the job was made.

    `on_share` hears how far the reading is, from 0 to 1. `taken`: of a job that is in no ledger.
    """

    def __init__(
        self,
        index: Index,
        instances: InstanceReader,
        results: StudyResults,
        job: Job,
        on_share: Callable[[float], None],
        taken: InputsTaken | None = None,
    ) -> None:
        self._index = index
        self._instances = instances
        self._results = results
        self._taken: InputsTaken = taken or results.jobs
        self._job = job
        self._on_share = on_share

    def series(
        self, pipeline: Pipeline, early: EarlyResult | None = None
    ) -> tuple[list[Dataset], SeriesStack]:
        """The stack of the series that the job is about, with its instances.

        They are read but where `early` was made of exactly them: then they are its sources,
        without pixels, and the stack is its own. Refused where the series has changed since the
        job was made.
        """
        instances = self._fitting()
        is_same = early is not None and early.instances == tuple(instances)
        datasets = list(early.sources) if early and is_same else self._read(instances)
        self._check_current()
        if early and is_same:
            return early.stack.of(datasets), early.stack
        series = self._index.series(self._job.study_instance_uid, self._job.series_instance_uid)
        stack = stack_for(pipeline, series, instances, datasets)
        caveat = left_out_of(series.instance_count, len(instances))
        if caveat is not None:
            text = f"{caveat.text} {stack.left_out.text if stack.left_out else ''}".rstrip()
            stack = replace(stack, left_out=replace(caveat, text=text))
        return stack.of(datasets), stack

    def _fitting(self) -> list[Instance]:
        return fitting_instances(
            self._index,
            self._instances,
            self._job.study_instance_uid,
            self._job.series_instance_uid,
        )

    def images(self, pipeline: Pipeline) -> tuple[list[Dataset], PriorImages, dict[str, Dataset]]:
        """The images of the series that the pipeline takes, with their pixels as they were sent;
        what they are compared with, and that by SOP Instance UID of the image.

        Refused where the series has changed since the job was made.
        """
        instances = self._fitting()
        headers = self._instances.headers(instances)
        datasets = self._read([instances[one] for one in images_taken(pipeline, headers)])
        self._check_current()
        if not datasets:
            raise ImageRefused(f"{pipeline.title} takes none of the images of the series.")
        found = self._prior_images(pipeline, datasets)
        return datasets, found, {uid: self._instances.dataset(one) for uid, one in found.of.items()}

    def _prior_images(self, pipeline: Pipeline, datasets: Sequence[Dataset]) -> PriorImages:
        """Those that the job was made for: without any, none, whatever came since."""
        taken = self._taken.inputs_of(self._job.job_id)
        if not taken:
            return PriorImages()
        only = {one.role: one for one in taken}
        found = choose_prior_images(self._index, self._instances, pipeline, datasets, only)
        if found.prior is None or len(found.series) + 1 != len(taken):
            raise Superseded(NO_PRIOR_ANY_MORE)
        return found

    def _read(self, instances: Sequence[Instance]) -> list[Dataset]:
        datasets: list[Dataset] = []
        for done, dataset in enumerate(self._instances.datasets(instances)):
            datasets.append(dataset)
            self._on_share(done / len(instances))
        return datasets

    def images_of_study(self, pipeline: Pipeline) -> LoadedImages:
        """What the job was made for, with its pixels."""
        only = {one.role: one for one in self._taken.inputs_of(self._job.job_id)}
        found = self._chosen(pipeline, only)
        self._check_current()
        if found.roles != set(only):
            self._check_priors(only, found)
            raise ImageRefused(found.acceptance.reason)
        images = {
            role: self._read(one.candidate.instances)[0] for role, one in found.chosen.items()
        }
        results = {
            role: load_result(self._index, self._instances, one)
            for role, one in found.results.items()
        }
        self._check_current()
        return LoadedImages(images, found.priors, results)

    def _chosen(self, pipeline: Pipeline, only: Mapping[str, JobInput]) -> StudyInputs:
        """What of the study fills the roles, among what the job was made for."""
        return choose_inputs(
            self._index,
            self._instances,
            self._results,
            pipeline,
            self._job.study_instance_uid,
            only,
        )

    def of_study(self, pipeline: Pipeline) -> LoadedInputs:
        """The series that the job was made for, each in its role, as volumes."""
        only = {one.role: one for one in self._taken.inputs_of(self._job.job_id)}
        found = self._chosen(pipeline, only)
        if found.roles != set(only):
            self._check_current()
            self._check_priors(only, found)
            raise VolumeRefused(found.acceptance.reason)
        loaded = load_inputs(
            self._index,
            self._instances,
            found,
            getattr(pipeline, "reference", ""),
            self._on_share,
            with_series=takes_series(pipeline),
        )
        self._check_current()
        return loaded

    def reference_volume(self, pipeline: Pipeline) -> Volume:
        """Of several inputs the reference alone: whatever became of the others since.

        Raises VolumeRefused where it is not what the job was made for.
        """
        reference: str = getattr(pipeline, "reference", "")
        only = {
            one.role: one
            for one in self._taken.inputs_of(self._job.job_id)
            if one.role == reference
        }
        found = self._chosen(pipeline, only)
        if found.inputs != list(only.values()):
            raise VolumeRefused(f"The series has changed since. {found.acceptance.reason}")
        loaded = load_inputs(self._index, self._instances, found, reference, self._on_share)
        return loaded.volumes[reference]

    def _check_priors(self, only: Mapping[str, JobInput], found: StudyInputs) -> None:
        """Raises Superseded where a prior that the job was made for is not there any more."""
        lost = [one for role, one in only.items() if role not in found.roles]
        if any(one.study_instance_uid != self._job.study_instance_uid for one in lost):
            raise Superseded(NO_PRIOR_ANY_MORE)

    def _check_current(self) -> None:
        """Asked after reading: an instance that arrives in between reopens its series."""
        if not self._taken.is_current(self._job):
            raise Superseded(SUPERSEDED)
