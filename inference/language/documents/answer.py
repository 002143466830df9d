"""POST /api/docqa: what a document says to a question, and where on the page."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from inference.language.answer import (
    Answer,
    AnsweringModel,
    PassageBox,
    Progress,
    Reason,
    Sentence,
    Withheld,
    by_model,
)
from inference.language.documents.meaning.answers import by_meaning
from inference.language.documents.meaning.candidates import candidates_of
from inference.language.documents.page import Page, around, notes_on, words_of
from inference.language.documents.pairing.asking import Asked, fits, read_asked
from inference.language.documents.pairing.look_up import LookedUp, look_up
from inference.language.documents.pairing.page_layout import PageLayout, layouts_of
from inference.language.documents.reading import read_document
from inference.language.documents.served import ask_server
from inference.language.guard.instructions import gives_orders
from inference.language.header_values import header_values
from inference.language.missing import missing_of_texts
from inference.language.models.loading import load_model
from inference.language.models.writers import NO_USE
from inference.language.tasks import TASKS, is_configured, model_ref
from inference.refusals import ModelUnusable
from storage.container.has import HasIndex, HasInstances, HasObjects, HasSettings
from storage.core.errors import InvalidRequest
from storage.index.repository import Index
from storage.integrity.documents import encapsulated_document
from storage.integrity.instance_reader import InstanceReader
from storage.integrity.uploads import read_upload
from storage.language.questions import AnswerRequest
from storage.language.results import Method
from storage.objects.store import ObjectStore
from storage.settings import Settings

_SHOWN = 3
_NOTHING = "No answer was found. The document may give it in words that were not understood."
_BLANK = "The document has this field, and nothing is filled in."
_NO_MODEL = "No model is configured (HF_DQA_MODEL); this is the passage, word for word."
_WITHOUT = "This is the passage, word for word."
_NO_TEXT = "No text could be read on the document's pages."
# What names a field or a row by few of its words, below this score, may be of something else.
_SURE = 0.8
# Of 1, how likely an answer by its meaning must be to count against one by words.
_NEARLY_CERTAIN = 0.9
# Each that was not looked at before takes 10 to 20 ms.
_MOST_CANDIDATES = 1_500
_NOT_THERE = Reason("content", "These words do not stand on the page.")
_ORDERS = Reason("instruction", "It gives orders to a model instead of answering.")
_BY_MEANING = (
    "The passage was found by its meaning, not by the question's words, and may be of something"
    " else: check it on the page."
)
# A page is this wide and high for LayoutLM.
_SCALE = 1000


class DocumentStorage(HasSettings, HasIndex, HasInstances, HasObjects, Protocol):
    """What of the storage layer documents are read from."""


def answer_document(storage: DocumentStorage, request: AnswerRequest, progress: Progress) -> Answer:
    """Answer `question` from the document of `object_key` or `sop_instance_uid`.

    A model that cannot be used leaves the passage that answers, and a note. Raises NotFound,
    InvalidRequest, LimitExceeded.
    """
    started = time.perf_counter()
    data = document_of(storage.index, storage.instances, storage.objects, request)
    pages, count = read_document(data, storage.settings.document_max_pages)
    read = time.perf_counter()
    notes: list[str] = []
    if count > len(pages):
        notes.append(f"The document has {count} pages; the first {len(pages)} were read.")
    notes += notes_on(pages)
    question = str(request["question"])
    progress.go_on()
    asked = read_asked(question)
    layouts = list(layouts_of(pages))
    looked_up = look_up(asked, layouts)
    passages: list[PassageBox] = []
    method: Method = "extractive"
    named: AnsweringModel = {"model": "", "revision": ""}
    if not any(page.lines for page in pages):
        notes.append(_NO_TEXT)
    else:
        if is_configured(storage.settings, TASKS["docqa"]):
            try:
                values = _named_in_header(storage.index, storage.instances, request)
                found = _by_model(storage.settings, question, pages, progress, notes, values)
                # What the page's own layout leaves blank, or is of another kind, answers nothing.
                passages = [
                    one for one in found if fits(asked, one.text) and not looked_up.is_blank
                ]
                ref = model_ref(storage.settings, "hf_dqa_model")
                method, named = "model", by_model(ref)
            except NO_USE as error:
                notes += [f"The model could not be used: {error.message}", _WITHOUT]
        else:
            notes.append(_NO_MODEL)
        if not passages:
            method = "extractive"
            passages = _extracted(asked, layouts, looked_up, notes)
            if not passages:
                notes.append(_BLANK if looked_up.is_blank else _NOTHING)
    if passages:
        progress.keep(Sentence(passages[0].text))
    return Answer(
        kind="docqa",
        method=method,
        sentences=tuple(progress.sentences),
        withheld=tuple(progress.withheld),
        passages=tuple(passages),
        missing=missing_of_texts(
            [
                (f"page {page.page_number}", "\n".join(line.text for line in page.lines))
                for page in pages
            ],
            [passages[0].text] if passages else [],
            storage.settings.report_language,
        ),
        notes=tuple(notes),
        timings_s={"read": read - started, "total": time.perf_counter() - started},
        **named,
    )


def document_of(
    index: Index, instances: InstanceReader, objects: ObjectStore, request: AnswerRequest
) -> bytes:
    """The bytes that a question is about. Raises NotFound, InvalidRequest, InstanceDamaged."""
    if request.get("object_key"):
        digest = request.get("object_digest", "")
        return read_upload(objects, str(request["object_key"]), digest)
    instance = index.instance(str(request["sop_instance_uid"]))
    _, document = encapsulated_document(instances, instance)
    if document is None:
        raise InvalidRequest(
            "The instance is not an encapsulated document.",
            remedy="Name an instance of Encapsulated PDF Storage, or send a PDF, PNG or JPEG.",
        )
    return document


def _named_in_header(
    index: Index, instances: InstanceReader, request: AnswerRequest
) -> dict[str, set[str]]:
    """Of a document that came by DICOM: what its study's headers say of people and places."""
    if request.get("object_key"):
        return {}
    instance = index.instance(str(request["sop_instance_uid"]))
    return header_values(index, instances, instance.study_instance_uid)


def find_answers(question: str, pages: Sequence[Page]) -> list[PassageBox]:
    """What the pages answer without a model, the surest first; nothing where they do not say."""
    layouts = list(layouts_of(pages))
    asked = read_asked(question)
    return _extracted(asked, layouts, look_up(asked, layouts), [])


def _extracted(
    asked: Asked, layouts: Sequence[PageLayout], looked_up: LookedUp, notes: list[str]
) -> list[PassageBox]:
    """What the page calls by the question's own words; else what is nearest in meaning.

    Where few words and meaning say different things, meaning must be nearly certain.
    """
    passages = list(looked_up.passages)
    if looked_up.is_blank or (passages and passages[0].score >= _SURE):
        return passages
    candidates = candidates_of(layouts)
    if len(candidates) > _MOST_CANDIDATES:
        notes.append(
            f"By its meaning an answer was looked for among the first {_MOST_CANDIDATES:,} of"
            f" {len(candidates):,} fields, cells and sentences."
        )
    try:
        found = by_meaning(asked, layouts, candidates[:_MOST_CANDIDATES])
    except ModelUnusable as error:
        notes.append(f"Other words of one meaning were not looked for: {error.message}")
        return passages
    if found is None:
        return passages
    box = around([word.page_box for word in found.evidence])
    meant = PassageBox(found.text, found.page_number, box, round(found.score, 3))
    first = passages[0].text if passages else ""
    if first and (first in meant.text or meant.text in first):
        # The whole of a short sentence: its point may stand behind a comma.
        return [meant] if asked.kind == "open" and first in meant.text else passages
    if first and found.score < _NEARLY_CERTAIN:
        return []
    notes.append(_BY_MEANING)
    return [meant]


def _by_model(
    settings: Settings,
    question: str,
    pages: Sequence[Page],
    progress: Progress,
    notes: list[str],
    values: Mapping[str, Iterable[str]],
) -> list[PassageBox]:
    """The model's likeliest words of each page, the surest first.

    `notes` gets what is to be known of the model. `values`: what a model server must not be
    given, by kind (`header_values`). A model that writes instead of pointing is held to the
    page: words that do not stand there are withheld.
    """
    ref = model_ref(settings, "hf_dqa_model")
    ask = None if ref.server else load_model(settings, "docqa")
    found: list[PassageBox] = []
    for page in pages:
        words = words_of(page)
        if not words:
            continue
        boxes = [(word, [round(edge * _SCALE) for edge in box]) for word, box in words]
        answers = (
            ask_server(settings, ref, page, question, progress, notes, values)
            if ask is None
            else _asked(ask, page, question, boxes)
        )
        for one in answers:
            passage = _placed(one, page, words)
            text = passage.text if passage else str(one.get("answer", "")).strip()
            if passage is None and text:
                progress.withhold(Withheld(text, (_NOT_THERE,)))
            elif passage is not None and gives_orders(text):
                progress.withhold(Withheld(text, (_ORDERS,)))
            elif passage is not None:
                found.append(passage)
    return sorted(found, key=lambda one: -one.score)[:_SHOWN]


def _asked(ask: Any, page: Page, question: str, boxes: list[Any]) -> list[dict[str, Any]]:
    answers = ask(image=page.image, question=question, word_boxes=boxes, top_k=1)
    return [answers] if isinstance(answers, dict) else list(answers)


def _placed(answer: dict[str, Any], page: Page, words: list[Any]) -> PassageBox | None:
    """Where the answer stands: at the words that the model names, or where its words are."""
    if "start" in answer and "end" in answer:
        first, last = int(answer["start"]), int(answer["end"])
    else:
        wanted = [_bare(word) for word in str(answer.get("answer", "")).split()]
        texts = [_bare(word) for word, _ in words]
        first = next(
            (
                index
                for index in range(len(texts) - len(wanted) + 1)
                if wanted and texts[index : index + len(wanted)] == wanted
            ),
            -1,
        )
        last = first + len(wanted) - 1
    some = words[first : last + 1] if first >= 0 else []
    if not some:
        return None
    return PassageBox(
        " ".join(word for word, _ in some),
        page.page_number,
        around([box for _, box in some]),
        round(float(answer.get("score", 0.0)), 3),
    )


def _bare(word: str) -> str:
    """A word as it is compared: the end of a sentence is no part of it."""
    return word.lower().strip(".,;:()\"'") or word
