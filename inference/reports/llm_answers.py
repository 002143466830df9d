"""Asking the model of HF_REPORT_MODEL to word a draft: who asks needs no torch.

The template's draft is there at once and stands whatever becomes of the model. The job is one
of the language worker; what it makes is offered as the next version (`wording.py`).
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace

from inference.broker.notify import wake_language
from inference.language.tasks import TASKS, is_configured, model_ref
from storage.core.errors import NotConfigured, NotFound
from storage.jobs.repository import Jobs
from storage.language.repository import Answers
from storage.reports.entities import ModelWords, Report, ReportSection
from storage.reports.repository import Reports
from storage.reports.rows import as_json
from storage.settings import Settings

REPORT_JOB = "report"
_VERSION = "1.0.0"
_LOST = "The job of the model ended without an answer; the draft is the template's alone."


def words_wanted(settings: Settings) -> bool:
    """Whether a model is set that could word a report."""
    return is_configured(settings, TASKS["report"])


def template_digest(sections: Sequence[ReportSection], basis_digest: str) -> str:
    """Of what a model is given: the same draft from the same results needs no second word."""
    kept = json.dumps([as_json(sections), basis_digest], sort_keys=True)
    return hashlib.sha256(kept.encode()).hexdigest()


def already_worded(report: Report | None, digest: str, settings: Settings, *, again: bool) -> bool:
    """Whether the report holds what this model made of this very draft, or waits for it.

    `again`: a person asks, and what failed is tried once more.
    """
    if report is None or report.words is None or report.is_touched:
        return False
    try:
        ref = model_ref(settings, "hf_report_model")
    except NotConfigured:
        return report.words.template_digest == digest and not again
    same = (report.words.template_digest, report.words.model, report.words.revision) == (
        digest,
        ref.name,
        ref.shown_revision,
    )
    return same and not (again and report.words.state == "failed")


def ask_for_words(
    settings: Settings, reports: Reports, answers: Answers, report: Report, digest: str
) -> Report:
    """Ask for words to the template's draft that `report` is; the report with the job that writes.

    Where the setting names no model that could be loaded, that is noted instead.
    """
    model, revision = settings.hf_report_model, ""
    try:
        ref = model_ref(settings, "hf_report_model")
        model, revision = ref.name, ref.shown_revision
    except NotConfigured as error:
        failed = ModelWords("failed", model, revision, "", digest, notes=(error.message,))
        return reports.expect_words(report.report_id, report.version, failed)
    job = answers.ask(
        REPORT_JOB,
        {"report_id": report.report_id, "version": report.version, "template_digest": digest},
        version=_VERSION,
        study_instance_uid=report.study_instance_uid,
    )
    pending = ModelWords("pending", model, revision, job.job_id, digest)
    report = reports.expect_words(report.report_id, report.version, pending)
    wake_language(settings)
    return report


def without_lost_words(jobs: Jobs, reports: Reports, report: Report) -> Report:
    """The report, where its words wait for a job that has ended without a trace: failed.

    A model can take its worker down with it, and then nobody is left to note it.
    """
    words = report.words
    if words is None or words.state != "pending":
        return report
    try:
        if jobs.get(words.job_id).state != "CANCELED":
            return report
    except NotFound:
        pass  # Kept no longer than answers are.
    failed = replace(words, state="failed", notes=(*words.notes, _LOST))
    return reports.put_words(report.report_id, report.version, failed, None)
