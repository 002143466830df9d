"""A changed mask as results: encoded, stored, and sent like those of a job."""

import hashlib
import uuid
from dataclasses import replace

from inference.lesions.tracking import store_edited_lesions
from inference.mask_edits.edited_version import EditedVersion
from inference.pipeline import PipelineOutput
from inference.results.author import noted_observers
from inference.results.masks.edit import Edit
from inference.results.masks.read import MaskStack
from inference.results_by_hand import HandStorage, store_result_by_hand
from storage.core.clock import utcnow
from storage.core.entities import Job


def store_edit(
    storage: HandStorage,
    before: EditedVersion,
    edit: Edit,
    masks: MaskStack,
    output: PipelineOutput,
) -> Job:
    """Keep `output` as the newest result; returns the job that stands for it.

    Raises UidConflict where a newer version has come meanwhile.
    """
    job = store_result_by_hand(
        storage,
        _job(before, masks, edit),
        before.pipeline,
        before.sources,
        before.volume,
        output,
        edit,
    )
    store_edited_lesions(
        storage.lesions, before.job, job, before.volume, output, edit.segment_numbers
    )
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
            "edited": {
                "by": edit.author.name,
                "segment_numbers": sorted(edit.segment_numbers),
                "observers": noted_observers(edit.observers),
                "reason": edit.reason,
                "source_fingerprint": before.source_fingerprint,
                "predecessor_sop_instance_uid": str(before.segmentation.SOPInstanceUID),
            },
        },
    )
