"""Report drafts, each sentence bound to the findings that support it."""

from typing import Annotated

from fastapi import APIRouter, Path, Request

from api.audit.middleware import name_studies
from api.deps import StorageDep
from api.paging import PagingDep
from api.parameters import UidFilter, problems
from api.payloads.reports import ReportPage, ReportPayload
from api.present import report_payload

router = APIRouter(prefix="/api/reports", tags=["reports"])

ReportId = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,64}$", description="The report's id.")]


@router.get("", summary="List the reports, the newest first")
def list_reports(
    request: Request,
    storage: StorageDep,
    paging: PagingDep,
    study_instance_uid: UidFilter = None,
) -> ReportPage:
    """Drafts; nobody has signed them."""
    reports, total = storage.reports.list(study_instance_uid, paging.limit, paging.offset)
    name_studies(request, *dict.fromkeys(one.study_instance_uid for one in reports))
    return paging.page(ReportPage, [report_payload(report) for report in reports], total)


@router.get("/{report_id}", summary="One report", responses=problems(404))
def get_report(request: Request, storage: StorageDep, report_id: ReportId) -> ReportPayload:
    """Its sections and sentences, each with the findings behind it."""
    report = storage.reports.get(report_id)
    name_studies(request, report.study_instance_uid)
    return report_payload(report)
