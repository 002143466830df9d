"""Edited masks: a label map in, a new SEG and SR out."""

from typing import Annotated, Any, Protocol

import numpy as np
from fastapi import Path, Request
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from api.access.authors import author_of
from api.access.policy import RADIOLOGISTS, policy
from api.access.principal import PrincipalDep
from api.annotations.schemas import MaskEdit
from api.audit_rules import STORES
from api.deps import StorageDep
from api.errors import MISMATCH_TITLE, ApiProblem
from api.jobs.routes import JobStorage, read_job
from api.jobs.schemas import JobPayload
from api.middleware import limited
from api.parameters import StudyUid, problems
from api.router_factory import check_fields, new_router
from inference.broker.notify import wake
from inference.imaging.volume import MAXIMUM_VOXELS
from inference.mask_edits.label_map import LabelMap
from inference.mask_edits.service import MaskEditStorage, edit_mask
from inference.results.author import Author
from storage.core.errors import LimitExceeded
from storage.dicom.inflate import CannotInflate, InflateLimits, inflate

router = new_router(prefix="/api/studies/{study_instance_uid}/segmentations", tags=["reading"])

_BODY_MAX_BYTES = 128 * 1024 * 1024
_EDIT_MAX_BYTES = 4 * 1024 * 1024
_GZIP = 31
"""zlib's number for a stream with gzip's header and checksum."""
SopInstanceUid = Annotated[
    str, Path(pattern=r"^[0-9.]{1,64}$", description="SOPInstanceUID of the segmentation.")
]


_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["edit", "labels"],
                "properties": {
                    "edit": {
                        "type": "string",
                        "maxLength": _EDIT_MAX_BYTES,
                        "contentMediaType": "application/json",
                        "contentSchema": {"$ref": "#/components/schemas/MaskEdit"},
                        "description": "JSON: segment_numbers, slices, rows, columns, reason.",
                    },
                    "labels": {
                        "type": "string",
                        "format": "binary",
                        "description": "gzip of one byte a voxel: the segment's number or 0.",
                    },
                },
            }
        }
    },
}


@router.post(
    "/{sop_instance_uid}/edits",
    status_code=201,
    summary="Save an edited mask",
    responses=problems(400, 404, 409, 413, 422, 507),
    openapi_extra={"requestBody": _BODY},
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
    counted = Request(request.scope, limited(request.receive, _BODY_MAX_BYTES))
    async with counted.form(max_files=2, max_fields=2, max_part_size=_EDIT_MAX_BYTES) as form:
        check_fields(form, ("edit", "labels"))
        edit = _edit_of(await _text(form.get("edit")))
        labels = form.get("labels")
        packed = await labels.read() if isinstance(labels, UploadFile) else b""
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
    label_map = LabelMap(
        slices=tuple((one.sop_instance_uid, one.frame_number) for one in edit.slices),
        segment_numbers=tuple(dict.fromkeys(edit.segment_numbers)),
        values=np.frombuffer(_unpacked(edit, packed), np.uint8).reshape(
            len(edit.slices), edit.rows, edit.columns
        ),
    )
    job = edit_mask(storage, study_instance_uid, sop_instance_uid, label_map, author, edit.reason)
    wake(storage.settings)
    return read_job(storage, job.job_id)


async def _text(part: UploadFile | str | None) -> str:
    """The JSON, whether it was sent as a field or as a file."""
    if not isinstance(part, UploadFile):
        return part or ""
    # Of a field the form's reader knows the limit, of a file it does not.
    found = await part.read(_EDIT_MAX_BYTES + 1)
    if len(found) > _EDIT_MAX_BYTES:
        raise ApiProblem(
            413,
            "limit_exceeded",
            f"The part 'edit' has more than {_EDIT_MAX_BYTES} bytes.",
            remedy="It is JSON that names segments and slices; the voxels are the part 'labels'.",
        )
    return found.decode("utf-8", "replace")


def _edit_of(text: str) -> MaskEdit:
    try:
        return MaskEdit.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(one) for one in ("edit", *first["loc"]))
        raise ApiProblem(
            422,
            "validation_failed",
            f"{where}: {first['msg']}.",
            title=MISMATCH_TITLE,
            remedy="The part 'edit' is JSON; /api/openapi.json describes it.",
        ) from error


def _unpacked(edit: MaskEdit, packed: bytes) -> bytes:
    """Exactly the bytes that the edit announces; no more are ever unpacked."""
    expected = len(edit.slices) * edit.rows * edit.columns
    if expected > MAXIMUM_VOXELS:
        raise ApiProblem(
            413,
            "limit_exceeded",
            f"The label map has {expected} voxels; {MAXIMUM_VOXELS} are allowed.",
            remedy="Send the slices that changed.",
        )
    exactly = InflateLimits(always_bytes=expected, ratio=0, most_bytes=expected)
    try:
        values = inflate(packed, exactly, wbits=_GZIP)
    except (CannotInflate, LimitExceeded):
        values = b""
    if len(values) != expected:
        raise ApiProblem(
            422,
            "labels_unusable",
            f"The part 'labels' must be gzip of {expected} bytes:"
            f" {len(edit.slices)} slices of {edit.rows} rows and {edit.columns} columns.",
            remedy="Send one byte a voxel, compressed with gzip.",
        )
    return values
