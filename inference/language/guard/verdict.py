"""What the guard says of a sentence, and why."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Ground(StrEnum):
    """Why a sentence is withheld."""

    CHARACTERS = "characters"
    LENGTH = "length"
    INSTRUCTION = "instruction"
    CONTENT = "content"
    NUMBER = "number"
    UNIT = "unit"
    SIDE = "side"
    LOCATION = "location"
    NEGATION = "negation"
    CERTAINTY = "certainty"
    TIME = "time"
    COMPARISON = "comparison"
    PATIENT = "patient"
    SUBJECT = "subject"
    ENTAILMENT = "entailment"


@dataclass(frozen=True)
class Reason:
    """One ground, in a sentence for people."""

    ground: Ground
    text: str


@dataclass(frozen=True)
class SourceSpan:
    """The sentence of a source text that supports: `text[start:end]` of that source."""

    source_id: str
    start: int
    end: int


@dataclass(frozen=True)
class Verdict:
    """Whether everything that a sentence asserts is supported, and by what."""

    supported: bool
    reasons: tuple[Reason, ...] = ()
    finding_ids: tuple[str, ...] = ()
    source_spans: tuple[SourceSpan, ...] = ()


@dataclass(frozen=True)
class CheckedSentence:
    """A sentence of a text, `text[start:end]`, with what the guard says of it."""

    sentence: str
    start: int
    end: int
    verdict: Verdict


@dataclass(frozen=True)
class Omission:
    """What is critical in the evidence and is not stated by any supported sentence."""

    text: str
    finding_ids: tuple[str, ...] = ()
    source_spans: tuple[SourceSpan, ...] = ()


@dataclass(frozen=True)
class CheckedText:
    """The sentences of a text in their order, and what the text leaves out."""

    sentences: tuple[CheckedSentence, ...]
    omissions: tuple[Omission, ...]

    def __iter__(self) -> Iterator[CheckedSentence]:
        return iter(self.sentences)

    def __len__(self) -> int:
        return len(self.sentences)

    @property
    def supported(self) -> tuple[CheckedSentence, ...]:
        """Those that may be shown as the text."""
        return tuple(one for one in self.sentences if one.verdict.supported)

    @property
    def withheld(self) -> tuple[CheckedSentence, ...]:
        """Those that may be shown as withheld alone."""
        return tuple(one for one in self.sentences if not one.verdict.supported)
