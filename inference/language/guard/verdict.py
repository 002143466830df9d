"""What the guard says of a sentence, and why."""

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
