"""What an answer is, whichever way it came about."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Required, TypedDict

from inference.language.missing import Missing
from inference.language.tasks import ModelRef
from storage.language.results import (
    AnswerKind,
    AnswerProgress,
    AnswerResult,
    Method,
    StoredMissing,
    StoredPassage,
    StoredReason,
    StoredSentence,
    StoredWithheld,
    text_of,
)


@dataclass(frozen=True)
class Reason:
    kind: str
    """Such as `number` or `laterality`; the guard's own classes, `unfinished`, `instruction`."""
    text: str


@dataclass(frozen=True)
class Sentence:
    """A sentence that may be shown, with the findings that it rests on."""

    text: str
    finding_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Withheld:
    """A sentence that may not be taken for true, and why."""

    text: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class PassageBox:
    """Words of a page. `box` is left, top, right, bottom as parts of the page, from 0 to 1."""

    text: str
    page_number: int
    box: tuple[float, float, float, float]
    score: float


@dataclass(frozen=True)
class Answer:
    kind: AnswerKind
    method: Method
    sentences: tuple[Sentence, ...]
    withheld: tuple[Withheld, ...] = ()
    passages: tuple[PassageBox, ...] = ()
    missing: tuple[Missing, ...] = ()
    """Critical findings of the source that the sentences do not state, the most urgent first."""
    notes: tuple[str, ...] = ()
    """What a reader must know: that a text was cut, that a model was not used."""
    model: str = ""
    revision: str = ""
    tokens: int = 0
    timings_s: Mapping[str, float] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return text_of(self.as_json())

    def as_json(self) -> AnswerResult:
        return {
            "kind": self.kind,
            "method": self.method,
            "sentences": list(map(_sentence, self.sentences)),
            "withheld": list(map(_withheld, self.withheld)),
            "passages": list(map(_passage, self.passages)),
            "missing": list(map(_missing, self.missing)),
            "notes": self.notes,
            "model": self.model,
            "revision": self.revision,
            "tokens": self.tokens,
            "timings_s": dict(self.timings_s),
        }


def _sentence(one: Sentence) -> StoredSentence:
    return {"text": one.text, "finding_ids": one.finding_ids}


def _withheld(one: Withheld) -> StoredWithheld:
    reasons: list[StoredReason] = [{"kind": it.kind, "text": it.text} for it in one.reasons]
    return {"text": one.text, "reasons": reasons}


def _passage(one: PassageBox) -> StoredPassage:
    return {
        "text": one.text,
        "page_number": one.page_number,
        "box": one.box,
        "score": one.score,
    }


def _missing(one: Missing) -> StoredMissing:
    return {
        "text": one.text,
        "category": one.category,
        "certainty": one.certainty,
        "sentence": one.sentence,
        "source_id": one.source_id,
        "concepts": [
            {"concept": it.concept, "category": it.category, "names": dict(it.names)}
            for it in one.concepts
        ],
        "finding_ids": one.finding_ids,
    }


def tell_nobody(progress: AnswerProgress) -> None:
    """For callers that wait for the whole."""


def never() -> bool:
    return False


class Progress:
    """What is known of an answer while it grows; `tell` hears it now and then."""

    def __init__(
        self,
        tell: Callable[[AnswerProgress], None] = tell_nobody,
        stopping: Callable[[], bool] = never,
        every_s: float = 0.2,
    ) -> None:
        self._tell = tell
        self._every_s = every_s
        self._sent_at = float("-inf")
        self.stopping = stopping
        self.sentences: list[Sentence] = []
        self.withheld: list[Withheld] = []
        self.tokens = 0

    def keep(self, sentence: Sentence) -> None:
        self.sentences.append(sentence)
        self._say(now=True)

    def withhold(self, withheld: Withheld) -> None:
        self.withheld.append(withheld)
        self._say(now=True)

    def wrote(self, tokens: int) -> None:
        self.tokens = tokens
        self._say(now=False)

    def go_on(self) -> None:
        """Asked between steps that add nothing yet; raises what `tell` raises to end the work."""
        self._say(now=False)

    def _say(self, *, now: bool) -> None:
        if now or time.monotonic() - self._sent_at >= self._every_s:
            self._sent_at = time.monotonic()
            self._tell(
                {
                    "sentences": list(map(_sentence, self.sentences)),
                    "withheld": list(map(_withheld, self.withheld)),
                    "tokens": self.tokens,
                }
            )


class AnsweringModel(TypedDict):
    model: str
    revision: str


class AnswerParts(TypedDict, total=False):
    """What of an answer depends on how it came about: who wrote it, and what to know of that."""

    method: Required[Method]
    notes: tuple[str, ...]
    model: str
    revision: str


def by_model(ref: ModelRef) -> AnsweringModel:
    """The part of an answer that names its model."""
    return {"model": ref.name, "revision": ref.shown_revision}
