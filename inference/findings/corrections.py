"""What a reader's correction makes of a finding: its value in the finding's unit, and its name."""

from dataclasses import replace

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


def renamed(finding: Finding, word: Feedback) -> Finding:
    """By the name that the reader holds to be right, where there is one."""
    is_renamed = word.kind == "CORRECTED" and word.label
    return replace(finding, label=word.label) if is_renamed else finding
