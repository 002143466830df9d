"""A draft in words, each sentence bound to the findings that support it."""

from collections.abc import Sequence

from inference.pipeline import Pipeline
from inference.results.identity import stable_id
from storage.entities import Finding, Job, Report, ReportSection, ReportSentence

NOTE = "AI result, unverified. Research use only."


def draft_report(job: Job, pipeline: Pipeline, findings: Sequence[Finding]) -> Report:
    """The template alone: one sentence a finding, then what every reader must know."""
    sentences = tuple(_sentence(pipeline, finding) for finding in findings)
    note = ReportSentence(NOTE, tuple(finding.finding_id for finding in findings))
    return Report(
        report_id=stable_id(job, "report"),
        study_instance_uid=job.study_instance_uid,
        job_id=job.job_id,
        state="draft",
        language="en",
        title=pipeline.title,
        sections=(ReportSection("Findings", sentences), ReportSection("Note", (note,))),
        created_at=job.created_at,
    )


def shown_value(finding: Finding) -> str:
    """Value and unit, or the confidence, as people read them."""
    if finding.value is None:
        return "" if finding.confidence is None else f"confidence {finding.confidence:.0%}"
    code = "" if finding.unit is None else finding.unit.value
    unit = f" {_UNITS.get(code, code)}".rstrip()
    return f"{finding.value:,.{_DECIMALS.get(code, 1)}f}{unit}"


def _sentence(pipeline: Pipeline, finding: Finding) -> ReportSentence:
    maker = f"{pipeline.card.name} {pipeline.card.version}"
    if finding.value is not None:
        mask = " (mask)" if finding.segmentation is not None else ""
        text = f"{finding.label}{mask} {shown_value(finding)}, measured by {maker}."
    elif finding.confidence is not None:
        text = f"{finding.label}: {shown_value(finding)}, by {maker}."
    else:
        text = f"{finding.label}, by {maker}."
    return ReportSentence(text, (finding.finding_id,))


_UNITS = {"cm3": "cm³", "mm3": "mm³", "[hnsf'U]": "HU", "%": "%"}
# A tenth of a litre would hide what a breath changes.
_DECIMALS = {"L": 2}
