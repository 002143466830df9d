"""Analysed pictures: what each of their pixels shows, and their end."""

import structlog
from fastapi.responses import Response

from api.access.policy import ADMINS, READERS, policy
from api.audit_rules import Audited
from api.deps import StorageDep
from api.parameters import JobId, binary, problems
from api.router_factory import new_router
from inference.results.pictures.label_picture import label_picture_key
from storage.audit import Code
from storage.core.errors import NotFound

log = structlog.get_logger(__name__)
router = new_router(prefix="/api/jobs", tags=["jobs"])


@router.get(
    "/{job_id}/label-picture",
    summary="What each pixel of a segmented picture shows",
    response_class=Response,
    responses={**binary("image/png"), **problems(404)},
)
@policy(READERS, "api:read", Audited(Code.PROCEDURE_RECORD, "R", repeated=True))
def get_label_picture(storage: StorageDep, job_id: JobId) -> Response:
    """A palette PNG of the picture's size; its values are classes, which its Comment names.

    Made by an algorithm and UNVERIFIED, which the file says as well.
    """
    job = storage.jobs.get(job_id)
    if not job.result.get("label_picture"):
        raise NotFound(
            "The job has no label picture.",
            remedy="Only completed jobs of image-segmentation have one; see 'has_label_picture'.",
        )
    return Response(storage.objects.get(label_picture_key(job)), media_type="image/png")


@router.delete(
    "/{job_id}",
    summary="Delete an analysed picture",
    status_code=204,
    responses=problems(404, 409),
)
@policy(ADMINS, "admin", Audited(Code.PROCEDURE_RECORD, "D"), confirmed_to="delete a picture")
def delete_analysed_picture(storage: StorageDep, job_id: JobId) -> None:
    """For good: the picture, the job, its findings and its label picture.

    A picture that several pipelines analysed stays until the last of their jobs is deleted. What
    was worked out of a study goes with the study.
    """
    job = storage.jobs.get(job_id)
    storage.deletions.picture(job, [label_picture_key(job)])
    log.info("picture_deleted", job_id=job_id)
