"""What a worker leaves behind, made without one."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial

from pydicom.dataset import Dataset

from inference.deliveries.storing import encoded_under_free_uids, store_objects, want_delivery
from inference.findings.normal_ranges import site_references
from inference.imaging.volume import Volume, assemble_volume
from inference.lesions.tracking import lesions_of
from inference.pipeline import PipelineOutput
from inference.prior_comparison import comparison_of
from inference.results.encode import encode_results
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.entities import Job
from storage.jobs.outcome import JobRows
from storage.peers.entities import KnownPeer
from tests.api.client import part10
from tests.inference.results_support import PIPELINE


def completed_job(
    storage: Storage,
    series: Sequence[Dataset],
    output_of: Callable[[Volume], PipelineOutput],
    kinds: Collection[str] = (),
    destinations: Sequence[KnownPeer] = (),
) -> tuple[Job, Volume]:
    """A completed job over `series`, with everything that it gives in the storage."""
    for image in series:
        storage.ingest.accept(part10(image), "dimse:MR1")
    kept = storage.index.series_of(str(series[0].StudyInstanceUID))[0]
    completed = storage.index.mark_complete(kept, utcnow())
    assert completed is not None
    job, _ = storage.jobs.schedule(
        PIPELINE.name,
        PIPELINE.version,
        completed.study_instance_uid,
        completed.series_instance_uid,
        completed.fingerprint,
    )
    claimed = storage.jobs.claim(job.job_id, "worker", 60, utcnow())
    assert claimed is not None
    claimed = replace(claimed, patient_key=storage.index.patient_key(completed.study_instance_uid))
    volume = assemble_volume(series)
    output = output_of(volume)
    encode = partial(
        encode_results,
        pipeline=PIPELINE,
        sources=series,
        volume=volume,
        output=output,
        extra_kinds=kinds,
        comparison=comparison_of(storage, claimed),
        site_references=site_references(storage.settings),
    )
    claimed, results = encoded_under_free_uids(storage.generated, claimed, encode)
    instances, stored = store_objects(
        storage.generated, storage.audit, claimed, results, lambda: None
    )
    want_delivery(
        storage.deliveries,
        storage.settings,
        claimed,
        results,
        instances,
        destinations,
    )
    rows = JobRows(results.findings, lesions_of(claimed, PIPELINE, volume, output))
    assert storage.jobs.complete(job.job_id, "worker", {"instances": stored}, utcnow(), rows=rows)
    return storage.jobs.get(job.job_id), volume
