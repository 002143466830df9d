"""What a language job answers: the JSON of an answer's result and of its progress, key by key."""

from collections.abc import Mapping, Sequence
from typing import Literal, NotRequired, TypedDict

AnswerKind = Literal["summary", "vqa", "docqa", "deid", "report"]
Method = Literal["model", "extractive", "findings", "patterns"]
"""Written by a model; taken word for word from a text; read from findings; found by patterns."""
Urgency = Literal["immediate", "urgent", "soon"]
"""To be reported within minutes, hours or days (the categories of the ACR)."""


class StoredSentence(TypedDict):
    """A sentence that may be shown, with the findings that it rests on."""

    text: str
    finding_ids: Sequence[str]


class StoredReason(TypedDict):
    kind: str
    text: str


class StoredWithheld(TypedDict):
    """A sentence that may not be taken for true, and why."""

    text: str
    reasons: Sequence[StoredReason]


class StoredPassage(TypedDict):
    """Words of a page. `box` is left, top, right, bottom as parts of the page, from 0 to 1."""

    text: str
    page_number: int
    box: Sequence[float]
    score: float


class StoredConcept(TypedDict):
    concept: str
    category: Urgency
    names: Mapping[str, str]
    """By language."""


class StoredMissing(TypedDict):
    """A critical finding of the source that is not stated."""

    text: str
    category: Urgency
    certainty: Literal["present", "uncertain"]
    sentence: str
    source_id: str
    concepts: Sequence[StoredConcept]
    finding_ids: Sequence[str]


class StoredSpan(TypedDict):
    """What identifies a person: from `start` up to `end` of the text that was sent."""

    start: int
    end: int
    text: str
    kind: str
    source: Literal["pattern", "header", "model"]


class AnswerResult(TypedDict):
    """Of all kinds; `text` and `spans` are of `deid` alone, which has no sentences."""

    kind: str
    """An `AnswerKind`."""
    method: Method
    notes: Sequence[str]
    model: str
    """Empty where none was used."""
    revision: str
    timings_s: Mapping[str, float]
    """By stage."""
    sentences: NotRequired[Sequence[StoredSentence]]
    withheld: NotRequired[Sequence[StoredWithheld]]
    passages: NotRequired[Sequence[StoredPassage]]
    missing: NotRequired[Sequence[StoredMissing]]
    tokens: NotRequired[int]
    text: NotRequired[str]
    spans: NotRequired[Sequence[StoredSpan]]


class AnswerProgress(TypedDict):
    """How far an answer is: its sentences and those that were withheld, as the answer has them."""

    sentences: Sequence[StoredSentence]
    withheld: Sequence[StoredWithheld]
    tokens: int


NO_PROGRESS: AnswerProgress = {"sentences": [], "withheld": [], "tokens": 0}


def text_of(result: AnswerResult) -> str:
    """For who reads nothing else: what is missing is in it."""
    if "text" in result:
        return result["text"]
    stated = [one["text"] for one in result.get("sentences", ())]
    return " ".join([*stated, *(one["text"] for one in result.get("missing", ()))])
