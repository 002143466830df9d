"""A mask that a person changed: a new SEG and SR with volumes measured again.

The pipeline's own result stays as it is. The new version is kept like the result of a job
that has ended, so that findings, deliveries and later revisions find it where they look.
"""

from typing import Protocol

from inference.mask_edits.edited_output import edited_output
from inference.mask_edits.edited_version import EditedVersionStorage, version_to_edit
from inference.mask_edits.label_map import LabelMap, apply_label_map
from inference.results.author import Author, observers_of
from inference.results.masks.edit import Edit
from inference.results.masks.read import read_masks
from storage.container.has import (
    HasAudit,
    HasDeliveries,
    HasFeedbackReports,
    HasFindingFeedback,
    HasPatientStudies,
    HasPeers,
    HasWorklist,
)
from storage.core.entities import Job
from storage.core.errors import InvalidRequest


class MaskEditStorage(
    EditedVersionStorage,
    HasPatientStudies,
    HasFindingFeedback,
    HasFeedbackReports,
    HasPeers,
    HasDeliveries,
    HasWorklist,
    HasAudit,
    Protocol,
):
    """What of the storage layer a mask is read, changed and stored with."""


def edit_mask(
    storage: MaskEditStorage,
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
    from inference.mask_edits.storing import store_edit

    before = version_to_edit(storage, study_instance_uid, sop_instance_uid)
    volume = before.volume
    slices = tuple(zip(volume.sop_instance_uids, volume.frame_numbers, strict=True))
    masks = read_masks(before.segmentation, slices)
    changed = apply_label_map(label_map, masks, slices)
    if not changed:
        raise InvalidRequest(
            "The label map says what the mask says already.",
            remedy="Send a label map that differs from the mask.",
        )
    output = edited_output(before, masks, changed)
    earlier = observers_of(before.job.result, masks.count)
    observers = tuple(
        author if number in changed else one for number, one in enumerate(earlier, start=1)
    )
    edit = Edit(author, changed, reason, before.segmentation, observers=observers)
    return store_edit(storage, before, edit, masks, output)
