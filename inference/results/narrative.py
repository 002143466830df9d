"""The numbers of a job's pictures and PDF, as people read them."""

from storage.entities import Finding

NOTE = "AI result, unverified. Research use only."


def shown_value(finding: Finding) -> str:
    """Value and unit, or the confidence, as people read them."""
    if finding.value is None:
        return "" if finding.confidence is None else f"confidence {finding.confidence:.0%}"
    code = "" if finding.unit is None else finding.unit.value
    unit = f" {_UNITS.get(code, code)}".rstrip()
    return f"{finding.value:,.{_DECIMALS.get(code, 1)}f}{unit}"


_UNITS = {"cm3": "cm³", "mm3": "mm³", "[hnsf'U]": "HU", "%": "%"}
# A tenth of a litre would hide what a breath changes.
_DECIMALS = {"L": 2}
