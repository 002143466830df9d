"""How far apart two measurements of what has not changed may lie.

A smaller difference is stated nowhere as a change: it may be noise. Shares and counts have no
limit of their own.
"""

from dataclasses import dataclass

from storage.core.findings import VOLUME_VARIATION_PERCENT, Finding

VOLUME_UNITS = frozenset({"mm3", "cm3", "mL", "L"})
"""UCUM codes of what a change in per cent is stated of."""
_BY_CODE = {"LAA950": 3.7, "PERC15": 18.0, "MLD": 18.0}
"""In the unit of the finding: percentage points and HU. Of LAA-950 and the 15th percentile by the
QIBA profile of CT lung densitometry (RSNA, 2020), without adjustment for the lung's volume. The
profile makes no claim about the mean density, of which that of the percentile is taken."""


@dataclass(frozen=True)
class Variation:
    """The limit below which a difference from the earlier value is none."""

    amount: float
    """In the unit of the finding."""
    percent: float | None
    """Of a volume: the same, of the earlier value."""

    def covers(self, now: float, then: float) -> bool:
        if self.percent is not None and then:
            # Rounded as the change is stated, so that no two of its statements disagree.
            return abs(round((now - then) / then * 100.0, 2)) < self.percent
        return abs(now - then) < self.amount


def is_volume(finding: Finding) -> bool:
    return finding.unit is not None and finding.unit.value in VOLUME_UNITS


def variation_of(now: Finding, before: float) -> Variation | None:
    """Of a finding beside its value `before`, in its unit; None of what has no known limit."""
    if is_volume(now):
        if before <= 0:
            return None
        percent = round(VOLUME_VARIATION_PERCENT, 2)
        return Variation(before * percent / 100.0, percent)
    amount = _BY_CODE.get(now.code.value)
    return None if amount is None else Variation(amount, None)
