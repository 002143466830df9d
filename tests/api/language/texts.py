"""Texts, reports and findings that questions are asked about."""

import io

import numpy as np
from reportlab.pdfgen import canvas

from storage.reports.entities import ReportSection, ReportSentence
from tests import builders
from tests.api.client import ApiNode, part10, scheduled_job, worked_on
from tests.inference.language.conftest import RIGHT

TEXT = f"Findings:\n{RIGHT} The heart is normal.\n\nImpression:\nLeft hydropneumothorax."


def study_with_finding(api: ApiNode, seed: int = 5, **attributes: str) -> tuple[str, str]:
    """A study and its one finding, a brain volume."""
    series = builders.series(np.zeros((3, 4, 4), np.int16), modality="MR", seed=seed, **attributes)
    for instance in series:
        api.storage.ingest.accept(part10(instance), "dimse:MR1")
    study = str(series[0].StudyInstanceUID)
    job = scheduled_job(api.storage, study)
    worked_on(api.storage, job)
    (finding,) = api.storage.findings.of_job(job.job_id)
    return study, finding.finding_id


def put_report(api: ApiNode, study: str, *sentences: tuple[str, str]) -> str:
    report = api.storage.reports.offer(
        study,
        language="en",
        title="Report",
        sections=[
            ReportSection(
                "Impression",
                tuple(ReportSentence(text, (finding,)) for text, finding in sentences),
                "impression",
            )
        ],
        basis_digest=study,
    )
    return report.report_id


def letter() -> bytes:
    buffer = io.BytesIO()
    pdf = canvas.Canvas(buffer, pagesize=(400, 600))
    pdf.drawString(50, 500, "The patient takes 5 mg of bisoprolol each morning.")
    pdf.drawString(50, 450, "The next appointment is on 3 March 2026.")
    pdf.save()
    return buffer.getvalue()
