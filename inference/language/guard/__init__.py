"""The guard between a model's words and a report: see `check.py`."""

from inference.language.guard.check import check_sentence, refusal
from inference.language.guard.evidence import Evidence, PriorFindings, SourceText, StudyFacts
from inference.language.guard.verdict import (
    Ground,
    Reason,
    SourceSpan,
    Verdict,
)

__all__ = [
    "Evidence",
    "Ground",
    "PriorFindings",
    "Reason",
    "SourceSpan",
    "SourceText",
    "StudyFacts",
    "Verdict",
    "check_sentence",
    "refusal",
]
