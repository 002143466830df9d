"""Report drafts, each sentence bound to the findings that support it."""

from typing import Annotated

from fastapi import APIRouter, Path

from api.deps import StorageDep
from api.paging import PagingDep
from api.parameters import UidFilter, problems
from api.payloads import ReportPage, ReportPayload
from api.present import report_payload

router = APIRouter(prefix="/api/reports", tags=["reports"])

ReportId = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,64}$", description="The report's id.")]


@router.get("", summary="List the reports, the newest first")
def list_reports(
    storage: StorageDep, paging: PagingDep, study_instance_uid: UidFilter = None
) -> ReportPage:
    """Drafts; nobody has signed them."""
    reports, total = storage.reports.list(study_instance_uid, paging.limit, paging.offset)
    return paging.page(ReportPage, [report_payload(report) for report in reports], total)


@router.get("/{report_id}", summary="One report", responses=problems(404))
def get_report(storage: StorageDep, report_id: ReportId) -> ReportPayload:
    """Its sections and sentences, each with the findings behind it."""
    return report_payload(storage.reports.get(report_id))
