"""Put what a job found into the storage: objects first, then the rows that name them."""

from collections.abc import Callable, Sequence

import structlog

from inference.pipeline import Pipeline, PipelineOutput
from inference.results.encode import EncodedResults
from inference.results.pictures.label_picture import encode_label_picture, label_picture_key
from inference.results.wanted import taken_by
from inference.results.writing import part10
from inference.worker import auditing
from storage.container import Storage
from storage.core.entities import Instance, Job
from storage.core.job_result import ResultInstance
from storage.objects.filesystem import ObjectStore
from storage.peers.repository import KnownPeer

log = structlog.get_logger(__name__)


def store_objects(
    storage: Storage, job: Job, results: EncodedResults, check: Callable[[], None]
) -> tuple[list[Instance], list[ResultInstance]]:
    """The objects of a job, and what its result says of them; doing it again changes nothing.

    `check` is asked before each and raises to stop.
    """
    instances: list[Instance] = []
    stored: list[ResultInstance] = []
    for result in results.objects:
        dataset = result.dataset
        check()
        accepted = storage.ingest.accept(
            part10(dataset), source=f"result:{job.job_id}", origin="generated"
        )
        log.info(
            "result_stored",
            job_id=job.job_id,
            kind=result.kind,
            sop_instance_uid=str(dataset.SOPInstanceUID),
            outcome=accepted.outcome,
        )
        instances.append(storage.index.instance(str(dataset.SOPInstanceUID)))
        stored.append(
            {
                "kind": result.kind,
                "sop_class_uid": str(dataset.SOPClassUID),
                "series_instance_uid": str(dataset.SeriesInstanceUID),
                "sop_instance_uid": str(dataset.SOPInstanceUID),
            }
        )
    auditing.results_made(storage, job, instances)
    return instances, stored


def store_label_picture(
    objects: ObjectStore, job: Job, pipeline: Pipeline, output: PipelineOutput
) -> None:
    """What a segmented picture shows where, if the output has it; again is the same."""
    if output.label_picture is None:
        return
    picture = encode_label_picture(job, pipeline, output.label_picture, output.label_names)
    objects.put(label_picture_key(job), picture, "image/png")


def store_rows(
    storage: Storage,
    job: Job,
    results: EncodedResults,
    instances: Sequence[Instance],
    destinations: Sequence[KnownPeer],
) -> None:
    """Findings, and deliveries last; doing it again changes nothing."""
    storage.findings.replace_for_job(job.job_id, results.findings)
    made = [(one.kind, instance) for one, instance in zip(results.objects, instances, strict=True)]
    for destination in destinations:
        taken = list(taken_by(destination, made))
        storage.deliveries.enqueue(destination.name, taken, job.job_id)
