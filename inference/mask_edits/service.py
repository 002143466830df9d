"""A mask that a person changed: a new SEG and SR with volumes measured again.

The pipeline's own result stays as it is. The new version is kept like the result of a job
that has ended, so that findings, deliveries and later revisions find it where they look.
"""

import hashlib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from pydicom.dataset import Dataset

from inference.annotations.storing import stale
from inference.findings.normal_ranges import site_references
from inference.imaging.volume import Volume, assemble_volume
from inference.input_selection.selection import stack_for
from inference.mask_edits.label_map import LabelMap, apply_label_map
from inference.pipeline import Measurement, Pipeline, PipelineOutput
from inference.pipelines.catalogue import catalogue
from inference.results.author import Author
from inference.results.mask_read import (
    MaskStack,
    read_masks,
    read_segments,
)
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.entities import Job
from storage.core.errors import InvalidRequest, NotFound
from storage.core.findings import Finding
from storage.dicom.storage_classes import SEGMENTATION_CLASSES
from storage.jobs.outcome import JobRows
from storage.jobs.repository import Jobs
from storage.settings import Settings

_VOLUME = "118565006"
_MM3_IN: Mapping[str, float] = {"mm3": 1.0, "cm3": 1e3, "mL": 1e3, "L": 1e6}


@dataclass(frozen=True)
class _Before:
    """The version that is changed, and what it was made of."""

    job: Job
    pipeline: Pipeline
    segmentation: Dataset
    sources: Sequence[Dataset]
    volume: Volume
    findings: Sequence[Finding]
    source_fingerprint: str
    """Of the series that all of it is over."""


def edit_mask(
    storage: Storage,
    study_instance_uid: str,
    sop_instance_uid: str,
    label_map: LabelMap,
    author: Author,
    reason: str = "",
) -> Job:
    """Keep a changed mask as the newest result; returns the job that stands for it.

    Volumes are measured here. Other numbers of a changed segment rest on the old mask and
    are left out. Raises NotFound, InvalidRequest, UidConflict where a newer version is there.
    """
    # What encodes is large, and few processes need it.
    from inference.annotations.predecessor import predecessor_reports
    from inference.deliveries.storing import encoded_under_free_uids, store_objects, want_delivery
    from inference.imaging.acquisition.tube_voltage import caveat_of_energies
    from inference.imaging.stated_numbers import headers_of
    from inference.lesions.tracking import store_edited_lesions
    from inference.models.population import caveat_of
    from inference.pipeline_runs.coverage import with_caveat, with_validity
    from inference.prior_comparison import comparison_of
    from inference.results.edit import Edit
    from inference.results.encode import encode_results
    from inference.results.wanted import kinds_wanted
    from inference.rules.job_rule import destinations_of, rule_for

    before = _before(storage, study_instance_uid, sop_instance_uid)
    volume = before.volume
    slices = tuple(zip(volume.sop_instance_uids, volume.frame_numbers, strict=True))
    masks = read_masks(before.segmentation, slices)
    changed = apply_label_map(label_map, masks, slices)
    if not changed:
        raise InvalidRequest(
            "The label map says what the mask says already.",
            remedy="Send a label map that differs from the mask.",
        )
    output = with_validity(before.pipeline, _output(before, masks, changed), volume)
    stack = headers_of(before.sources, volume)
    output = with_caveat(output, caveat_of(before.pipeline.card.population, stack))
    output = with_caveat(output, caveat_of_energies(before.sources, volume))
    job = _job(before, masks, author, changed, reason)
    rule = rule_for(storage.settings, storage.index, before.pipeline.name, before.sources)
    destinations = destinations_of(storage.peers, rule)
    encode = partial(
        encode_results,
        pipeline=before.pipeline,
        sources=before.sources,
        volume=volume,
        output=output,
        extra_kinds=kinds_wanted(storage.settings, destinations),
        predecessors=predecessor_reports(
            storage.generated, storage.instances, storage.jobs, storage.feedback_reports, job
        ),
        edit=Edit(author, changed, reason, before.segmentation),
        comparison=comparison_of(storage, job),
        site_references=site_references(storage.settings),
    )
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
    store_edited_lesions(storage.lesions, before.job, job, volume, output)
    return job


def _before(storage: Storage, study_instance_uid: str, sop_instance_uid: str) -> _Before:
    instance = storage.generated.instance(sop_instance_uid)
    if (
        instance.study_instance_uid != study_instance_uid
        or instance.sop_class_uid not in SEGMENTATION_CLASSES
    ):
        raise NotFound(
            f"The study holds no segmentation {sop_instance_uid}.",
            remedy="GET /api/jobs names the results of a study.",
        )
    job = _job_of(storage.jobs, study_instance_uid, sop_instance_uid)
    pipeline = _pipeline_of(storage.settings, job)
    if storage.jobs.inputs_of(job.job_id):
        raise InvalidRequest(
            "The mask was made of several series; such masks cannot be edited yet.",
            remedy="Say what is wrong with its numbers by feedback on the findings.",
        )
    held = storage.index.instances_of(study_instance_uid, job.series_instance_uid)
    datasets: list[Dataset] = [storage.instances.dataset(one) for one in held]
    series = storage.index.series(study_instance_uid, job.series_instance_uid)
    stack = stack_for(pipeline, series, held, datasets)
    sources = stack.of(datasets)
    return _Before(
        job=job,
        pipeline=pipeline,
        segmentation=storage.instances.dataset(instance),
        sources=sources,
        volume=assemble_volume(sources, stack.frame_indices, tilted=True),
        findings=storage.findings.of_job(job.job_id),
        source_fingerprint=series.fingerprint,
    )


def _job_of(job_repository: Jobs, study_instance_uid: str, sop_instance_uid: str) -> Job:
    """The job that made the segmentation, which must be the newest of its kind."""
    of_study = job_repository.of_studies([study_instance_uid])[study_instance_uid]
    jobs = [job for job in of_study if job.has_completed]
    for job in jobs:
        made = {one.get("sop_instance_uid") for one in job.result.get("instances", ())}
        if sop_instance_uid in made:
            if job.ending == "superseded":
                raise stale()
            break
    else:
        raise InvalidRequest(
            "The segmentation is no result of this node.",
            remedy="Only results of pipelines that run here can be edited.",
        )
    newer = [
        one
        for one in jobs
        if (one.series_instance_uid, one.pipeline) == (job.series_instance_uid, job.pipeline)
        and one.created_at > job.created_at
    ]
    if newer:
        raise stale()
    return job


def _pipeline_of(settings: Settings, job: Job) -> Pipeline:
    for pipeline in catalogue(settings):
        if (pipeline.name, pipeline.version) == (job.pipeline, job.pipeline_version):
            return pipeline
    raise InvalidRequest(
        f"The pipeline {job.pipeline} {job.pipeline_version} is not installed any more.",
        remedy="Run the present version on the series, and edit its mask.",
    )


def _output(before: _Before, masks: MaskStack, changed: frozenset[int]) -> PipelineOutput:
    if not masks.array.any():
        raise InvalidRequest(
            "Nothing would be left of the mask.", remedy="Reject its findings instead."
        )
    colors = {
        one.segmentation.segment_number: one.segmentation.color_rgb
        for one in before.findings
        if one.segmentation is not None
    }
    return PipelineOutput(
        segments=read_segments(before.segmentation, colors),
        masks=masks.array,
        measurements=tuple(_measured(before, masks, changed)),
    )


def _measured(before: _Before, masks: MaskStack, changed: frozenset[int]) -> Iterator[Measurement]:
    """What still holds: volumes measured again, and what no changed segment had a part in."""
    for finding in before.findings:
        if finding.value is None or finding.unit is None or finding.segmentation is None:
            continue
        number = finding.segmentation.segment_number
        value = finding.value
        if number in changed:
            if finding.code.value != _VOLUME or finding.unit.value not in _MM3_IN:
                continue
            mm3 = masks.voxel_count(number) * before.volume.voxel_volume_mm3
            value = mm3 / _MM3_IN[finding.unit.value]
        # Of what changed, the new mask says whether it is complete
        # (`inference.pipeline_runs.coverage`).
        validity = None if number in changed else finding.validity
        yield Measurement(
            finding.label, finding.code, value, finding.unit, number - 1, validity=validity
        )


def _job(
    before: _Before,
    masks: MaskStack,
    author: Author,
    changed: frozenset[int],
    reason: str,
) -> Job:
    """A job that ended when it began; its input is the mask before and the mask after."""
    digest = hashlib.sha256(f"edit {before.segmentation.SOPInstanceUID}".encode())
    digest.update(masks.array.tobytes())
    now = utcnow()
    return replace(
        before.job,
        job_id=str(uuid.uuid4()),
        input_fingerprint=digest.hexdigest(),
        input_object_key="",
        state="COMPLETED",
        stage="",
        progress=1.0,
        reason="",
        attempts=0,
        lease_owner="",
        lease_expires_at=None,
        earlier_started_at=None,
        earlier_finished_at=None,
        created_at=now,
        started_at=now,
        finished_at=now,
        updated_at=now,
        result={
            "edited": {
                "by": author.name,
                "segment_numbers": sorted(changed),
                "reason": reason,
                "source_fingerprint": before.source_fingerprint,
                "predecessor_sop_instance_uid": str(before.segmentation.SOPInstanceUID),
            }
        },
    )
