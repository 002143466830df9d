"""Counts of what an algorithm marked, and what a count of none is not."""

from storage.core.findings import Code, Finding

NUMBER_FOUND = Code("NUMBERFOUND", "99MEDIVIEW", "Number found by the detector")


def counts_none(finding: Finding) -> bool:
    """Whether it says that the algorithm marked nothing, which is no statement about the patient
    (decision 0126)."""
    return finding.code.value == NUMBER_FOUND.value and finding.value == 0.0
