"""The guard between a model and a reader, and what a sentence may rest on."""

from collections.abc import Sequence

from inference.findings.derived import sound_findings
from inference.language.answer import Reason, Sentence, Withheld
from inference.language.guard import Evidence, SourceText, StudyFacts, check_sentence
from inference.language.guard.instructions import gives_orders
from inference.language.models.loading import load_model
from inference.language.models.writing import Check
from inference.language.tasks import TASKS, is_configured
from storage.core.findings import Finding
from storage.findings.feedback import FindingFeedback
from storage.findings.repository import Findings
from storage.index.repository import Index
from storage.reports.entities import Report
from storage.settings import Settings

_ORDERS = Reason("instruction", "It gives orders to a model instead of telling of the patient.")


def checker(settings: Settings, evidence: Evidence) -> Check:
    """Asks the guard of one sentence after another, and the model of HF_NLI_MODEL where one is set.

    Raises ModelUnusable where that cannot be loaded: nothing passes unasked.
    """
    second_opinion = (
        load_model(settings, "entailment") if is_configured(settings, TASKS["entailment"]) else None
    )

    def check(sentence: str) -> Sentence | Withheld:
        if gives_orders(sentence):
            return Withheld(sentence, (_ORDERS,))
        verdict = check_sentence(sentence, evidence, second_opinion)
        if verdict.supported:
            return Sentence(sentence, tuple(verdict.finding_ids))
        reasons = tuple(Reason(str(one.ground), one.text) for one in verdict.reasons)
        return Withheld(sentence, reasons)

    return check


def withheld_orders(removed: Sequence[str]) -> tuple[Withheld, ...]:
    """Sentences of a source that were taken out before anybody read it."""
    return tuple(Withheld(sentence, (_ORDERS,)) for sentence in removed)


def evidence_of(
    index: Index,
    finding_repository: Findings,
    finding_feedback: FindingFeedback,
    *,
    study_instance_uids: Sequence[str] = (),
    texts: Sequence[SourceText] = (),
) -> Evidence:
    """The findings of the studies and the texts; of one study, its header's facts as well."""
    findings: list[Finding] = []
    for uid in study_instance_uids:
        # A truncated value is none of the structure: no sentence of a model may rest on it.
        # Nor on what people rejected.
        stored = finding_repository.of_study(uid)
        feedback = finding_feedback.of_findings([one.finding_id for one in stored])
        taken = finding_repository.results_taken_by({one.job_id for one in stored})
        findings += sound_findings(stored, feedback, taken)
    facts = (
        study_facts(index, study_instance_uids[0])
        if len(study_instance_uids) == 1
        else StudyFacts()
    )
    return Evidence(findings=tuple(findings), texts=tuple(texts), study=facts)


def study_facts(index: Index, study_instance_uid: str) -> StudyFacts:
    study = index.study(study_instance_uid)
    received = [one for one in index.series_of(study_instance_uid) if one.origin == "received"]
    return StudyFacts(
        patient_name=study.patient_name,
        patient_id=study.patient_id,
        patient_sex=study.patient_sex,
        study_date=study.study_date,
        modalities=tuple(dict.fromkeys(one.modality for one in received)),
        body_part_examined=next(
            (one.body_part_examined for one in received if one.body_part_examined), ""
        ),
        study_description=study.study_description,
    )


def report_text(report: Report) -> str:
    """A report as plain text: each section under its heading."""
    return "\n\n".join(
        f"{section.heading}:\n" + " ".join(sentence.text for sentence in section.sentences)
        for section in report.sections
        if section.sentences
    )
