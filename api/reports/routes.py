"""Reports of studies: drafted from findings, edited and signed by people, every version kept."""

from typing import Annotated

from fastapi import Query, Request, Response
from starlette.concurrency import run_in_threadpool

from api.access.confirmation import use_confirmation
from api.access.policy import RADIOLOGISTS, READERS, WRITERS, policy
from api.access.principal import PrincipalDep
from api.audit.middleware import name_studies
from api.audit_rules import CHANGED, RESULTS, Audited
from api.deps import SettingsDep, StoppingDep, StorageDep
from api.language.language_jobs import waited
from api.lists.cursors import CursorPagingDep
from api.parameters import ReportId, UidFilter, UpdatedSince, problems
from api.reports.change_preconditions import (
    IfMatch,
    check_may_sign,
    expected_version,
    written_sections,
)
from api.reports.schemas import NewDraft, ReportEdit, ReportMove, ReportPage, ReportPayload
from api.reports.serializers import report_payload
from api.request_rules.enum_spelling import spelled_freely
from api.router_factory import new_router
from inference.reports.draft import draft_study
from inference.reports.llm_answers import without_lost_words
from inference.reports.omissions import missing_of_report
from storage.audit import Code
from storage.jobs.repository import Jobs
from storage.reports.critical_alerts import CriticalAlerts
from storage.reports.entities import SIGNED_STATES, Report, ReportState
from storage.reports.listing import LAST_CHANGED
from storage.reports.repository import Reports

router = new_router(prefix="/api/reports", tags=["reports"])


@router.get("", summary="List the reports, the last changed first")
@policy(READERS, "api:read", RESULTS)
def list_reports(
    request: Request,
    storage: StorageDep,
    paging: CursorPagingDep,
    study_instance_uid: UidFilter = None,
    state: Annotated[ReportState | None, spelled_freely(ReportState)] = None,
    needs_attention: Annotated[
        bool | None, Query(description="Whether something came after the text was written.")
    ] = None,
    updated_since: UpdatedSince = None,
) -> ReportPage:
    """One report a study, in any state."""
    reports, total = storage.reports.list(
        study_instance_uid,
        paging.limit,
        paging.offset,
        state=state,
        needs_attention=needs_attention,
        updated_since=updated_since,
        beyond=paging.beyond(LAST_CHANGED),
    )
    name_studies(request, *dict.fromkeys(one.study_instance_uid for one in reports))
    items = [report_payload(report) for report in reports]
    return paging.page_of(ReportPage, items, total, reports, LAST_CHANGED)


@router.post(
    "/draft",
    summary="Draft the report of a study",
    responses={
        202: {"model": ReportPayload, "description": "The model still writes; `words` says where."},
        **problems(400, 404),
    },
)
@policy(WRITERS, "api:write", Audited(Code.PROCEDURE_RECORD, "C"))
async def draft_report(
    request: Request,
    response: Response,
    storage: StorageDep,
    settings: SettingsDep,
    principal: PrincipalDep,
    stopping: StoppingDep,
    wanted: NewDraft,
) -> ReportPayload:
    """From all findings that count now, the prior's, the request and the headers; with the model
    of HF_REPORT_MODEL, its sentences that these support as well.

    Where people have edited or signed the report, its text stays as it is, and the new draft is
    announced in `attention`. The node drafts by itself when the results of a study are there.
    A model that takes longer than is waited (`Prefer: wait=5`, `respond-async`) is answered 202:
    the template's draft is there, and the model's words make its next version.
    """
    await run_in_threadpool(storage.index.study, wanted.study_instance_uid)
    name_studies(request, wanted.study_instance_uid)
    report = await run_in_threadpool(
        draft_study,
        storage,
        wanted.study_instance_uid,
        wanted.language or settings.report_language,
        indication=wanted.indication,
        made_by=principal.identity,
        replace=wanted.replace,
    )
    if report.words is not None and report.words.state == "pending":
        await waited(
            request, storage.settings, storage.jobs, storage.answers, report.words.job_id, stopping
        )
        report = await run_in_threadpool(
            _as_it_stands, storage.jobs, storage.reports, report.report_id
        )
        if report.words is not None and report.words.state == "pending":
            response.status_code = 202
    return await run_in_threadpool(_answered, response, report, storage.critical_alerts)


@router.get("/{report_id}", summary="One report", responses=problems(404))
@policy(READERS, "api:read", RESULTS)
def get_report(
    request: Request, response: Response, storage: StorageDep, report_id: ReportId
) -> ReportPayload:
    """Its sections and sentences, each with what supports it; the ETag is its version."""
    report = _as_it_stands(storage.jobs, storage.reports, report_id)
    name_studies(request, report.study_instance_uid)
    return _answered(response, report, storage.critical_alerts)


@router.put(
    "/{report_id}",
    summary="Change the text of a report",
    responses=problems(400, 404, 409, 412, 428),
)
@policy(RADIOLOGISTS, "api:write", CHANGED)
def edit_report(
    request: Request,
    response: Response,
    storage: StorageDep,
    principal: PrincipalDep,
    report_id: ReportId,
    edit: ReportEdit,
    if_match: IfMatch = None,
) -> ReportPayload:
    """The whole text as it shall be. Sentences that differ become those of the person.

    Of a draft or a preliminary report; a signed one is amended instead.
    """
    report = storage.reports.get(report_id)
    name_studies(request, report.study_instance_uid)
    version = expected_version(if_match, edit.version, report.version)
    changed = storage.reports.edit(
        report_id,
        version,
        written_sections(storage.findings, storage.reports, report, edit.sections, principal.name),
        principal.identity,
        title=edit.title,
    )
    return _answered(response, changed, storage.critical_alerts)


@router.post(
    "/{report_id}/state",
    summary="Move a report to another state",
    responses=problems(400, 403, 404, 409, 412, 428),
)
@policy(RADIOLOGISTS, "api:write", CHANGED)
def move_report(
    request: Request,
    response: Response,
    storage: StorageDep,
    principal: PrincipalDep,
    report_id: ReportId,
    move: ReportMove,
    if_match: IfMatch = None,
) -> ReportPayload:
    """`preliminary`, back to `draft`, `final`, and `amended` with the changed text and a reason.

    To sign (`final`, `amended`) takes a person of the role radiologist, who has just shown
    again who it is (`POST /api/session/confirmation`): the name of who does it stands in the
    report and in all that leaves the node. Each signature uses a confirmation up. What is
    critical and not concluded stands in `missing`, and keeps nobody from signing.
    """
    report = storage.reports.get(report_id)
    name_studies(request, report.study_instance_uid)
    check_may_sign(principal, move.state)
    sections = (
        None
        if move.sections is None
        else written_sections(
            storage.findings, storage.reports, report, move.sections, principal.name
        )
    )
    version = expected_version(if_match, move.version, report.version)
    if move.state in SIGNED_STATES:
        use_confirmation(storage.confirmations, principal, "sign a report")
    moved = storage.reports.move(
        report_id,
        version,
        move.state,
        principal.identity,
        sections=sections,
        reason=move.reason,
    )
    return _answered(response, moved, storage.critical_alerts)


@router.delete(
    "/{report_id}/proposal",
    summary="Leave the text as it is, new results seen",
    responses=problems(400, 404, 412, 428),
)
@policy(RADIOLOGISTS, "api:write", CHANGED)
def dismiss_proposal(
    request: Request,
    response: Response,
    storage: StorageDep,
    principal: PrincipalDep,
    report_id: ReportId,
    if_match: IfMatch = None,
    version: Annotated[int | None, Query(ge=1, description="Instead of If-Match.")] = None,
) -> ReportPayload:
    """The person has seen what came after the text was written, and the text stands."""
    report = storage.reports.get(report_id)
    name_studies(request, report.study_instance_uid)
    kept = storage.reports.dismiss(
        report_id, expected_version(if_match, version, report.version), principal.identity
    )
    return _answered(response, kept, storage.critical_alerts)


def _as_it_stands(jobs: Jobs, reports: Reports, report_id: str) -> Report:
    """Raises NotFound."""
    return without_lost_words(jobs, reports, reports.get(report_id))


def _answered(response: Response, report: Report, alerts: CriticalAlerts) -> ReportPayload:
    response.headers["ETag"] = f'"{report.version}"'
    return report_payload(report, missing_of_report(report, alerts))
