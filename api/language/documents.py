"""Questions about a document: sent along, or an encapsulated PDF of the node."""

import uuid
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import TypeAdapter, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from api.access.policy import WRITERS, policy
from api.access.principal import PrincipalDep
from api.antivirus import check_file
from api.audit.middleware import name_studies
from api.audit_rules import Audited
from api.deps import StoppingDep, StorageDep
from api.language.language_jobs import VERSION, answered
from api.language.routes import LATER
from api.language.schemas import AnswerPayload, DocumentQuestion, Question
from api.middleware import limited
from api.parameters import problems
from api.router_factory import check_fields, new_router
from storage.audit import Code
from storage.core.callers.identity import Identity
from storage.core.entities import Job
from storage.core.errors import InvalidRequest
from storage.integrity.uploads import digest_of_file
from storage.language.repository import Answers
from storage.objects.store import ObjectStore
from storage.settings import Settings

router = new_router(prefix="/api/docqa", tags=["language"])

DOCUMENT_MAX_BYTES = 64 * 1024 * 1024
_KINDS = ((b"%PDF-", "application/pdf"), (b"\x89PNG", "image/png"), (b"\xff\xd8\xff", "image/jpeg"))
_QUESTION: TypeAdapter[str] = TypeAdapter(Question)
_BODY = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file", "question"],
                "properties": {
                    "file": {
                        "type": "string",
                        "format": "binary",
                        "description": "A PDF, PNG or JPEG.",
                    },
                    "question": {"type": "string", "minLength": 3, "maxLength": 500},
                },
            }
        },
        "application/json": {"schema": DocumentQuestion.model_json_schema()},
    },
}


@router.post(
    "",
    summary="Ask about a document",
    response_model=AnswerPayload,
    responses={**LATER, **problems(400, 404, 413, 422, 503)},
    openapi_extra={"requestBody": _BODY},
)
@policy(WRITERS, "api:write", Audited(Code.PROCEDURE_RECORD, "E"))
async def ask_about_document(
    request: Request, storage: StorageDep, principal: PrincipalDep, stopping: StoppingDep
) -> AnswerPayload | JSONResponse:
    """The passage that answers and its box on the page.

    A document that is sent along is kept as long as its answer. Scans are read by OCR on the
    node. By the model of HF_DQA_MODEL; without one by the page's layout. No passage, and a note,
    where the document does not say.
    """
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        counted = Request(request.scope, limited(request.receive, DOCUMENT_MAX_BYTES))
        async with counted.form(max_files=1, max_fields=4) as form:
            check_fields(form, ("file", "question"))
            job = await run_in_threadpool(
                _ask_about_file,
                storage.settings,
                storage.objects,
                storage.answers,
                dict(form),
                principal.identity,
            )
        return await answered(
            request, storage.settings, storage.jobs, storage.answers, job, stopping
        )
    try:
        wanted = DocumentQuestion.model_validate_json(await _body(request))
    except ValidationError as error:
        raise RequestValidationError(_at("body", error)) from error
    instance = await run_in_threadpool(storage.index.instance, wanted.sop_instance_uid)
    name_studies(request, instance.study_instance_uid)
    job = await run_in_threadpool(
        storage.answers.ask,
        "docqa",
        wanted.as_request(),
        version=VERSION,
        asked_by=principal.identity,
        study_instance_uid=instance.study_instance_uid,
    )
    return await answered(request, storage.settings, storage.jobs, storage.answers, job, stopping)


async def _body(request: Request) -> bytes:
    counted = Request(request.scope, limited(request.receive, 64 * 1024))
    return await counted.body()


def _ask_about_file(
    settings: Settings,
    objects: ObjectStore,
    answers: Answers,
    form: dict[str, Any],
    asked_by: Identity,
) -> Job:
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise InvalidRequest(
            "The form has no file in a field named 'file'.",
            remedy="Send multipart/form-data with 'file' and 'question'.",
        )
    try:
        question = _QUESTION.validate_python(form.get("question"))
    except ValidationError as error:
        raise RequestValidationError(_at("question", error)) from error
    head = file.file.read(1024)
    file.file.seek(0)
    content_type = next((kind for mark, kind in _KINDS if head.lstrip().startswith(mark)), "")
    if not content_type:
        raise InvalidRequest(
            "The file is not a PDF, PNG or JPEG.", remedy="Export it as one of them."
        )
    check_file(settings, file.file)
    object_key, object_digest = f"documents/{uuid.uuid4()}", digest_of_file(file.file)
    objects.put(object_key, file.file, content_type)
    return answers.ask(
        "docqa",
        {"question": question},
        version=VERSION,
        asked_by=asked_by,
        object_key=object_key,
        object_digest=object_digest,
    )


def _at(where: str, error: ValidationError) -> list[dict[str, Any]]:
    return [{**one, "loc": (where, *one["loc"])} for one in error.errors(include_url=False)]
