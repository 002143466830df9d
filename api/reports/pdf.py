"""A report as the PDF that leaves the node: the file, and its pages as pictures."""

from typing import Annotated

from fastapi import Path, Request, Response

from api.access.policy import READERS, policy
from api.audit.middleware import name_studies
from api.audit_rules import RESULTS
from api.deps import StorageDep
from api.parameters import ReportId, binary, problems
from api.reports.history import Version
from api.reports.schemas import ReportPages
from api.router_factory import new_router
from inference.language.documents.picture import page_picture
from inference.language.documents.reading import count_pdf_pages
from inference.reports.export.report_storage import ReportStorage

router = new_router(prefix="/api/reports", tags=["reports"])

PageNumber = Annotated[int, Path(ge=1, le=1000, description="From 1.")]


@router.get(
    "/{report_id}/pdf",
    summary="A report as PDF",
    response_class=Response,
    responses={
        **binary("application/pdf"),
        **problems(404),
    },
)
@policy(READERS, "api:read", RESULTS)
def report_as_pdf(
    request: Request, storage: StorageDep, report_id: ReportId, version: Version = None
) -> Response:
    """As it would leave the node, with the findings behind each sentence; where results that it
    rests on were withdrawn since, it says so."""
    content, number = _written(request, storage, report_id, version)
    return Response(
        content,
        media_type="application/pdf",
        headers={"Content-Disposition": f'inline; filename="report-version-{number}.pdf"'},
    )


@router.get(
    "/{report_id}/pages", summary="How many pages a report's PDF has", responses=problems(404)
)
@policy(READERS, "api:read", RESULTS)
def count_report_pages(
    request: Request, storage: StorageDep, report_id: ReportId, version: Version = None
) -> ReportPages:
    """Of the version that is named, else of the newest."""
    content, number = _written(request, storage, report_id, version)
    return ReportPages(version=number, page_count=count_pdf_pages(content))


@router.get(
    "/{report_id}/pages/{page_number}",
    summary="A page of a report's PDF",
    response_class=Response,
    responses={**binary("image/png"), **problems(404)},
)
@policy(READERS, "api:read", RESULTS)
def get_report_page(
    request: Request,
    storage: StorageDep,
    report_id: ReportId,
    page_number: PageNumber,
    version: Version = None,
) -> Response:
    """As a picture: for pages that show no PDF themselves."""
    content, _ = _written(request, storage, report_id, version)
    return Response(page_picture(content, page_number), media_type="image/png")


def _written(
    request: Request, storage: ReportStorage, report_id: str, version: int | None
) -> tuple[bytes, int]:
    """The PDF, and of which version it is."""
    # What reads a document is large, and most processes never make one.
    from inference.reports.export.document import as_it_stands, read_document
    from inference.reports.export.pdf import write_pdf

    report = storage.reports.get(report_id)
    name_studies(request, report.study_instance_uid)
    number = version or report.version
    document = read_document(storage, report, number)
    return write_pdf(as_it_stands(storage.reports, document)), number
