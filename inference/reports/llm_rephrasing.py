"""What a model makes of a draft, in the language worker: sentences that findings support."""

from dataclasses import asdict, replace

from PIL import Image

from inference.job_progress import WorkerStopping
from inference.language.answer import Answer, Progress, Sentence
from inference.language.checking import study_facts
from inference.language.drafting import draft_sentences
from inference.language.guard import Evidence as Known
from inference.language.guard import PriorFindings
from inference.language.pictures import check_may_leave, instance_to_show, picture_of
from inference.language.tasks import model_ref
from inference.reports.evidence import DraftStorage, Evidence, gather
from storage.core.errors import MediViewError, NotConfigured, StorageFull, StorageUnavailable
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader
from storage.language.questions import AnswerRequest
from storage.outbox.leases import LeaseLost
from storage.reports.entities import (
    ModelWords,
    ReportSection,
    ReportSentence,
    WithheldReason,
    WithheldSentence,
)
from storage.settings import Settings

_NO_PICTURE = "No image could be shown to the model; it was given a blank one."
_TEMPLATE_STANDS = "The draft is the template's alone."


def write_words(
    storage: DraftStorage, job_id: str, request: AnswerRequest, progress: Progress
) -> Answer:
    """Let the model word one version of a report, and keep what passed as the next version.

    Whatever the model raises is noted on the report, whose template stands, and raised.
    """
    report_id, version = str(request["report_id"]), int(request["version"])
    begun = _begun(storage.settings, job_id, str(request["template_digest"]))
    try:
        report = storage.reports.version(report_id, version)
        study = storage.reports.get(report_id).study_instance_uid
        evidence = gather(storage, study)
        served = bool(model_ref(storage.settings, "hf_report_model").server)
        may_see = not served or storage.settings.model_server_report_images
        image = (
            _image(storage.index, storage.instances, evidence, served=served) if may_see else None
        )
        answer = draft_sentences(
            storage.settings,
            known_of(storage.index, evidence),
            _template(report.sections),
            [] if image is None else [image],
            progress,
        )
    except (LeaseLost, WorkerStopping, StorageFull, StorageUnavailable):
        raise
    except Exception as error:
        why = error.message if isinstance(error, MediViewError) else type(error).__name__
        notes = (f"The model failed: {why}", _TEMPLATE_STANDS)
        failed = replace(begun, state="failed", notes=notes)
        storage.reports.put_words(report_id, version, failed, None)
        raise
    if may_see and image is None:
        answer = replace(answer, notes=(_NO_PICTURE, *answer.notes))
    done = _done(begun, answer)
    sections = _with_words(report.sections, answer, evidence, done) if answer.sentences else None
    storage.reports.put_words(report_id, version, done, sections)
    return answer


def known_of(index: Index, evidence: Evidence) -> Known:
    """The evidence of a draft as the guard takes it: with the values that people corrected,
    without those of parts of a structure and implausible ones."""
    return Known(
        findings=tuple(
            replace(one.finding, value=one.value) for one in evidence.facts if one.is_sound
        ),
        priors=known_before(evidence),
        study=study_facts(index, evidence.study.study_instance_uid),
    )


def known_before(evidence: Evidence) -> tuple[PriorFindings, ...]:
    """The earlier values, by the names that lesions have now: each study numbers them again.

    One that merged or split is compared with no part.
    """
    prior = evidence.prior
    if prior is None:
        return ()
    now = {one.key: one.finding.label for one in evidence.facts if not one.is_joined}
    found = tuple(
        replace(one.finding, value=one.value, label=now[one.key])
        for one in prior.facts
        if one.key in now
    )
    return (PriorFindings(prior.study.study_date, found),)


def _begun(settings: Settings, job_id: str, digest: str) -> ModelWords:
    model, revision = settings.hf_report_model, ""
    try:
        ref = model_ref(settings, "hf_report_model")
        model, revision = ref.name, ref.shown_revision
    except NotConfigured:
        pass  # The setting was changed since; the loading says so in words.
    return ModelWords("pending", model, revision, job_id, digest)


def _done(begun: ModelWords, answer: Answer) -> ModelWords:
    return replace(
        begun,
        state="done",
        withheld=tuple(
            WithheldSentence(one.text, tuple(WithheldReason(**asdict(why)) for why in one.reasons))
            for one in answer.withheld
        ),
        notes=answer.notes if answer.sentences else (*answer.notes, _TEMPLATE_STANDS),
        tokens=answer.tokens,
        seconds=round(answer.timings_s["total"], 3),
    )


def _template(sections: tuple[ReportSection, ...]) -> list[Sentence]:
    return [
        Sentence(one.text, one.finding_ids)
        for section in sections
        if section.kind in ("findings", "impression")
        for one in section.sentences
        if one.basis == "findings"
    ]


def _with_words(
    sections: tuple[ReportSection, ...], answer: Answer, evidence: Evidence, words: ModelWords
) -> tuple[ReportSection, ...]:
    """The template's sections with the model's sentences after what was measured."""
    prior = evidence.prior.facts if evidence.prior else ()
    earlier = {one.finding.finding_id for one in prior}
    written = tuple(
        ReportSentence(
            one.text,
            tuple(i for i in one.finding_ids if i not in earlier),
            tuple(i for i in one.finding_ids if i in earlier),
            origin="model",
            author=f"{words.model} {words.revision}",
        )
        for one in answer.sentences
    )
    return tuple(
        replace(one, sentences=_after_findings(one.sentences, written))
        if one.kind == "findings"
        else one
        for one in sections
    )


def _after_findings(
    template: tuple[ReportSentence, ...], written: tuple[ReportSentence, ...]
) -> tuple[ReportSentence, ...]:
    """What was not assessed stays at the end."""
    measured = [number for number, one in enumerate(template, 1) if one.basis == "findings"]
    at = measured[-1] if measured else 0
    return (*template[:at], *written, *template[at:])


def _image(
    index: Index, instances: InstanceReader, evidence: Evidence, *, served: bool
) -> Image.Image | None:
    """The middle of the first series that was measured; `served`: an image that leaves the node."""
    for series in evidence.technique:
        wanted: AnswerRequest = {
            "study_instance_uid": evidence.study.study_instance_uid,
            "series_instance_uid": series.series_instance_uid,
        }
        try:
            instance, frame_index = instance_to_show(index, wanted)
            dataset = instances.dataset(instance)
            if served:
                check_may_leave(dataset)
            return picture_of(dataset, frame_index)
        except (StorageFull, StorageUnavailable):
            raise
        except MediViewError:
            continue
    return None
