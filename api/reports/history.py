"""The versions of a report, what changed between them, and its plain text."""

from difflib import SequenceMatcher
from typing import Annotated

from fastapi import Query, Request
from fastapi.responses import PlainTextResponse

from api.access.policy import READERS, policy
from api.audit.middleware import name_studies
from api.audit_rules import RESULTS
from api.deps import StorageDep
from api.parameters import ReportId, problems
from api.reports.schemas import (
    ReportDiff,
    ReportDiffLine,
    ReportDiffSection,
    ReportVersionList,
)
from api.reports.serializers import version_payload
from api.router_factory import new_router
from inference.reports.export.text import as_text, superseded_notice
from storage.reports.entities import ReportSection, ReportSentence

router = new_router(prefix="/api/reports", tags=["reports"])

Version = Annotated[int | None, Query(ge=1, le=1_000_000)]


@router.get("/{report_id}/versions", summary="The versions of a report", responses=problems(404))
@policy(READERS, "api:read", RESULTS)
def list_report_versions(
    request: Request, storage: StorageDep, report_id: ReportId
) -> ReportVersionList:
    """All of them, the newest first, with who made each and when."""
    name_studies(request, storage.reports.get(report_id).study_instance_uid)
    versions = storage.reports.versions(report_id)
    return ReportVersionList(items=[version_payload(one) for one in versions])


@router.get(
    "/{report_id}/diff", summary="What changed between two versions", responses=problems(404)
)
@policy(READERS, "api:read", RESULTS)
def diff_report_versions(
    request: Request,
    storage: StorageDep,
    report_id: ReportId,
    from_version: Version = None,
    to_version: Version = None,
) -> ReportDiff:
    """Sentence by sentence; without numbers, the newest version against the one before it."""
    report = storage.reports.get(report_id)
    name_studies(request, report.study_instance_uid)
    to_number = to_version or report.version
    from_number = from_version or max(1, to_number - 1)
    before = storage.reports.version(report_id, from_number)
    after = storage.reports.version(report_id, to_number)
    return ReportDiff(
        from_version=from_number,
        to_version=to_number,
        from_state=before.state,
        to_state=after.state,
        sections=_sections(before.sections, after.sections),
    )


@router.get(
    "/{report_id}/text",
    summary="A report as plain text",
    response_class=PlainTextResponse,
    responses=problems(404),
)
@policy(READERS, "api:read", RESULTS)
def report_as_text(
    request: Request, storage: StorageDep, report_id: ReportId, version: Version = None
) -> PlainTextResponse:
    """Headings in capitals, a sentence a line; a draft says that it is one, and a text whose
    results were withdrawn that it is not current."""
    report = storage.reports.get(report_id)
    name_studies(request, report.study_instance_uid)
    found = storage.reports.version(report_id, version or report.version)
    notice = superseded_notice(report, found)
    withdrawn = storage.reports.withdrawn(report, found) if notice else ()
    return PlainTextResponse(as_text(found, notice, withdrawn))


def _sections(
    before: tuple[ReportSection, ...], after: tuple[ReportSection, ...]
) -> list[ReportDiffSection]:
    old = {section.heading: section for section in before}
    new = {section.heading: section for section in after}
    sections = []
    for heading in dict.fromkeys([*new, *old]):
        section = new.get(heading) or old[heading]
        sections.append(
            ReportDiffSection(
                heading=heading,
                kind=section.kind,
                lines=_lines(
                    old[heading].sentences if heading in old else (),
                    new[heading].sentences if heading in new else (),
                ),
            )
        )
    return sections


def _lines(
    before: tuple[ReportSentence, ...], after: tuple[ReportSentence, ...]
) -> list[ReportDiffLine]:
    matcher = SequenceMatcher(
        None, [one.text for one in before], [one.text for one in after], autojunk=False
    )
    lines = []
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            lines += [_line("same", one) for one in after[j1:j2]]
        else:
            lines += [_line("removed", one) for one in before[i1:i2]]
            lines += [_line("added", one) for one in after[j1:j2]]
    return lines


def _line(change: str, sentence: ReportSentence) -> ReportDiffLine:
    return ReportDiffLine.model_validate(
        {
            "change": change,
            "text": sentence.text,
            "origin": sentence.origin,
            "author": sentence.author,
        }
    )
