"""Put what a job made into the storage, and want it at the destinations."""

from collections.abc import Callable, Sequence

import structlog

from inference import auditing
from inference.delivery.release import release_of, want_results
from inference.pipeline import Pipeline, PipelineOutput
from inference.results.encode import EncodedResults
from inference.results.pictures.label_picture import encode_label_picture, label_picture_key
from inference.results.wanted import taken_by
from inference.results.writing import part10
from storage.audit import Audit
from storage.core.entities import Instance, Job
from storage.core.job_result import ResultInstance
from storage.deliveries.repository import Deliveries
from storage.index.repository import Index
from storage.ingest.service import Ingest
from storage.objects.filesystem import ObjectStore
from storage.peers.repository import KnownPeer
from storage.settings import Settings

log = structlog.get_logger(__name__)


def store_objects(
    index: Index,
    ingest: Ingest,
    audit: Audit,
    job: Job,
    results: EncodedResults,
    check: Callable[[], None],
) -> tuple[list[Instance], list[ResultInstance]]:
    """The objects of a job, and what its result says of them; doing it again changes nothing.

    `check` is asked before each and raises to stop.
    """
    instances: list[Instance] = []
    stored: list[ResultInstance] = []
    for result in results.objects:
        dataset = result.dataset
        check()
        accepted = ingest.accept(part10(dataset), source=f"result:{job.job_id}", origin="generated")
        log.info(
            "result_stored",
            job_id=job.job_id,
            kind=result.kind,
            sop_instance_uid=str(dataset.SOPInstanceUID),
            outcome=accepted.outcome,
        )
        instances.append(index.instance(str(dataset.SOPInstanceUID)))
        stored.append(
            {
                "kind": result.kind,
                "sop_class_uid": str(dataset.SOPClassUID),
                "series_instance_uid": str(dataset.SeriesInstanceUID),
                "sop_instance_uid": str(dataset.SOPInstanceUID),
            }
        )
    auditing.results_made(audit, job, instances)
    return instances, stored


def store_label_picture(
    objects: ObjectStore, job: Job, pipeline: Pipeline, output: PipelineOutput
) -> None:
    """What a segmented picture shows where, if the output has it; again is the same."""
    if output.label_picture is None:
        return
    picture = encode_label_picture(job, pipeline, output.label_picture, output.label_names)
    objects.put(label_picture_key(job), picture, "image/png")


def want_delivery(
    deliveries: Deliveries,
    settings: Settings,
    job: Job,
    results: EncodedResults,
    instances: Sequence[Instance],
    destinations: Sequence[KnownPeer],
    *,
    accepted: bool = False,
) -> None:
    """Want the objects at the destinations; again changes nothing. `accepted`: by a person."""
    made = [(one.kind, instance) for one, instance in zip(results.objects, instances, strict=True)]
    for destination in destinations:
        taken = list(taken_by(destination, made))
        want_results(
            deliveries,
            destination.name,
            taken,
            release_of(settings, [job.pipeline], destination.name),
            job.job_id,
            accepted=accepted,
        )
