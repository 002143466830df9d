"""Analyse a finished upload: taken in, what accepts it started, and the answer kept."""

import json
import time
from collections.abc import Sequence
from typing import BinaryIO, Protocol

from api.access.policy import WRITERS, policy
from api.access.principal import Principal, PrincipalDep, source_of_notes
from api.antivirus import check_file
from api.audit_rules import STORES
from api.deps import StorageDep
from api.errors import ApiProblem
from api.jobs.analyze_schemas import AnalyzeStarted, StartRequest
from api.jobs.pictures import check_picture, picture_pipelines, schedule_picture
from api.jobs.routes import JobStorage, read_job
from api.jobs.schemas import DecisionPayload
from api.jobs.serializers import decision_payloads
from api.parameters import problems
from api.router_factory import new_router
from api.uploads.intake import Intake, IntakeStorage, Scheduled, schedule_touched
from api.uploads.ownership import own_upload
from api.uploads.schemas import IntakeCounts
from api.uploads.unpack import PICTURES, sniff
from storage.container.has import HasIngest, HasObjects, HasUploads
from storage.core.entities import Upload
from storage.core.errors import LimitExceeded, MediViewError
from storage.objects.store import ObjectStore
from storage.settings import Settings
from storage.uploads.repository import Uploads

router = new_router(prefix="/api/analyze", tags=["analyze"])

_TELL_EVERY_S = 0.5
# The upload itself is at fault: starting it again cannot help.
_REFUSING = frozenset(
    {
        "invalid_instance",
        "limit_exceeded",
        "nothing_usable",
        "archive_broken",
        "archive_encrypted",
        "malware_found",
        "too_large_to_scan",
    }
)


@router.post(
    "/start",
    status_code=202,
    summary="Analyse a finished upload",
    responses=problems(404, 409, 413, 422, 503, 507),
)
@policy(WRITERS, "api:write", STORES)
def start_analysis(
    storage: StorageDep, principal: PrincipalDep, wanted: StartRequest
) -> AnalyzeStarted:
    """Take the upload in and start what accepts it; asking again gives the same answer."""
    upload = own_upload(storage.uploads, principal, wanted.upload_id)
    if upload.state == "REFUSED":
        raise ApiProblem(
            422, "upload_refused", upload.reason, remedy="Correct it and upload it again."
        )
    if upload.state == "ACCEPTED":
        return _remembered(storage, storage.objects, upload)
    if upload.state in ("ABORTED", "EXPIRED"):
        raise ApiProblem(409, "upload_ended", upload.reason, remedy="Upload it again.")
    _check_received(storage.settings, storage.objects, storage.uploads, upload)
    try:
        with storage.objects.open(upload.object_key) as file:
            answer = _start(storage, principal, upload, file, wanted.pipeline)
    except MediViewError as error:
        if error.code in _REFUSING:
            _refuse(
                storage.objects, storage.uploads, upload, f"{error.message} {error.remedy}".strip()
            )
        # Started twice at once: the other call was through with it first.
        if storage.uploads.get(upload.upload_id).state == "ACCEPTED":
            return _remembered(storage, storage.objects, upload)
        raise
    except ApiProblem as problem:
        if problem.code in _REFUSING:
            _refuse(
                storage.objects,
                storage.uploads,
                upload,
                f"{problem.detail} {problem.remedy}".strip(),
            )
        raise
    _remember(storage.objects, storage.uploads, upload, answer)
    return answer


class AnalysisStorage(JobStorage, IntakeStorage, HasObjects, HasIngest, HasUploads, Protocol):
    """What of the storage layer an upload is taken in and analysed with."""


def _start(
    storage: AnalysisStorage,
    principal: Principal,
    upload: Upload,
    file: BinaryIO,
    pipeline: str | None,
) -> AnalyzeStarted:
    check_file(storage.settings, file)
    intake = Intake()
    kind = sniff(file)
    if kind in PICTURES:
        pipelines = picture_pipelines(storage.settings, storage.model_states, pipeline)
        check_picture(file)
        scheduled = Scheduled(
            (),
            schedule_picture(
                storage.settings,
                storage.objects,
                storage.jobs,
                pipelines,
                upload.object_key,
                PICTURES[kind],
                file,
            ),
        )
    else:
        intake.on_progress = _Progress(storage.uploads, upload.upload_id)
        intake.take(
            storage.settings,
            storage.ingest,
            upload.filename,
            file,
            source=f"upload:{upload.upload_id}",
            note_source=source_of_notes(principal, "upload"),
        )
        intake.check_anything_usable()
        scheduled = schedule_touched(storage, intake, pipeline)
    return _answer(
        storage,
        [job.job_id for job in scheduled.jobs],
        decision_payloads(scheduled.decisions),
        intake.study_instance_uids,
        intake.counts(),
    )


class _Progress:
    """Tells those who follow an upload how far its unpacking is, twice a second at most."""

    def __init__(self, uploads: Uploads, upload_id: str) -> None:
        self._uploads = uploads
        self._upload_id = upload_id
        self._told_at = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._told_at >= _TELL_EVERY_S:
            self._told_at = now
            self._uploads.progress(self._upload_id, done, total)


def _answer(
    storage: JobStorage,
    job_ids: Sequence[str],
    decisions: list[DecisionPayload],
    study_instance_uids: list[str],
    counts: IntakeCounts,
) -> AnalyzeStarted:
    return AnalyzeStarted(
        job_id=job_ids[0] if len(job_ids) == 1 else None,
        jobs=[read_job(storage, job_id) for job_id in job_ids],
        decisions=decisions,
        study_instance_uids=study_instance_uids,
        instances=counts,
    )


def _check_received(
    settings: Settings, objects: ObjectStore, uploads: Uploads, upload: Upload
) -> None:
    if not objects.exists(upload.object_key):
        raise ApiProblem(
            409,
            "upload_not_received",
            "The upload has not arrived.",
            remedy=f"Join its parts: POST /api/uploads/{upload.upload_id}/complete."
            if upload.multipart_id
            else "Send the bytes to the presigned URL first.",
        )
    size_bytes = objects.size(upload.object_key)
    if size_bytes > settings.upload_max_bytes:
        # A presigned PUT of S3 does not limit the size.
        error = LimitExceeded(
            f"The upload has {size_bytes} bytes; {settings.upload_max_bytes} are allowed.",
            remedy="Send it in parts, or raise MEDIVIEW_UPLOAD_MAX_BYTES.",
        )
        _refuse(objects, uploads, upload, f"{error.message} {error.remedy}")
        raise error
    if upload.state == "PRESIGNED":
        uploads.set_state(upload.upload_id, "RECEIVED", size_bytes=size_bytes, only={"PRESIGNED"})


def _refuse(objects: ObjectStore, uploads: Uploads, upload: Upload, reason: str) -> None:
    uploads.set_state(upload.upload_id, "REFUSED", reason=reason)
    objects.delete(upload.object_key)


def _remember(
    objects: ObjectStore, uploads: Uploads, upload: Upload, answer: AnalyzeStarted
) -> None:
    """Keep the answer for a client that lost it, and drop the bytes that are stored by now."""
    kept = answer.model_dump(mode="json", exclude={"jobs", "job_id"})
    kept["job_ids"] = [job.job_id for job in answer.jobs]
    objects.put(_answer_key(upload), json.dumps(kept).encode(), "application/json")
    uploads.set_state(upload.upload_id, "ACCEPTED")
    if answer.study_instance_uids:
        objects.delete(upload.object_key)


def _remembered(storage: JobStorage, objects: ObjectStore, upload: Upload) -> AnalyzeStarted:
    kept = json.loads(objects.get(_answer_key(upload)))
    return _answer(
        storage,
        kept["job_ids"],
        [DecisionPayload.model_validate(decision) for decision in kept["decisions"]],
        kept["study_instance_uids"],
        IntakeCounts.model_validate(kept["instances"]),
    )


def _answer_key(upload: Upload) -> str:
    return f"uploads/{upload.upload_id}.started.json"
