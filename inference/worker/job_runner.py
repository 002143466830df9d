"""The stages of one claimed job: load → assemble → model → findings → DICOM → store → deliver."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import structlog
from pydicom.dataset import Dataset

from inference import auditing
from inference.annotations.predecessor import predecessor_reports
from inference.deliveries.storing import (
    encoded_under_free_uids,
    store_label_picture,
    store_objects,
    want_delivery,
)
from inference.failures import place
from inference.findings.normal_ranges import site_references
from inference.imaging.acquisition.tube_voltage import caveat_of_energies
from inference.imaging.stated_numbers import headers_of
from inference.imaging.volume import Volume, assemble_volume
from inference.input_selection.job_inputs import JobInputs
from inference.input_selection.prior_images import IMAGE
from inference.input_selection.study_inputs import inputs_of
from inference.job_progress import JobProgress
from inference.lesions.tracking import Tracked, track_lesions
from inference.model_registry.drift import observe
from inference.model_registry.verification import ensure_proven
from inference.models.devices import with_fallback
from inference.models.population import caveat_of
from inference.pipeline import Pipeline, PipelineContext, PipelineOutput, takes_instances
from inference.pipeline_runs.coverage import run_with_coverage, with_caveat
from inference.pipeline_runs.tilt import resamples_tilt
from inference.prior_comparison import comparison_of
from inference.process_memory import peak_memory_bytes, reset_peak_memory
from inference.reports.draft import draft_image
from inference.results.encode import EncodedResults, encode_results
from inference.results.other_grids import OtherGrid
from inference.results.wanted import NEEDS_GREY_VALUES, kinds_wanted
from inference.rules.job_rule import destinations_of, rule_for, stays_here
from inference.rules.model import Rule
from inference.running_jobs import note_storing
from inference.worker.input_placement import Placement, place_inputs
from storage.container import Storage
from storage.core.entities import Job
from storage.core.errors import InvalidRequest
from storage.core.job_result import JobResult, ResultInstance
from storage.jobs.outcome import JobOutcome, JobRows
from storage.outbox.leases import Lease
from storage.peers.repository import KnownPeer

log = structlog.get_logger(__name__)

_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
# Where each stage begins on the way from 0 to 1; a pipeline's own stages share the middle.
_LOADING, _ASSEMBLING, _RUNNING, _ENCODING, _STORING = 0.0, 0.1, 0.2, 0.85, 0.95


class Work:
    """The stages of one claimed job."""

    def __init__(
        self,
        storage: Storage,
        job: Job,
        owner: str,
        lease: Lease,
        stopping: Callable[[], bool],
    ) -> None:
        self._storage = storage
        self._job = replace(job, patient_key=storage.index.patient_key(job.study_instance_uid))
        self._progress = JobProgress(storage.jobs, storage.settings, job, owner, lease, stopping)
        self._tracked: Tracked | None = None
        self._left_out = ""
        self._placement = Placement()
        self._other_grids: list[OtherGrid] = []

    def do(self, pipeline: Pipeline) -> JobOutcome:
        reset_peak_memory()
        begun = time.monotonic()
        sources: Sequence[Dataset] = ()
        others: Sequence[Dataset] = ()
        volume = rule = None
        if pipeline.input_kind == "image":
            context = self._image_context()
        elif pipeline.input_kind == "dicom-image":
            sources, others, rule, context = self._images_context(pipeline)
        elif inputs_of(pipeline):
            sources, others, rule, context = self._several_context(pipeline)
            volume = context.volume
        else:
            sources, rule, context = self._series_context(pipeline)
            volume = context.volume
        with self._progress.stage("running", _RUNNING):
            ensure_proven(self._storage.model_states, pipeline)
            output, notes = with_fallback(lambda: run_with_coverage(pipeline, context))
        if takes_instances(pipeline):
            _drop_pixels(sources)
        if volume is not None:
            with self._progress.stage("comparing_lesions", _ENCODING):
                self._tracked = track_lesions(self._storage, self._job, pipeline, volume, output)
            output = self._tracked.output
        output = self._with_caveats(pipeline, output, sources, others, volume)
        is_prior = stays_here(self._storage.prior_fetches, self._job.study_instance_uid)
        destinations = [] if is_prior else destinations_of(self._storage.peers, rule)
        with self._progress.stage("encoding", _ENCODING):
            wanted = kinds_wanted(self._storage.settings, destinations)
            if pipeline.input_kind == "dicom-image":
                _drop_pixels([*sources, *others])
            if volume is not None and not NEEDS_GREY_VALUES & wanted:
                # A large mask needs their memory.
                volume = volume.without_voxels()
                del context
            encode = partial(
                encode_results,
                pipeline=pipeline,
                sources=sources,
                volume=volume,
                output=output,
                extra_kinds=wanted,
                predecessors=predecessor_reports(
                    self._storage.generated,
                    self._storage.instances,
                    self._storage.jobs,
                    self._storage.feedback_reports,
                    self._job,
                ),
                comparison=comparison_of(self._storage, self._job, self._tracked),
                others=others,
                other_grids=self._other_grids,
                site_references=site_references(self._storage.settings),
            )
            self._job, results = encoded_under_free_uids(self._storage.generated, self._job, encode)
        with self._progress.stage("storing", _STORING):
            note_storing()
            store_label_picture(self._storage.objects, self._job, pipeline, output)
            stored = self._store(pipeline.title, results, destinations)
        if volume is not None:
            self._observe(sources[volume.instance_indices[0]], volume, output)
        self._progress.timings_s["total"] = time.monotonic() - begun
        tracked = self._tracked
        rows = JobRows(
            results.findings,
            None if tracked is None else tracked.lesions,
            () if tracked is None else tracked.matches,
        )
        return JobOutcome(self._result(output, results, stored, notes), rows)

    def _with_caveats(
        self,
        pipeline: Pipeline,
        output: PipelineOutput,
        sources: Sequence[Dataset],
        others: Sequence[Dataset],
        volume: Volume | None,
    ) -> PipelineOutput:
        """With the sentences that hold for all results, of the images and of their registration."""
        if sources:
            # The images of a volume are one stack; films, and the series of a study, are not.
            # The result is about the study alone: a prior may be of another age or made otherwise.
            films = [
                [one]
                for one in (sources if volume is None else others)
                if one.StudyInstanceUID == self._job.study_instance_uid
            ]
            stacks = films if volume is None else [headers_of(sources, volume), *films]
            output = with_caveat(output, caveat_of(pipeline.card.population, *stacks))
        if volume is not None:
            output = with_caveat(output, caveat_of_energies(sources, volume))
        for caveat in (self._left_out, *self._placement.caveats):
            output = with_caveat(output, caveat)
        return replace(
            output,
            parameters=(*output.parameters, *self._placement.parameters),
            notes=(*output.notes, *self._placement.notes(pipeline)),
        )

    def _observe(self, source: Dataset, volume: Volume, output: PipelineOutput) -> None:
        """The results are there; what is kept for statistics must not take them back."""
        try:
            observe(self._storage.drift, self._job, source, volume, output)
        except Exception as error:  # noqa: BLE001 - see above
            log.error("drift_not_observed", error=type(error).__name__, place=place(error))

    def _image_context(self) -> PipelineContext:
        if not self._job.input_object_key:
            raise InvalidRequest(
                f"{self._job.pipeline} analyses uploaded images, and the job names none.",
                remedy="Upload a PNG or JPEG and start the pipeline on it.",
            )
        with self._progress.stage("loading", _LOADING):
            image = self._storage.objects.get(self._job.input_object_key)
        return PipelineContext(self._storage.settings, image=image, on_progress=self._in_pipeline)

    def _images_context(
        self, pipeline: Pipeline
    ) -> tuple[Sequence[Dataset], Sequence[Dataset], Rule | None, PipelineContext]:
        """Of single images: themselves, their priors, the rule and the context."""
        with self._progress.stage("loading", _LOADING):
            taken = self._storage.jobs.inputs_of(self._job.job_id)
            auditing.series_read(self._storage.audit, self._job, taken)
            sources, found, priors = self._inputs(_ASSEMBLING).images(pipeline)
        if found.prior is not None:
            of_priors = {one.role: found.prior for one in taken if one.role != IMAGE}
            self._placement = Placement(priors=of_priors)
        context = PipelineContext(
            self._storage.settings,
            images=tuple(sources),
            prior_images=priors,
            on_progress=self._in_pipeline,
        )
        return sources, [*priors.values()], self._rule(pipeline, sources), context

    def _series_context(
        self, pipeline: Pipeline
    ) -> tuple[Sequence[Dataset], Rule | None, PipelineContext]:
        """Of one series: its instances, the rule and the volume."""
        with self._progress.stage("loading", _LOADING):
            auditing.series_read(self._storage.audit, self._job)
            sources, stack = self._inputs(_ASSEMBLING).series(pipeline)
        self._left_out = stack.left_out
        rule = self._rule(pipeline, stack.narrowed(sources))
        with self._progress.stage("assembling", _ASSEMBLING):
            volume = assemble_volume(sources, stack.frame_indices, tilted=resamples_tilt(pipeline))
        given = tuple(sources) if takes_instances(pipeline) else ()
        if not given:
            _drop_pixels(sources)
        return sources, rule, replace(self._volume_context(volume), images=given)

    def _several_context(
        self, pipeline: Pipeline
    ) -> tuple[Sequence[Dataset], Sequence[Dataset], Rule | None, PipelineContext]:
        """Of several series: the reference's instances, those of the others, rule and volumes."""
        with self._progress.stage("loading", _LOADING):
            taken = self._storage.jobs.inputs_of(self._job.job_id)
            auditing.series_read(self._storage.audit, self._job, taken)
            loaded = self._inputs(_ASSEMBLING).of_study(pipeline)
        self._left_out = loaded.stack.left_out
        rule = self._rule(pipeline, loaded.stack.narrowed(loaded.sources))
        _drop_pixels(loaded.sources)
        volume = loaded.volumes[getattr(pipeline, "reference", "")]
        self._placement = Placement(loaded.volumes)
        if any(one.registration == "rigid" for one in inputs_of(pipeline)):
            with self._progress.stage("registering", _ASSEMBLING):
                self._placement = place_inputs(pipeline, loaded.volumes, self._registering)
        self._placement = replace(self._placement, priors=loaded.priors)
        context = replace(
            self._volume_context(volume),
            inputs=self._placement.volumes,
            placements=self._placement.texts,
        )
        if getattr(pipeline, "results_on", "reference") == "each":
            self._other_grids = self._placement.other_grids(loaded.volumes, loaded.others)
        # The model alone needs their voxels.
        self._placement = replace(self._placement, volumes={})
        others = [header for headers in loaded.others.values() for header in headers]
        return loaded.sources, others, rule, context

    def _registering(self, share: float) -> None:
        self._progress.report("registering", _ASSEMBLING + share * (_RUNNING - _ASSEMBLING))

    def _inputs(self, until: float) -> JobInputs:
        """Their reading is reported up to `until`."""
        return JobInputs(
            self._storage.index,
            self._storage.instances,
            self._storage.jobs,
            self._job,
            lambda share: self._progress.report("loading", _LOADING + share * (until - _LOADING)),
        )

    def _rule(self, pipeline: Pipeline, headers: Sequence[Dataset]) -> Rule | None:
        """The site's rule for the job, whose deadline holds from now on."""
        rule = rule_for(self._storage.settings, self._storage.index, pipeline.name, headers)
        if rule is not None and rule.deadline_s is not None:
            self._progress.set_deadline(rule.deadline_s)
        return rule

    def _volume_context(self, volume: Volume) -> PipelineContext:
        return PipelineContext(self._storage.settings, volume=volume, on_progress=self._in_pipeline)

    def _in_pipeline(self, stage: str, fraction: float) -> None:
        inside = min(max(fraction, 0.0), 1.0)
        self._progress.report(stage, _RUNNING + inside * (_ENCODING - _RUNNING))

    def _store(
        self, title: str, results: EncodedResults, destinations: Sequence[KnownPeer]
    ) -> list[ResultInstance]:
        instances, stored = store_objects(
            self._storage.generated,
            self._storage.audit,
            self._job,
            results,
            self._progress.still_ours,
        )
        self._progress.still_ours()
        want_delivery(
            self._storage.deliveries,
            self._storage.settings,
            self._job,
            results,
            instances,
            destinations,
        )
        if self._job.input_object_key and results.findings:
            draft_image(
                self._storage.settings, self._storage.reports, self._job, title, results.findings
            )
        return stored

    def _result(
        self,
        output: PipelineOutput,
        results: EncodedResults,
        stored: list[ResultInstance],
        notes: Sequence[str],
    ) -> JobResult:
        inside = {f"running.{name}": seconds for name, seconds in output.timings_s.items()}
        timings_s = self._progress.timings_s | inside
        return {
            "instances": stored,
            "findings": len(results.findings),
            "label_picture": output.label_picture is not None,
            "inputs": [
                self._placement.stated(one.role, one.series_instance_uid)
                for one in self._storage.jobs.inputs_of(self._job.job_id)
            ],
            "notes": [
                *notes,
                *([output.derivation] if output.derivation else []),
                *output.notes,
            ],
            "timings_s": {name: round(seconds, 3) for name, seconds in timings_s.items()},
            "peak_memory_bytes": peak_memory_bytes(),
        }


def _drop_pixels(datasets: Sequence[Dataset]) -> None:
    """The voxels are in the volume now; keeping them twice would cost the model its memory."""
    for dataset in datasets:
        for keyword in _PIXELS:
            if keyword in dataset:
                del dataset[keyword]
