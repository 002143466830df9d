"""POST /api/vqa: a question about an image or a study."""

import re
import time
from functools import partial
from typing import Any, Protocol

from inference.language.answer import (
    Answer,
    AnswerParts,
    Progress,
    Reason,
    Sentence,
    Withheld,
    by_model,
)
from inference.language.checking import checker, evidence_of
from inference.language.guard.instructions import gives_orders
from inference.language.header_values import header_values
from inference.language.identifiers import without_identifiers
from inference.language.measured.answers import answer_from_findings
from inference.language.missing import missing_of_alerts
from inference.language.models.generation import CUT_SENTENCES, Limits, generate
from inference.language.models.image_inputs import image_inputs
from inference.language.models.loaded_model import LoadedModel
from inference.language.models.loading import classifies_answers, load_model
from inference.language.models.prompts import question_prompt
from inference.language.models.served import served_write
from inference.language.models.writing import Check, write_checked
from inference.language.pictures import check_may_leave, instance_to_show, picture_of
from inference.language.tasks import TASKS, is_configured, model_ref
from storage.container.has import (
    HasCriticalAlerts,
    HasFindingFeedback,
    HasFindings,
    HasIndex,
    HasInstances,
    HasSettings,
)
from storage.core.errors import InvalidRequest, NotConfigured
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader
from storage.language.questions import AnswerRequest
from storage.settings import Settings

_THERE_IS = re.compile(
    r"^\s*(?:is|are) there (?P<what>.+?)(?: (?:visible|present|seen))?"
    r"(?: on (?:the|this) \w+)?[\s?]*$",
    re.IGNORECASE,
)
_SHORT = re.compile(r"^[\w ,.%/-]{1,40}$")


class QuestionStorage(
    HasSettings,
    HasIndex,
    HasInstances,
    HasFindings,
    HasFindingFeedback,
    HasCriticalAlerts,
    Protocol,
):
    """What of the storage layer questions about studies are answered from."""


def answer_question(storage: QuestionStorage, request: AnswerRequest, progress: Progress) -> Answer:
    """Answer `question` about a study, a series or an instance.

    Findings answer first, where one does: what was measured needs no opinion. Else the model,
    through the guard. Raises NotFound, InvalidRequest, NotConfigured, ModelUnusable,
    ModelServerFailed.
    """
    started = time.perf_counter()
    question = str(request["question"])
    if gives_orders(question):
        raise InvalidRequest(
            "The question gives orders to a model instead of asking.", remedy="Ask a question."
        )
    study_uid = str(request["study_instance_uid"])
    evidence = evidence_of(
        storage.index, storage.findings, storage.finding_feedback, study_instance_uids=[study_uid]
    )
    findings = evidence.findings
    if request.get("series_instance_uid"):
        series_uid = request["series_instance_uid"]
        findings = tuple(one for one in findings if one.series_instance_uid == series_uid)
    for sentence in answer_from_findings(question, findings):
        progress.keep(sentence)
    parts: AnswerParts = {"method": "findings"}
    if not progress.sentences:
        if not is_configured(storage.settings, TASKS["vqa"]):
            raise NotConfigured(
                "No finding of the study answers this, and no model is configured that could.",
                remedy="Ask for something that was measured, or set HF_VQA_MODEL to a local model"
                " folder or to owner/name@commit of the hub.",
            )
        parts = _by_model(
            storage.settings,
            storage.index,
            storage.instances,
            request,
            question,
            checker(storage.settings, evidence),
            progress,
        )
    return Answer(
        kind="vqa",
        sentences=tuple(progress.sentences),
        missing=missing_of_alerts(
            storage.critical_alerts.list("OPEN", study_uid)[0],
            [i for one in progress.sentences for i in one.finding_ids],
            storage.settings.report_language,
        ),
        withheld=tuple(progress.withheld),
        tokens=progress.tokens,
        timings_s={"total": time.perf_counter() - started},
        **parts,
    )


def _by_model(
    settings: Settings,
    index: Index,
    instances: InstanceReader,
    request: AnswerRequest,
    question: str,
    check: Check,
    progress: Progress,
) -> AnswerParts:
    instance, frame_index = instance_to_show(index, request)
    dataset = instances.dataset(instance)
    image = picture_of(dataset, frame_index)
    ref = model_ref(settings, "hf_vqa_model")
    shown = (
        f"The model was shown frame {frame_index + 1} of instance {instance.sop_instance_uid}.",
    )
    named = by_model(ref)
    if ref.server:
        check_may_leave(dataset)
        values = header_values(index, instances, instance.study_instance_uid)
        prompt = question_prompt(without_identifiers(question, values))
        write = served_write(settings, ref, prompt, image)
        _, notes = write_checked(write, check, progress)
        return {"method": "model", "notes": (*shown, *notes), **named}
    loaded = load_model(settings, "vqa")
    if classifies_answers(loaded):
        label, score = _chosen(loaded, image, question)
        _take_short(question, label, check, progress)
        confidence = f"The model's own confidence is {score:.0%}."
        return {"method": "model", "notes": (*shown, confidence), **named}
    inputs = image_inputs(loaded, image, question)
    limits = Limits.of(settings)
    if loaded.model.config.model_type == "blip":
        # It decodes from an answer's beginning and not after the question.
        written = generate(_decoding(loaded), inputs, limits, stopping=progress.stopping)
        progress.wrote(written.tokens)
        if written.text:
            _take_short(question, written.text, check, progress)
        cut = (CUT_SENTENCES[written.cut],) if written.cut else ()
        return {"method": "model", "notes": (*shown, *cut), **named}
    _, notes = write_checked(partial(generate, loaded, inputs, limits), check, progress)
    return {"method": "model", "notes": (*shown, *notes), **named}


def _decoding(loaded: LoadedModel) -> LoadedModel:
    return LoadedModel(loaded.ref, loaded.model, loaded.processor, is_encoder_decoder=True)


def _chosen(loaded: LoadedModel, image: Any, question: str) -> tuple[str, float]:
    """Of the answers that the model knows, the likeliest."""
    import torch

    with torch.inference_mode():
        logits = loaded.model(**image_inputs(loaded, image, question)).logits[0]
    best = int(logits.argmax())
    return str(loaded.model.config.id2label[best]), float(logits.sigmoid()[best])


def _take_short(question: str, answer: str, check: Check, progress: Progress) -> None:
    """A word alone asserts nothing that could be checked: the statement it stands for is."""
    statement = as_statement(question, answer)
    if statement is None:
        reason = Reason("unbound", "A short answer to this question cannot be tied to a finding.")
        progress.withhold(Withheld(answer, (reason,)))
        return
    checked = check(statement)
    if isinstance(checked, Sentence):
        progress.keep(checked)
    else:
        progress.withhold(Withheld(answer, checked.reasons))


def as_statement(question: str, answer: str) -> str | None:
    """What a short answer says to a question: "yes" to "Is there an effusion?" says there is one.

    None where the two together make no statement by these rules. A whole sentence is its own.
    """
    answer = answer.strip().rstrip(".")
    if len(answer.split()) > 4 or not _SHORT.match(answer):
        return f"{answer}."
    there = _THERE_IS.match(question)
    if there and answer.lower() in ("yes", "no"):
        what = re.sub(r"^(?:an?|any|the)\s+", "", there["what"], flags=re.IGNORECASE)
        return f"There is {what}." if answer.lower() == "yes" else f"There is no {what}."
    return None
