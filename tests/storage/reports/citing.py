"""Texts of people that cite findings."""

from storage.container import Storage
from storage.core.callers.identity import of_account
from storage.core.clock import utcnow
from storage.core.findings import Code, Finding
from storage.reports.entities import Report, ReportSection, ReportSentence
from tests.storage.instances import part10

READER = of_account("dr-a")


def received(storage: Storage, name: str) -> str:
    content = part10(study=name)
    instance = storage.index.instance(storage.ingest.accept(content, "test").sop_instance_uid)
    return instance.study_instance_uid


def found(storage: Storage, study: str, finding_id: str) -> str:
    """The job that found it."""
    job, _ = storage.jobs.schedule("p", "1", study, "2.25.3", f"f-{finding_id}")
    assert storage.jobs.claim(job.job_id, "w", 60, utcnow())
    assert storage.jobs.complete(job.job_id, "w", {}, utcnow())
    finding = Finding(
        finding_id, job.job_id, study, "2.25.3", "p", "1", "x", Code("1", "99X", "x"), 1.0, None,
        None, "t", "2.25.4", None, utcnow(),
    )  # fmt: skip
    storage.findings.replace_for_job(job.job_id, [finding])
    return job.job_id


def says(text: str, *finding_ids: str, earlier: str = "") -> tuple[ReportSection, ...]:
    sentence = ReportSentence(text, finding_ids, (earlier,) if earlier else ())
    return (ReportSection("Findings", (sentence, limits(*finding_ids))),)


def limits(*finding_ids: str) -> ReportSentence:
    """What was not looked at is no result."""
    return ReportSentence("Only x was measured.", finding_ids, basis="node")


def preliminary(storage: Storage, study: str, sections: tuple[ReportSection, ...]) -> Report:
    report = storage.reports.offer(
        study, language="en", title="", sections=sections, basis_digest="1"
    )
    return storage.reports.move(report.report_id, 1, "preliminary", READER)
