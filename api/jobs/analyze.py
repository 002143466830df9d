"""Analyse files in one call that waits for what comes of them."""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Protocol

import structlog
from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile

from api.access.policy import WRITERS, policy
from api.access.principal import Principal, PrincipalDep, source_of_notes
from api.antivirus import check_file
from api.audit_rules import STORES
from api.deps import StoppingDep, StorageDep
from api.errors import ApiProblem
from api.jobs.analyze_schemas import AnalyzeResult
from api.jobs.pictures import check_picture, picture_pipelines, schedule_picture
from api.jobs.routes import read_job
from api.jobs.serializers import decision_payloads
from api.middleware import limited
from api.parameters import problems
from api.router_factory import check_fields, new_router
from api.uploads.intake import Intake, IntakeStorage, Scheduled, schedule_touched
from api.uploads.unpack import PICTURES, FileKind, sniff
from inference.pipeline import Pipeline
from storage.container.has import HasIngest, HasObjects, HasUploads
from storage.core.clock import utcnow
from storage.core.entities import ENDED_STATES, Job
from storage.core.errors import InvalidRequest
from storage.jobs.repository import Jobs
from storage.settings import Settings

log = structlog.get_logger(__name__)

router = new_router(prefix="/api/analyze", tags=["analyze"])

_POLL_S = 0.25
# Each may hold a file descriptor; more come as a ZIP archive.
_FORM_MAX_FILES = 1000
_FORM_OVERHEAD_BYTES = 16 * 1024 * 1024
_MULTIPART_FILES = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["files"],
                "properties": {
                    "files": {
                        "type": "array",
                        "maxItems": _FORM_MAX_FILES,
                        "items": {"type": "string", "format": "binary"},
                        "description": "DICOM instances, ZIP archives of them, PNG or JPEG.",
                    }
                },
            }
        }
    },
}


@router.post(
    "",
    summary="Analyse files and wait for the results",
    responses=problems(400, 413, 422, 503, 504, 507),
    openapi_extra={"requestBody": _MULTIPART_FILES},
)
@policy(WRITERS, "api:write", STORES)
async def analyze(
    request: Request, storage: StorageDep, principal: PrincipalDep, stopping: StoppingDep
) -> AnalyzeResult:
    """Files in, findings out. A job that fails is listed as FAILED with its reason.

    422 `no_pipeline_accepts` carries every pipeline's decision. 504 says which
    jobs go on; follow them at /api/jobs/{job_id}/events.
    """
    settings = storage.settings
    counted = Request(
        request.scope, limited(request.receive, settings.upload_max_bytes + _FORM_OVERHEAD_BYTES)
    )
    async with counted.form(max_files=_FORM_MAX_FILES, max_fields=20) as form:
        check_fields(form, ("files",))
        intake, scheduled = await run_in_threadpool(_take_form, storage, principal, form)
    if not scheduled.jobs:
        raise ApiProblem(
            422,
            "no_pipeline_accepts",
            "No pipeline accepts what was sent; 'decisions' says why.",
            title="No pipeline accepts this",
            remedy="GET /api/pipelines says what each of them takes.",
            extra={
                "decisions": [
                    decision.model_dump(mode="json")
                    for decision in decision_payloads(scheduled.decisions)
                ],
                "instances": intake.counts().model_dump(mode="json"),
            },
        )
    job_ids = [job.job_id for job in scheduled.jobs]
    await _wait(request, storage.settings, storage.jobs, job_ids, stopping)
    return AnalyzeResult(
        jobs=[await run_in_threadpool(read_job, storage, job_id) for job_id in job_ids],
        decisions=decision_payloads(scheduled.decisions),
        study_instance_uids=intake.study_instance_uids,
        instances=intake.counts(),
    )


class FormStorage(IntakeStorage, HasObjects, HasIngest, HasUploads, Protocol):
    """What of the storage layer the files of a form are taken in with."""


def _take_form(
    storage: FormStorage, principal: Principal, form: FormData
) -> tuple[Intake, Scheduled]:
    files = [part for part in form.getlist("files") if isinstance(part, UploadFile)]
    if not files:
        raise InvalidRequest(
            "The form has no file in a field named 'files'.",
            remedy="Send multipart/form-data with one or more 'files'.",
        )
    for part in files:
        check_file(storage.settings, part.file)
    kinds = [sniff(part.file) for part in files]
    of_pictures: tuple[Pipeline, ...] = ()
    if any(kind in PICTURES for kind in kinds):
        of_pictures = picture_pipelines(storage.settings, storage.model_states, None)
    intake = Intake()
    pictures: list[Job] = []
    for part, kind in zip(files, kinds, strict=True):
        if kind in PICTURES:
            check_picture(part.file)
            pictures += _keep_picture(storage, principal, of_pictures, part, kind)
        else:
            intake.take(
                storage.settings,
                storage.ingest,
                part.filename or "",
                part.file,
                source="upload:analyze",
                note_source=source_of_notes(principal, "upload"),
            )
    if not pictures:
        intake.check_anything_usable()
    scheduled = schedule_touched(storage, intake)
    return intake, Scheduled(scheduled.decisions, [*scheduled.jobs, *pictures])


def _keep_picture(
    storage: FormStorage,
    principal: Principal,
    pipelines: Sequence[Pipeline],
    part: UploadFile,
    kind: FileKind,
) -> list[Job]:
    expires_at = utcnow() + timedelta(seconds=storage.settings.upload_url_expiry_s)
    upload = storage.uploads.create(
        (part.filename or "").replace("\0", ""),
        PICTURES[kind],
        expires_at,
        created_by=principal.identity,
    )
    storage.objects.put(upload.object_key, part.file, PICTURES[kind])
    jobs = schedule_picture(
        storage.settings,
        storage.objects,
        storage.jobs,
        pipelines,
        upload.object_key,
        PICTURES[kind],
        part.file,
    )
    storage.uploads.set_state(upload.upload_id, "ACCEPTED", size_bytes=part.size)
    return jobs


async def _wait(
    request: Request,
    settings: Settings,
    jobs: Jobs,
    job_ids: Sequence[str],
    stopping: Callable[[], bool],
) -> None:
    """Return once every job has ended; raise 503 or 504 where that is not awaited."""
    deadline = time.monotonic() + settings.analyze_timeout_s
    waiting = list(job_ids)
    while waiting:
        waiting = await run_in_threadpool(_unfinished, jobs, waiting)
        if not waiting or await request.is_disconnected():
            return
        if stopping() or time.monotonic() >= deadline:
            stops = stopping()
            raise ApiProblem(
                503 if stops else 504,
                "stopping" if stops else "analyze_timeout",
                "The node is stopping; the jobs go on when it is back."
                if stops
                else f"The jobs did not end within {settings.analyze_timeout_s:g} seconds;"
                " they go on.",
                title="The analysis has not ended",
                remedy="Follow them at /api/jobs/{job_id}/events.",
                extra={"job_ids": list(job_ids)},
            )
        await asyncio.sleep(_POLL_S)


def _unfinished(jobs: Jobs, job_ids: Sequence[str]) -> list[str]:
    return [job_id for job_id in job_ids if jobs.get(job_id).state not in ENDED_STATES]
