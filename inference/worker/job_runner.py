"""The stages of one claimed job: load → assemble → model → findings → DICOM → store → deliver."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import structlog
from pydicom.dataset import Dataset

from inference.annotations.feedback_standing import standing_after_feedback
from inference.annotations.predecessor import predecessor_reports
from inference.deliveries.storing import (
    differ_from_stored,
    encoded_under_free_uids,
    made_objects,
    store_label_picture,
    store_objects,
    want_delivery,
)
from inference.failures import place
from inference.findings.normal_ranges import site_references
from inference.imaging.stated_numbers import headers_of, slice_thicknesses_mm
from inference.imaging.volume import Volume
from inference.input_selection.early_results import drop_pixels
from inference.job_loading.caveats import with_caveats
from inference.job_loading.loader import ENCODING, RUNNING, JobLoader
from inference.job_loading.placement import Placement
from inference.job_progress import JobProgress
from inference.lesions.tracking import Tracked, track_lesions
from inference.model_registry.drift import observe
from inference.model_registry.observed import Measures, seen_by
from inference.model_registry.verification import ensure_proven
from inference.models.devices import with_fallback
from inference.pipeline import Pipeline, PipelineContext, PipelineOutput, takes_instances
from inference.prior_comparison import comparison_of
from inference.process_memory import peak_memory_bytes, reset_peak_memory
from inference.reports.draft import draft_image
from inference.results.encode import EncodedResults, encode_results
from inference.results.kinds_per_destination import NEEDS_GREY_VALUES, kinds_wanted
from inference.results.single_images.heat_references import images_with_heat
from inference.routing.results import route_results
from inference.rules.job_rule import destinations_of, stays_here
from inference.running_jobs import note_storing
from inference.volume_preparation.coverage import run_with_coverage
from inference.worker.revision import Revisions, of_revision
from storage.container import Storage
from storage.core.entities import Job
from storage.core.job_result import JobResult, ResultInstance
from storage.core.text.outside_text import text_from_outside
from storage.jobs.outcome import JobOutcome, JobRows
from storage.outbox.leases import Lease
from storage.peers.entities import KnownPeer

log = structlog.get_logger(__name__)

_STORING = 0.95
_NOTES_AT_MOST, _NOTE_AT_MOST = 100, 2000
_FEEDBACK_BEFORE = (
    "Readers gave feedback on the results that these replace. It stays with those: look at these,"
    " and give it again where it holds."
)


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
        self._claimed_id = job.job_id
        self._revisions = Revisions(storage.jobs, self._job, owner)
        self._progress = JobProgress(storage.jobs, storage.settings, job, owner, lease, stopping)

    def do(self, pipeline: Pipeline) -> JobOutcome:
        reset_peak_memory()
        begun = time.monotonic()
        loaded, context = JobLoader(self._storage, self._job, self._progress).load(pipeline)
        volume = context.volume
        with self._progress.stage("running", RUNNING):
            ensure_proven(self._storage.model_states, pipeline)
            if loaded.early is not None and loaded.early.output is not None:
                output, notes = loaded.early.output, loaded.early.notes
            else:
                output, notes = with_fallback(lambda: run_with_coverage(pipeline, context))
        seen = self._seen(pipeline, context)
        if takes_instances(pipeline):
            drop_pixels(loaded.sources)
        tracked: Tracked | None = None
        if volume is not None:
            with self._progress.stage("comparing_lesions", ENCODING):
                tracked = track_lesions(self._storage, self._job, pipeline, volume, output)
            output = tracked.output
        output = with_caveats(output, pipeline, loaded, volume)
        stays = self._stays_here()
        destinations = [] if stays else destinations_of(self._storage.peers, loaded.rule)
        with self._progress.stage("encoding", ENCODING):
            wanted = kinds_wanted(self._storage.settings, destinations)
            if pipeline.input_kind == "dicom-image":
                drop_pixels([*loaded.sources, *loaded.others])
            if volume is not None and not NEEDS_GREY_VALUES & wanted:
                # A large mask needs their memory.
                volume = volume.without_voxels()
                del context
            encode = partial(
                encode_results,
                pipeline=pipeline,
                sources=loaded.sources,
                volume=volume,
                output=output,
                extra_kinds=wanted,
                others=loaded.others,
                other_grids=loaded.other_grids,
                site_references=site_references(self._storage.settings),
            )
            laterality = "" if volume is None else volume.laterality
            results = self._encoded(encode, tracked, laterality)
            while differ_from_stored(self._storage.generated, results):
                self._job = self._revisions.next()
                if tracked is not None:
                    tracked = of_revision(tracked, self._job)
                results = self._encoded(encode, tracked, laterality)
        with self._progress.stage("storing", _STORING):
            note_storing()
            store_label_picture(self._storage.objects, self._job, pipeline, output)
            stored = self._store(pipeline.title, results, destinations, loaded.sources)
        self._observe(loaded.sources, volume, seen, output)
        self._progress.timings_s["total"] = time.monotonic() - begun
        rows = JobRows(
            results.findings,
            None if tracked is None else tracked.lesions,
            () if tracked is None else tracked.matches,
        )
        result = self._result(output, results, stored, notes, loaded.placement)
        result["laterality"] = laterality
        if volume is not None:
            thicknesses_mm = slice_thicknesses_mm(headers_of(loaded.sources, volume))
            if thicknesses_mm:
                result["slice_thickness_mm"] = thicknesses_mm[-1]
        return JobOutcome(result, rows, self._job if self._is_revision else None)

    @property
    def _is_revision(self) -> bool:
        """Whether the results differ from those of the job that was claimed."""
        return self._job.job_id != self._claimed_id

    def _stays_here(self) -> bool:
        """Whether its results go to no destination, for what the job was made for."""
        uid = self._job.study_instance_uid
        return stays_here(
            self._storage.prior_fetches, uid
        ) or self._claimed_id in self._storage.retrospective_runs.quiet_jobs(uid)

    def _encoded(
        self, encode: Callable[..., EncodedResults], tracked: Tracked | None, laterality: str
    ) -> EncodedResults:
        """As the results of the job at hand, which bears the scheme of their UIDs from then on."""
        predecessors = predecessor_reports(
            self._storage.generated,
            self._storage.instances,
            self._storage.jobs,
            self._storage.feedback_reports,
            self._job,
        )
        comparison = comparison_of(self._storage, self._job, tracked, laterality)
        self._job, results = encoded_under_free_uids(
            self._storage.generated,
            self._job,
            partial(encode, predecessors=predecessors, comparison=comparison),
        )
        return results

    def _seen(self, pipeline: Pipeline, context: PipelineContext) -> Measures:
        """What is kept for statistics must not cost results; empty where there is nothing."""
        try:
            return seen_by(pipeline, context)
        except Exception as error:  # noqa: BLE001 - see above
            log.error("drift_not_observed", error=type(error).__name__, place=place(error))
            return {}

    def _observe(
        self,
        sources: Sequence[Dataset],
        volume: Volume | None,
        seen: Measures,
        output: PipelineOutput,
    ) -> None:
        """The results are there; what is kept for statistics must not take them back."""
        if not seen:
            return
        try:
            first = 0 if volume is None else volume.instance_indices[0]
            observe(self._storage.drift, self._job, sources[first], seen, output)
        except Exception as error:  # noqa: BLE001 - see above
            log.error("drift_not_observed", error=type(error).__name__, place=place(error))

    def _store(
        self,
        title: str,
        results: EncodedResults,
        destinations: Sequence[KnownPeer],
        headers: Sequence[Dataset],
    ) -> list[ResultInstance]:
        instances, stored = store_objects(
            self._storage.generated,
            self._storage.audit,
            self._job,
            results,
            self._progress.still_ours,
        )
        self._progress.still_ours()
        standing = standing_after_feedback(
            self._storage, replace(self._job, result={**self._job.result, "instances": stored})
        )
        want_delivery(
            self._storage.deliveries,
            self._storage.settings,
            self._job,
            results,
            instances,
            destinations,
            instead=standing,
        )
        made = made_objects(results, instances, standing)
        route_results(self._storage, self._job, headers, made, results.findings)
        if self._job.input_object_key and results.findings:
            draft_image(
                self._storage.settings, self._storage.reports, self._job, title, results.findings
            )
        return stored

    def _feedback_before(self) -> list[str]:
        """Feedback stays with the results that it was given on (decision 0081)."""
        if not self._is_revision:
            return []
        before = [one.finding_id for one in self._storage.findings.of_job(self._claimed_id)]
        given = self._storage.finding_feedback.of_findings(before)
        return [_FEEDBACK_BEFORE] if any(given.values()) else []

    def _result(
        self,
        output: PipelineOutput,
        results: EncodedResults,
        stored: list[ResultInstance],
        notes: Sequence[str],
        placement: Placement,
    ) -> JobResult:
        inside = {f"running.{name}": seconds for name, seconds in output.timings_s.items()}
        timings_s = self._progress.timings_s | inside
        kept: JobResult = {"revision": self._job.revision} if self._job.revision else {}
        if self._revisions.begun and not self._is_revision:
            # The end of the job withdraws what was stored of them.
            kept["begun_revisions"] = self._revisions.begun
        uids = {one["sop_instance_uid"] for one in stored}
        if heated := images_with_heat(self._job, results.findings, uids):
            kept["heat_maps"] = heated
        return {
            **kept,
            "instances": stored,
            "findings": len(results.findings),
            "label_picture": output.label_picture is not None,
            "inputs": [
                placement.stated(one.role, one.series_instance_uid)
                for one in self._storage.jobs.inputs_of(self._claimed_id)
            ],
            "notes": [
                text_from_outside(one, _NOTE_AT_MOST)
                for one in (
                    *self._feedback_before(),
                    *notes,
                    *([output.derivation] if output.derivation else []),
                    *output.notes,
                )[:_NOTES_AT_MOST]
            ],
            "timings_s": {name: round(seconds, 3) for name, seconds in timings_s.items()},
            "peak_memory_bytes": peak_memory_bytes(),
        }
