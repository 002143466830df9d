"""What a change of a report must bring: the version it was made on, and the right to sign."""

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Annotated

from fastapi import Header

from api.access.confirmation import check_person
from api.access.principal import Principal
from api.errors import ApiProblem
from api.reports.schemas import SentSection
from inference.reports.editing import Written, WrittenSection, taken_over
from storage.findings.repository import Findings
from storage.reports.entities import (
    SIGNED_STATES,
    Report,
    ReportSection,
    ReportSentence,
    ReportState,
)
from storage.reports.repository import Reports

_ETAG = re.compile(r'(W/)?"?(\d{1,9})"?')

IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description="The version that the change was made on, as the ETag has it.",
    ),
]


def expected_version(if_match: str | None, version: int | None, current: int) -> int:
    """The version of If-Match, or of the body: the `current` one where it is among those named.

    Raises ApiProblem: 428 where neither is there, 412 where only weak entity tags are, which match
    nothing (RFC 9110 13.1.1), 400 for what is no version.

    `*` names none: who signs must not sign what somebody else saved a moment ago.
    """
    if version is None and (if_match is None or if_match.strip() == "*"):
        raise ApiProblem(
            428,
            "version_required",
            "The change does not say on which version of the report it was made.",
            remedy="Send If-Match with the ETag of the report as it was read.",
        )
    if if_match is not None and if_match.strip() != "*":
        named = [_ETAG.fullmatch(one.strip()) for one in if_match.split(",")]
        if not all(named):
            raise ApiProblem(
                400,
                "invalid_request",
                "If-Match names no version of a report.",
                remedy='Send the ETag of the report as it was read, such as "3".',
            )
        strong = [int(match[2]) for match in named if match and not match[1]]
        if not strong:
            raise ApiProblem(
                412,
                "version_conflict",
                "If-Match has a weak entity tag, which matches no version.",
                remedy='Send the ETag of the report as it was read, such as "3", without W/.',
            )
        return current if current in strong else strong[0]
    assert version is not None
    return version


def check_may_sign(principal: Principal, state: ReportState) -> None:
    """Raises ApiProblem 403 for a program, and for who is no radiologist.

    An administrator alone signs nothing.
    """
    if state not in SIGNED_STATES:
        return
    check_person(principal, "sign a report")
    if "radiologist" not in principal.roles:
        raise ApiProblem(
            403,
            "not_a_radiologist",
            "Only a radiologist signs a report.",
            remedy="Sign in with an account of the role radiologist.",
        )


def written_sections(
    finding_repository: Findings,
    reports: Reports,
    report: Report,
    sent: Sequence[SentSection],
    author: str,
) -> tuple[ReportSection, ...]:
    """The sections as a person sends them, each sentence with whose it is.

    What was removed and comes back word by word is what it was, as long as what it rests on
    counts: whether its numbers still do, a signature asks.
    """
    findings = {
        one.finding_id: one for one in finding_repository.of_study(report.study_instance_uid)
    }
    written = [
        WrittenSection(
            section.heading,
            section.kind,
            tuple(Written(one.text, tuple(one.finding_ids)) for one in section.sentences),
        )
        for section in sent
    ]
    offered = report.proposal or ()
    before = [*(one for section in offered for one in section.sentences), *report.sentences]
    known = {one.text for one in before}
    if any(one.text not in known for section in written for one in section.sentences):
        before = [*_of_versions(reports, report, findings), *before]
    return taken_over(written, before, findings, author)


def _of_versions(
    reports: Reports, report: Report, findings: Collection[str]
) -> Iterator[ReportSentence]:
    """Sentences of all versions whose findings count, the oldest first."""
    for version in reversed(reports.versions(report.report_id)):
        for section in version.sections:
            yield from (one for one in section.sentences if set(one.finding_ids) <= set(findings))
