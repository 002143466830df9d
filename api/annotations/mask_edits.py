"""Edited masks: a label map in, a new SEG and SR out."""

from typing import Annotated, Protocol

from fastapi import Path, Request
from starlette.concurrency import run_in_threadpool

from api.access.authors import author_of
from api.access.policy import RADIOLOGISTS, policy
from api.access.principal import PrincipalDep
from api.annotations.schemas import MaskEdit
from api.audit_rules import STORES
from api.deps import StorageDep
from api.jobs.routes import JobStorage, read_job
from api.jobs.schemas import JobPayload
from api.parameters import StudyUid, problems
from api.router_factory import new_router
from api.segmentations.label_map_form import (
    check_slices,
    label_map_body,
    label_values,
    read_label_map_form,
    unpacked_in_turn,
)
from inference.broker.notify import wake
from inference.mask_edits.label_map import LabelMap
from inference.mask_edits.service import MaskEditStorage, edit_mask
from inference.results.author import Author

router = new_router(prefix="/api/studies/{study_instance_uid}/segmentations", tags=["reading"])

SopInstanceUid = Annotated[
    str, Path(pattern=r"^[0-9.]{1,64}$", description="SOPInstanceUID of the segmentation.")
]


@router.post(
    "/{sop_instance_uid}/edits",
    status_code=201,
    summary="Save an edited mask",
    responses=problems(400, 404, 409, 413, 422, 507),
    openapi_extra={
        "requestBody": label_map_body(
            "edit", "MaskEdit", "JSON: segment_numbers, slices, rows, columns, reason."
        )
    },
)
@policy(RADIOLOGISTS, "api:write", STORES)
async def add_mask_edit(
    request: Request,
    storage: StorageDep,
    principal: PrincipalDep,
    study_instance_uid: StudyUid,
    sop_instance_uid: SopInstanceUid,
) -> JobPayload:
    """A new SEG, and an SR that replaces its predecessor; both are sent like every result.

    The node measures volumes again. What else the pipeline had measured on a changed
    segment belongs to the old mask and is left out. The answer is the job that stands for the
    edit, with its findings. 409 where a newer version is there.
    """
    edit, packed = await read_label_map_form(request, "edit", MaskEdit)
    author = author_of(principal)
    return await run_in_threadpool(
        _save, storage, study_instance_uid, sop_instance_uid, edit, packed, author
    )


class MaskEditJobStorage(MaskEditStorage, JobStorage, Protocol):
    """What of the storage layer a mask is changed with, and the job that stands for it shown."""


def _save(
    storage: MaskEditJobStorage,
    study_instance_uid: str,
    sop_instance_uid: str,
    edit: MaskEdit,
    packed: bytes,
    author: Author,
) -> JobPayload:
    slices = tuple((one.sop_instance_uid, one.frame_number) for one in edit.slices)
    check_slices(
        *(storage.index, study_instance_uid, slices, edit.rows, edit.columns),
        matrix_of=sop_instance_uid,
    )
    with unpacked_in_turn():
        label_map = LabelMap(
            slices=slices,
            segment_numbers=tuple(dict.fromkeys(edit.segment_numbers)),
            values=label_values(packed, len(slices), edit.rows, edit.columns),
        )
        job = edit_mask(
            storage, study_instance_uid, sop_instance_uid, label_map, author, edit.reason
        )
    wake(storage.settings)
    return read_job(storage, job.job_id)
