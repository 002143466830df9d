"""Texts that leave out what is critical, and the same texts whole."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.faithfulness.cases import FAITHFUL, Case, Half
from benchmarks.faithfulness.evidence import reported
from benchmarks.faithfulness.halves import is_held_out
from inference.language.guard import Evidence

WHAT = "omitted_critical"
# Of the reports: what must be stated, and the text that says all that is critical.
_WHOLE = {
    "ct_chest_joe": (
        "Left hilar mass concerning for malignancy.",
        "Left lower lobe metastasis.",
        "No involvement of the chest wall.",
    ),
    "cta_chest_joe": (
        "No evidence of pulmonary embolism.",
        "Large left hydropneumothorax.",
        "Development of severe pulmonary edema.",
    ),
    "ct_head_neck_neela": (
        "3.0 cm x 3.7 cm mass in the base of the right tongue consistent with known malignancy.",
        "Normal nasopharynx.",
    ),
}
_NOT_CRITICAL = ("No involvement", "No evidence", "Normal")


def omission_cases(half: Half) -> Iterator[Case]:
    """The half of a case is known by the sentence that is left out, as for templates."""
    for name, evidence, left_out, whole in _of_reports():
        if is_held_out(left_out) != (half == "held_out"):
            continue
        without = " ".join(sentence for sentence in whole if sentence != left_out)
        yield Case(half, name, FAITHFUL, left_out, " ".join(whole), evidence, whole_text=True)
        yield Case(half, name, WHAT, left_out, without, evidence, whole_text=True)


def _of_reports() -> Iterator[tuple[str, Evidence, str, list[str]]]:
    for name, sentences in _WHOLE.items():
        if name in reported():
            for sentence in sentences:
                if not sentence.startswith(_NOT_CRITICAL):
                    yield name, reported()[name], sentence, list(sentences)
