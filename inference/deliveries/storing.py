"""Put what a job made into the storage, and want it at the destinations."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import get_args

import structlog

from inference import auditing
from inference.deliveries.release import release_of, want_results
from inference.pipeline import Pipeline, PipelineOutput
from inference.result_identity import ResultKindName, result_identity
from inference.results.encode import EncodedResults
from inference.results.file_writing import part10
from inference.results.kinds_per_destination import taken_by
from inference.results.pictures.label_picture import encode_label_picture, label_picture_key
from storage.audit import Audit
from storage.core.entities import Instance, Job
from storage.core.errors import UidConflict
from storage.core.job_result import ResultInstance
from storage.core.sources import of_result
from storage.core.uids import UidScheme
from storage.deliveries.repository import Deliveries
from storage.ingest.generated import GeneratedInstances
from storage.objects.store import ObjectStore
from storage.peers.entities import KnownPeer
from storage.settings import Settings

log = structlog.get_logger(__name__)


def encoded_under_free_uids(
    generated: GeneratedInstances, job: Job, encode: Callable[[Job], EncodedResults]
) -> tuple[Job, EncodedResults]:
    """The results of a job, under UIDs that nothing of others bears; and the job with its scheme.

    A rerun repeats them. `encode` is called once, unless others occupied a UID.
    """

    def of_kinds(uids: UidScheme) -> list[str]:
        of_scheme = replace(job, uids=uids)
        return [
            result_identity(of_scheme, kind).sop_instance_uid for kind in get_args(ResultKindName)
        ]

    uids = generated.scheme(of_kinds)
    while True:
        of_scheme = replace(job, uids=uids)
        results = encode(of_scheme)
        if not generated.occupied(str(one.dataset.SOPInstanceUID) for one in results.objects):
            return of_scheme, results
        uids = generated.after(uids)


def differ_from_stored(generated: GeneratedInstances, results: EncodedResults) -> bool:
    """Whether something else than these was stored under their UIDs, by a run before."""
    return any(
        generated.differs(str(one.dataset.SOPInstanceUID), partial(part10, one.dataset))
        for one in results.objects
    )


def store_objects(
    generated: GeneratedInstances,
    audit: Audit,
    job: Job,
    results: EncodedResults,
    check: Callable[[], None],
) -> tuple[list[Instance], list[ResultInstance]]:
    """The objects of a job, and what its result says of them; doing it again changes nothing.

    `check` is asked before each and raises to stop. Raises UidOccupied where others have just
    sent something under a UID of theirs, UidConflict where another run has just stored something
    else.
    """
    instances: list[Instance] = []
    stored: list[ResultInstance] = []
    for result in results.objects:
        dataset = result.dataset
        check()
        uid = str(dataset.SOPInstanceUID)
        instance, outcome = generated.store(part10(dataset), uid, of_result(job.job_id))
        log.info(
            "result_stored",
            job_id=job.job_id,
            kind=result.kind,
            sop_instance_uid=uid,
            outcome=outcome,
        )
        if outcome == "conflict":
            raise UidConflict(
                "Another run has just stored other results under the same UIDs.",
                remedy="Run it again.",
            )
        instances.append(instance)
        stored.append(
            {
                "kind": result.kind,
                "sop_class_uid": str(dataset.SOPClassUID),
                "series_instance_uid": str(dataset.SeriesInstanceUID),
                "sop_instance_uid": uid,
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


def made_objects(
    results: EncodedResults,
    instances: Sequence[Instance],
    instead: Mapping[str, Sequence[Instance]],
) -> list[tuple[ResultKindName, Instance]]:
    """The kind and the instance of each object, or of what stands in its place now."""
    return [
        (one.kind, wanted)
        for one, instance in zip(results.objects, instances, strict=True)
        for wanted in instead.get(instance.sop_instance_uid, (instance,))
    ]


def want_delivery(
    deliveries: Deliveries,
    settings: Settings,
    job: Job,
    results: EncodedResults,
    instances: Sequence[Instance],
    destinations: Sequence[KnownPeer],
    *,
    accepted: bool = False,
    instead: Mapping[str, Sequence[Instance]] | None = None,
) -> None:
    """Want the objects at the destinations; again changes nothing. `accepted`: by a person.

    `instead`: by SOP Instance UID what is wanted in the place of one.
    """
    made = made_objects(results, instances, instead or {})
    for destination in destinations:
        taken = list(taken_by(destination, made))
        want_results(
            deliveries,
            destination.name,
            taken,
            release_of(settings, {job.pipeline: results.findings}, destination.name),
            job.job_id,
            accepted=accepted,
        )
