"""The guard between a model's words and a report: see `check.py`."""

from inference.language.guard.check import check_sentence, check_text, refusal
from inference.language.guard.evidence import Evidence, PriorFindings, SourceText, StudyFacts
from inference.language.guard.verdict import (
    CheckedSentence,
    CheckedText,
    Ground,
    Omission,
    Reason,
    SourceSpan,
    Verdict,
)

__all__ = [
    "CheckedSentence",
    "CheckedText",
    "Evidence",
    "Ground",
    "Omission",
    "PriorFindings",
    "Reason",
    "SourceSpan",
    "SourceText",
    "StudyFacts",
    "Verdict",
    "check_sentence",
    "check_text",
    "refusal",
]
