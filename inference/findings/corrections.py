"""What a reader's correction makes of a finding: its value in the finding's unit, and its name."""

from dataclasses import replace

from inference.findings.facts import Fact, fact_of
from storage.core.findings import Feedback, Finding
from storage.core.units import converted


def corrected_value(finding: Finding, word: Feedback) -> float | None:
    """In the unit of the finding; None where the reader states none, or one of another quantity.

    The API takes none of those; versions before kept them.
    """
    if word.kind != "CORRECTED" or word.value is None:
        return None
    unit = word.unit or finding.unit
    stated, own = (one.value if one else "" for one in (unit, finding.unit))
    return converted(word.value, stated, own)


def corrected_fact(finding: Finding, word: Feedback) -> Fact | None:
    """The finding with the value and the name that a reader gave it; None where that value is of
    another quantity."""
    value = corrected_value(finding, word)
    if word.value is not None and value is None:
        return None
    by = "" if value is None else word.given_by
    if not word.label or word.label == finding.label:
        return fact_of(finding, value, by)
    # What a classifier has answered stays its answer.
    named = finding if finding.value is None else replace(finding, label=word.label)
    return replace(fact_of(named, value, by), named=word.label, named_by=word.given_by)
