"""What a job takes, read and assembled for its pipeline."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import structlog
from pydicom.dataset import Dataset

from inference import auditing
from inference.imaging.stated_numbers import headers_of
from inference.imaging.volume import Volume, assemble_volume
from inference.input_selection.early_results import EARLY, drop_pixels
from inference.input_selection.job_inputs import InputsTaken, JobInputs
from inference.input_selection.result_inputs import StudyResults
from inference.input_selection.result_masks import LoadedResult
from inference.input_selection.study_inputs import inputs_of
from inference.input_selection.study_phases import phases_known
from inference.job_loading.loaded import Loaded, LoadingStorage
from inference.job_loading.placement import Placement, place_inputs, results_taken
from inference.job_progress import Progress
from inference.pipeline import IMAGE, Pipeline, PipelineContext, ResultGiven, takes_instances
from inference.rules.card_condition import received_as_known
from inference.rules.job_rule import rule_for
from inference.rules.pipeline_rule import Rule
from inference.volume_preparation.tilt import resamples_tilt
from storage.core.caveats import Caveat
from storage.core.entities import Job, JobInput
from storage.core.errors import InvalidRequest
from storage.integrity.uploads import read_upload

log = structlog.get_logger(__name__)

# Where each stage begins on the way from 0 to 1; a pipeline's own stages share the middle.
LOADING, ASSEMBLING, RUNNING, ENCODING = 0.0, 0.1, 0.2, 0.85


class JobLoader:
    """Reports how far it is, and what was read to the audit trail.

    `taken`: of a job that is in no ledger, what it is made for.
    """

    def __init__(
        self,
        storage: LoadingStorage,
        job: Job,
        progress: Progress,
        taken: InputsTaken | None = None,
    ) -> None:
        self._storage = storage
        self._job = job
        self._progress = progress
        self._is_stored = taken is None
        self._inputs_taken = taken or storage.jobs

    def load(self, pipeline: Pipeline) -> tuple[Loaded, PipelineContext]:
        """The context alone has the voxels, which are let go with it.

        Raises InvalidRequest, NotFound, VolumeRefused, InstanceDamaged, StorageUnavailable.
        """
        if pipeline.input_kind == "image":
            return self._upload()
        uid = self._job.study_instance_uid
        with (
            phases_known(self._storage.index, self._storage.instances, uid),
            received_as_known(self._storage.index.instances_of, self._storage.worklist),
        ):
            return self._loaded(pipeline)

    def _loaded(self, pipeline: Pipeline) -> tuple[Loaded, PipelineContext]:
        if pipeline.input_kind == "dicom-image" and inputs_of(pipeline):
            return self._several_images(pipeline)
        if pipeline.input_kind == "dicom-image":
            return self._images(pipeline)
        if inputs_of(pipeline):
            return self._several_series(pipeline)
        return self._series(pipeline)

    def _upload(self) -> tuple[Loaded, PipelineContext]:
        if not self._job.input_object_key:
            raise InvalidRequest(
                f"{self._job.pipeline} analyses uploaded images, and the job names none.",
                remedy="Upload a PNG or JPEG and start the pipeline on it.",
            )
        with self._progress.stage("loading", LOADING):
            image = read_upload(
                self._storage.objects, self._job.input_object_key, self._job.input_digest
            )
        context = PipelineContext(
            self._storage.settings, image=image, on_progress=self._in_pipeline
        )
        return Loaded(), context

    def _images(self, pipeline: Pipeline) -> tuple[Loaded, PipelineContext]:
        with self._progress.stage("loading", LOADING):
            taken = self._taken()
            sources, found, priors = self._inputs().images(pipeline)
        placement = Placement()
        if found.prior is not None:
            placement = Placement(
                priors={one.role: found.prior for one in taken if one.role != IMAGE}
            )
        context = PipelineContext(
            self._storage.settings,
            images=tuple(sources),
            prior_images=priors,
            on_progress=self._in_pipeline,
        )
        rule = self._rule(pipeline, sources)
        return Loaded(sources, [*priors.values()], rule, placement=placement), context

    def _several_images(self, pipeline: Pipeline) -> tuple[Loaded, PipelineContext]:
        with self._progress.stage("loading", LOADING):
            self._taken()
            read = self._inputs().images_of_study(pipeline)
        images, priors = read.images, read.priors
        sources = [one for role, one in images.items() if role not in priors]
        context = PipelineContext(
            self._storage.settings,
            images=tuple(sources),
            named_images=images,
            results={role: self._given(one) for role, one in read.results.items()},
            on_progress=self._in_pipeline,
        )
        # The site's rules are asked of the reference.
        rule = self._rule(pipeline, sources[:1])
        others = [images[role] for role in priors] + _evidence(read.results)
        placement = Placement(
            priors=priors,
            results=results_taken(read.results),
            caveats=tuple(_of_results(read.results)),
        )
        return Loaded(sources, others, rule, placement=placement), context

    def _series(self, pipeline: Pipeline) -> tuple[Loaded, PipelineContext]:
        with self._progress.stage("loading", LOADING):
            auditing.series_read(self._storage.audit, self._job)
            early = EARLY.take(self._job) if self._is_stored else None
            sources, stack = self._inputs().series(pipeline, early)
        rule = self._rule(pipeline, stack.narrowed(sources))
        if early is not None and stack is not early.stack:
            early = None
        with self._progress.stage("assembling", ASSEMBLING):
            if early is not None:
                is_done = early.output is not None
                log.info("early_result_taken", job_id=self._job.job_id, is_done=is_done)
                volume = early.volume
            else:
                tilted = resamples_tilt(pipeline)
                volume = assemble_volume(sources, stack.frame_indices, tilted=tilted)
        given = tuple(sources) if takes_instances(pipeline) else ()
        if not given:
            drop_pixels(sources)
        loaded = Loaded(sources, rule=rule, left_out=stack.left_out, early=early)
        return loaded, replace(self._volume_context(volume), images=given)

    def _several_series(self, pipeline: Pipeline) -> tuple[Loaded, PipelineContext]:
        with self._progress.stage("loading", LOADING):
            self._taken()
            read = self._inputs().of_study(pipeline)
        rule = self._rule(pipeline, read.stack.narrowed(read.sources))
        if not read.series:
            drop_pixels(read.sources)
        volume = read.volumes[getattr(pipeline, "reference", "")]
        placement = Placement(read.volumes)
        if any(one.registration == "rigid" for one in inputs_of(pipeline)):
            with self._progress.stage("registering", ASSEMBLING):
                placement = place_inputs(pipeline, read.volumes, self._registering)
        placement = replace(
            placement,
            priors=read.priors,
            results=results_taken(read.results, volume),
            structures={role: one.text for role, one in read.structures.items()},
            caveats=(*placement.caveats, *_of_results(read.results)),
        )
        context = replace(
            self._volume_context(volume),
            inputs=placement.volumes,
            placements=placement.texts,
            results={role: self._given(one) for role, one in read.results.items()},
            images=tuple(read.sources) if takes_instances(pipeline) else (),
            # One that could not be registered is not given.
            series={role: one for role, one in read.series.items() if role in placement.volumes},
            registrations=placement.matrices,
        )
        on_each = getattr(pipeline, "results_on", "reference") == "each"
        loaded = Loaded(
            read.sources,
            [header for headers in read.others.values() for header in headers]
            + _evidence(read.results)
            + [one.header for one in read.structures.values()],
            rule,
            read.stack.left_out,
            # The model alone needs their voxels.
            replace(placement, volumes={}),
            placement.other_grids(read.volumes, read.others) if on_each else (),
            [
                headers_of(headers, read.volumes[role])
                for role, headers in read.others.items()
                if role not in read.priors
            ],
        )
        return loaded, context

    def _given(self, one: LoadedResult) -> ResultGiven:
        """What is stated of the segments that are wanted, which may be some of those found."""
        chosen = one.chosen
        numbers = {segment.segment_number for segment in chosen.segments}
        lesions = self._storage.lesions.of_jobs([chosen.job.job_id])
        return ResultGiven(
            chosen.findings,
            tuple(it for it in lesions if it.segment_number in numbers),
            chosen.caveats,
            chosen.left_out,
        )

    def _taken(self) -> list[JobInput]:
        taken = self._inputs_taken.inputs_of(self._job.job_id)
        auditing.series_read(self._storage.audit, self._job, taken)
        return taken

    def _registering(self, share: float) -> None:
        self._progress.report("registering", ASSEMBLING + share * (RUNNING - ASSEMBLING))

    def _inputs(self) -> JobInputs:
        return JobInputs(
            self._storage.index,
            self._storage.instances,
            StudyResults(
                self._storage.jobs, self._storage.findings, self._storage.acceptance_decisions
            ),
            self._job,
            lambda share: self._progress.report(
                "loading", LOADING + share * (ASSEMBLING - LOADING)
            ),
            self._inputs_taken,
        )

    def _rule(self, pipeline: Pipeline, headers: Sequence[Dataset]) -> Rule | None:
        """The site's rule for the job, whose deadline holds from now on."""
        storage = self._storage
        rule = rule_for(storage.settings, storage.index, storage.worklist, pipeline.name, headers)
        if rule is not None and rule.deadline_s is not None:
            self._progress.set_deadline(rule.deadline_s)
        return rule

    def _volume_context(self, volume: Volume) -> PipelineContext:
        return PipelineContext(self._storage.settings, volume=volume, on_progress=self._in_pipeline)

    def _in_pipeline(self, stage: str, fraction: float) -> None:
        inside = min(max(fraction, 0.0), 1.0)
        self._progress.report(stage, RUNNING + inside * (ENCODING - RUNNING))


def _evidence(results: Mapping[str, LoadedResult]) -> list[Dataset]:
    return [one.evidence for one in results.values() if one.evidence is not None]


def _of_results(results: Mapping[str, LoadedResult]) -> list[Caveat]:
    """What a reader must know of a result holds for all that rests on it."""
    return [caveat for one in results.values() for caveat in one.chosen.caveats]
