"""Reports as the API tells them."""

from collections.abc import Sequence
from dataclasses import asdict

from api.language.language_jobs import addresses
from api.language.schemas import MissingCritical
from api.reports import schemas as p
from inference.language.missing import Missing
from storage.reports.entities import ModelWords, Report, ReportSection, ReportVersion
from storage.reports.states import FOLLOWS


def report_payload(report: Report, missing: Sequence[Missing] | None = None) -> p.ReportPayload:
    """`missing`: what it lacks; None where that was not looked for."""
    attention = None
    if report.attention and report.attention_at is not None:
        attention = p.ReportAttention(
            reason=report.attention,
            since=report.attention_at,
            proposal=section_payloads(report.proposal or ()),
        )
    return p.ReportPayload(
        report_id=report.report_id,
        study_instance_uid=report.study_instance_uid,
        job_id=report.job_id,
        state=report.state,
        version=report.version,
        language=report.language,
        title=report.title,
        sections=section_payloads(report.sections),
        next_states=sorted(FOLLOWS[report.state]),
        changed_by=report.changed_by,
        signed_by=report.signed_by,
        signed_name=report.signed_name,
        signed_at=report.signed_at,
        attention=attention,
        superseded_at=report.superseded_at,
        words=words_payload(report.words),
        missing=None
        if missing is None
        else [MissingCritical.model_validate(asdict(one)) for one in missing],
        created_at=report.created_at,
        updated_at=report.updated_at,
    )


def section_payloads(sections: Sequence[ReportSection]) -> list[p.ReportSectionPayload]:
    return [
        p.ReportSectionPayload(
            heading=section.heading,
            kind=section.kind,
            sentences=[
                p.ReportSentencePayload(
                    text=sentence.text,
                    finding_ids=list(sentence.finding_ids),
                    prior_finding_ids=list(sentence.prior_finding_ids),
                    series_instance_uids=list(sentence.series_instance_uids),
                    basis=sentence.basis,
                    origin=sentence.origin,
                    author=sentence.author,
                )
                for sentence in section.sentences
            ],
        )
        for section in sections
    ]


def words_payload(words: ModelWords | None) -> p.ReportWords | None:
    if words is None:
        return None
    where = addresses(words.job_id) if words.job_id else {"answer_url": "", "events_url": ""}
    fields = asdict(words)
    del fields["template_digest"]
    return p.ReportWords.model_validate({**fields, **where})


def version_payload(version: ReportVersion) -> p.ReportVersionPayload:
    return p.ReportVersionPayload(
        version=version.version,
        state=version.state,
        language=version.language,
        title=version.title,
        sections=section_payloads(version.sections),
        changed_by=version.changed_by,
        changed_at=version.changed_at,
        reason=version.reason,
        words=words_payload(version.words),
    )


def study_report(report: Report | None) -> p.StudyReport | None:
    if report is None:
        return None
    return p.StudyReport(
        report_id=report.report_id,
        state=report.state,
        version=report.version,
        needs_attention=bool(report.attention),
        is_superseded=report.is_superseded,
        signed_by=report.signed_by,
        updated_at=report.updated_at,
    )
