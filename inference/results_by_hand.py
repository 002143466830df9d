"""Results that a person made or changed: encoded, stored, and sent like those of a job."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

from pydicom.dataset import Dataset

from inference.annotations.predecessor import predecessor_reports
from inference.annotations.storing import stale
from inference.deliveries.storing import (
    differ_from_stored,
    encoded_under_free_uids,
    store_objects,
    want_delivery,
)
from inference.findings.normal_ranges import site_references
from inference.imaging.volume import Volume
from inference.pipeline import Pipeline, PipelineOutput
from inference.prior_comparison import ComparisonStorage, comparison_of
from inference.results.encode import encode_results
from inference.results.kinds_per_destination import kinds_wanted
from inference.results.masks.edit import Edit
from inference.rules.job_rule import destinations_of, rule_for
from storage.container.has import (
    HasAudit,
    HasDeliveries,
    HasGenerated,
    HasInstances,
    HasPeers,
    HasSettings,
    HasWorklist,
)
from storage.core.entities import Job
from storage.jobs.outcome import JobRows
from storage.jobs.repository import Jobs


class HandStorage(
    HasSettings,
    ComparisonStorage,
    HasInstances,
    HasWorklist,
    HasGenerated,
    HasPeers,
    HasDeliveries,
    HasAudit,
    Protocol,
):
    """What of the storage layer a person's result is stored and sent with."""


def store_result_by_hand(
    storage: HandStorage,
    job: Job,
    pipeline: Pipeline,
    sources: Sequence[Dataset],
    volume: Volume,
    output: PipelineOutput,
    edit: Edit,
) -> Job:
    """Keep what a person made as the result of `job`, which ended when it began.

    Raises UidConflict where a newer version has come meanwhile.
    """
    # Of which side the images are decides what it is compared with.
    job = replace(job, result={**job.result, "laterality": volume.laterality})
    rule = rule_for(storage.settings, storage.index, storage.worklist, pipeline.name, sources)
    destinations = destinations_of(storage.peers, rule)
    encode = partial(
        encode_results,
        pipeline=pipeline,
        sources=sources,
        volume=volume,
        output=output,
        extra_kinds=kinds_wanted(storage.settings, destinations),
        predecessors=predecessor_reports(
            storage.generated, storage.instances, storage.jobs, storage.feedback_reports, job
        ),
        edit=edit,
        comparison=comparison_of(storage, job),
        site_references=site_references(storage.settings),
    )
    job, results = encoded_under_free_uids(storage.generated, job, encode)
    while differ_from_stored(storage.generated, results):
        # By a process that died before the job was recorded, unless somebody did the same.
        if _is_recorded(storage.jobs, job):
            raise stale()
        job = replace(job, result={**job.result, "revision": job.revision + 1})
        job, results = encoded_under_free_uids(storage.generated, job, encode)
    instances, stored = store_objects(storage.generated, storage.audit, job, results, lambda: None)
    job = replace(
        job, result={**job.result, "instances": stored, "findings": len(results.findings)}
    )
    if not storage.jobs.record(job, JobRows(results.findings)):
        raise stale()
    want_delivery(
        storage.deliveries,
        storage.settings,
        job,
        results,
        instances,
        destinations,
        accepted=True,
    )
    return job


def _is_recorded(jobs: Jobs, job: Job) -> bool:
    of_study = jobs.of_studies([job.study_instance_uid])[job.study_instance_uid]
    return any(
        (one.pipeline, one.pipeline_version, one.input_fingerprint)
        == (job.pipeline, job.pipeline_version, job.input_fingerprint)
        for one in of_study
    )
