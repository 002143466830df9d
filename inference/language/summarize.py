"""POST /api/summarize: a model's words where each is supported, else the text's own."""

import time
from typing import Protocol

from inference.language.answer import (
    Answer,
    AnswerParts,
    Progress,
    Reason,
    Sentence,
    Withheld,
    by_model,
)
from inference.language.checking import checker, evidence_of, report_text, withheld_orders
from inference.language.extractive import MOST_COMPARED, different_sentences, most_telling
from inference.language.guard import SourceText, refusal
from inference.language.header_values import header_values
from inference.language.identifiers import without_identifiers
from inference.language.missing import missing_of_texts
from inference.language.models.instructions import without_orders
from inference.language.models.prompts import SUMMARIZE
from inference.language.models.writers import NO_USE, text_writer
from inference.language.models.writing import Check, write_checked
from inference.language.tasks import TASKS, is_configured, model_ref
from storage.container.has import (
    HasFindingFeedback,
    HasFindings,
    HasIndex,
    HasInstances,
    HasReports,
    HasSettings,
)
from storage.core.errors import InvalidRequest
from storage.language.questions import AnswerRequest
from storage.reports.repository import Reports
from storage.settings import Settings

_CUT_INPUT = "The text is longer than the model reads; its end was left out."
_NOTHING_LEFT = (
    "Nothing that the model wrote is supported by the text; these are sentences of the text."
)
_LEFT_OUT = (
    "The text has {count:,} different sentences; the first {most:,} were compared, the rest was"
    " looked through for what is urgent or a conclusion alone."
)
_WITHOUT = "These are sentences of the text, word for word."
_NO_MODEL = (
    "No model is configured (HF_SUMM_MODEL); these are sentences of the text, word for word."
)


class SummaryStorage(
    HasSettings, HasIndex, HasInstances, HasFindings, HasFindingFeedback, HasReports, Protocol
):
    """What of the storage layer summaries are made of."""


def summarize(storage: SummaryStorage, request: AnswerRequest, progress: Progress) -> Answer:
    """Summarise `text` or the reports of `report_ids` in at most `max_sentences`.

    A model that cannot be used leaves the text's own sentences, and a note. Raises NotFound,
    InvalidRequest.
    """
    started = time.perf_counter()
    sources, studies, year = _sources(storage.reports, request)
    cleaned = [without_orders(source.text) for source in sources]
    text = "\n\n".join(one.text for one in cleaned)
    if not text.strip():
        raise InvalidRequest("There is no text to summarise.", remedy="Send a text with words.")
    orders = withheld_orders([sentence for one in cleaned for sentence in one.removed])
    count = int(request["max_sentences"])
    parts: AnswerParts = {"method": "extractive", "notes": (_NO_MODEL,)}
    if is_configured(storage.settings, TASKS["summary"]):
        evidence = evidence_of(
            storage.index,
            storage.findings,
            storage.finding_feedback,
            study_instance_uids=studies,
            texts=[
                SourceText(source.source_id, one.text, source.kind, source.date)
                for source, one in zip(sources, cleaned, strict=True)
            ],
        )
        values: dict[str, set[str]] = {}
        for uid in studies:
            for kind, some in header_values(storage.index, storage.instances, uid).items():
                values.setdefault(kind, set()).update(some)
        try:
            check = checker(storage.settings, evidence)
            parts = _by_model(
                storage.settings, without_identifiers(text, values), count, check, progress
            )
        except NO_USE as error:
            parts["notes"] = (f"The model could not be used: {error.message}", _WITHOUT)
    if not progress.sentences:
        bound = _bound_sentences(storage.reports, request)
        sentences = different_sentences(text)
        if len(sentences) > MOST_COMPARED:
            left_out = _LEFT_OUT.format(count=len(sentences), most=MOST_COMPARED)
            parts["notes"] = (*parts.get("notes", ()), left_out)
        for one in most_telling(sentences, count, progress.go_on, year):
            # Word for word, it says no more than the text; but it must be text for people.
            why = refusal(one.text)
            if why is None:
                progress.keep(Sentence(one.text, bound.get(one.text, ())))
            else:
                progress.withhold(Withheld(one.text, (Reason(str(why.ground), why.text),)))
    return Answer(
        kind="summary",
        sentences=tuple(progress.sentences),
        missing=missing_of_texts(
            [(source.source_id, one.text) for source, one in zip(sources, cleaned, strict=True)],
            [one.text for one in progress.sentences],
            storage.settings.report_language,
            year,
        ),
        withheld=(*orders, *progress.withheld),
        tokens=progress.tokens,
        timings_s={"total": time.perf_counter() - started},
        **parts,
    )


def _by_model(
    settings: Settings, text: str, count: int, check: Check, progress: Progress
) -> AnswerParts:
    writer = text_writer(settings, "summary", SUMMARIZE.format(count=count), text)
    _, notes = write_checked(writer.write, check, progress)
    if writer.is_cut:
        notes = (_CUT_INPUT, *notes)
    named = by_model(model_ref(settings, "hf_summ_model"))
    if progress.sentences:
        return {"method": "model", "notes": notes, **named}
    return {"method": "extractive", "notes": (*notes, _NOTHING_LEFT), **named}


def _sources(
    report_repository: Reports, request: AnswerRequest
) -> tuple[list[SourceText], list[str], int | None]:
    """The texts, the studies that they are about, and the year of the first; None: not known."""
    if request.get("text"):
        return [SourceText("text", str(request["text"]))], [], None
    reports = [report_repository.get(report_id) for report_id in request["report_ids"]]
    sources = [SourceText(one.report_id, report_text(one)) for one in reports]
    studies = list(dict.fromkeys(one.study_instance_uid for one in reports))
    return sources, studies, min((one.created_at.year for one in reports), default=None)


def _bound_sentences(reports: Reports, request: AnswerRequest) -> dict[str, tuple[str, ...]]:
    """What each sentence of the reports rests on."""
    return {
        sentence.text: sentence.finding_ids
        for report_id in request.get("report_ids") or ()
        for section in reports.get(report_id).sections
        for sentence in section.sentences
    }
