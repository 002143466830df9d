"""A changed mask as results: encoded, stored, and sent like those of a job."""

import hashlib
import uuid
from dataclasses import replace
from functools import partial

from inference.annotations.predecessor import predecessor_reports
from inference.annotations.storing import stale
from inference.deliveries.storing import encoded_under_free_uids, store_objects, want_delivery
from inference.findings.normal_ranges import site_references
from inference.lesions.tracking import store_edited_lesions
from inference.mask_edits.edited_version import EditedVersion
from inference.pipeline import PipelineOutput
from inference.prior_comparison import comparison_of
from inference.results.encode import encode_results
from inference.results.kinds_per_destination import kinds_wanted
from inference.results.mask_edit import Edit
from inference.results.mask_read import MaskStack
from inference.rules.job_rule import destinations_of, rule_for
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.entities import Job
from storage.jobs.outcome import JobRows


def store_edit(
    storage: Storage,
    before: EditedVersion,
    edit: Edit,
    masks: MaskStack,
    output: PipelineOutput,
) -> Job:
    """Keep `output` as the newest result; returns the job that stands for it.

    Raises UidConflict where a newer version has come meanwhile.
    """
    volume = before.volume
    job = _job(before, masks, edit)
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
        edit=edit,
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
    store_edited_lesions(storage.lesions, before.job, job, volume, output, edit.segment_numbers)
    return job


def _job(before: EditedVersion, masks: MaskStack, edit: Edit) -> Job:
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
            "laterality": before.volume.laterality,
            "edited": {
                "by": edit.author.name,
                "segment_numbers": sorted(edit.segment_numbers),
                "reason": edit.reason,
                "source_fingerprint": before.source_fingerprint,
                "predecessor_sop_instance_uid": str(before.segmentation.SOPInstanceUID),
            },
        },
    )
