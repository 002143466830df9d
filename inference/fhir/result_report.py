"""What one pipeline found in a study, as DiagnosticReport, for servers that it is written to."""

from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import Literal

from inference.fhir.diagnostic_report import RADIOLOGY, STUDY_REPORT
from inference.fhir.resources import DiagnosticReport, Observation
from inference.fhir.subject import order_of, started, subject_of
from inference.fhir.types import (
    OWN,
    CodeableConcept,
    Identifier,
    Narrative,
    Reference,
    meta,
    some,
    uid_identifier,
)
from storage.core.entities import Job, Study

RESULT_IDENTIFIERS = f"{OWN}:result"
_UNVERIFIED = (
    "UNVERIFIED: measured by software; no person has verified it. For research use only, not for"
    " diagnosis."
)
_VERIFIED = (
    "Measured by software; each value was verified by a person. For research use only, not for"
    " diagnosis."
)
_WITHDRAWN = (
    "Withdrawn: the series has changed since this was measured, or a further run gave other"
    " results."
)

ResultStatus = Literal["preliminary", "final", "entered-in-error"]


def result_status(observations: Sequence[Observation], *, is_withdrawn: bool) -> ResultStatus:
    """Final once a person has judged every value and let one stand; until then preliminary."""
    if is_withdrawn:
        return "entered-in-error"
    statuses = {one.status for one in observations}
    if not statuses or "preliminary" in statuses:
        return "preliminary"
    return "entered-in-error" if statuses == {"entered-in-error"} else "final"


def result_report(
    job: Job,
    study: Study,
    observations: Sequence[Observation],
    issued: datetime,
    *,
    is_withdrawn: bool,
) -> DiagnosticReport:
    """`observations`: of the job's findings, in their order."""
    status = result_status(observations, is_withdrawn=is_withdrawn)
    caution = _VERIFIED if status == "final" else _UNVERIFIED
    cautions = [_WITHDRAWN, caution] if is_withdrawn else [caution]
    cautions += [
        f"Parametric map: urn:oid:{one['sop_instance_uid']} in the series"
        f" urn:oid:{one['series_instance_uid']}."
        for one in job.result.get("instances", ())
        if one["kind"] == "PM"
    ]
    title = f"{job.pipeline} {job.pipeline_version}"
    return DiagnosticReport(
        id=job.job_id,
        status=status,
        meta=meta(issued),
        text=_narrative(title, cautions),
        identifier=[Identifier(system=RESULT_IDENTIFIERS, value=job.job_id)],
        based_on=order_of(study),
        category=[RADIOLOGY],
        code=CodeableConcept(coding=[STUDY_REPORT], text=title),
        subject=subject_of(study),
        effective_date_time=started(study.study_date),
        issued=issued,
        result=some(Reference(reference=f"Observation/{one.id}") for one in observations),
        imaging_study=[
            Reference(
                reference=f"ImagingStudy/{study.study_instance_uid}",
                type="ImagingStudy",
                identifier=uid_identifier(study.study_instance_uid),
            )
        ],
        conclusion=" ".join(cautions),
    )


def _narrative(title: str, cautions: Sequence[str]) -> Narrative:
    parts = [f"<p><b>{escape(title)}</b></p>", *(f"<p>{escape(one)}</p>" for one in cautions)]
    body = "".join(parts)
    return Narrative(
        status="generated", div=f'<div xmlns="http://www.w3.org/1999/xhtml">{body}</div>'
    )
