"""The label picture of a job that segmented a picture."""

from fastapi import APIRouter
from fastapi.responses import Response

from api.deps import StorageDep
from api.parameters import JobId, binary, problems
from inference.results.label_picture import label_picture_key
from storage.errors import NotFound

router = APIRouter(prefix="/api/jobs", tags=["jobs"])


@router.get(
    "/{job_id}/label-picture",
    summary="What each pixel of a segmented picture shows",
    response_class=Response,
    responses={**binary("image/png"), **problems(404)},
)
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
