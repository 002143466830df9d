"""How far numbers are from those that are true, in their unit."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inference.evaluation.intervals import Interval, resampled

_NORMAL_95 = 1.96


@dataclass(frozen=True)
class NumberAgreement:
    """One number over all cases of which it is known. `limits` are those of agreement (Bland and
    Altman): bias and 1.96 standard deviations of the differences."""

    name: str
    unit: str
    cases: int
    mean_absolute_error: float
    bias: float
    """Mean of what was found less what is true."""
    error_interval: Interval | None = None
    """95%, by a bootstrap over cases (percentiles); None of a single case."""
    limits: Interval | None = None

    def metrics(self) -> dict[str, float]:
        """What has no value is left out."""
        found = {
            "cases": float(self.cases),
            "mean_absolute_error": self.mean_absolute_error,
            "bias": self.bias,
        }
        for name, pair in (("mean_absolute_error", self.error_interval), ("limit", self.limits)):
            if pair is not None:
                found |= {f"{name}_lower": pair[0], f"{name}_upper": pair[1]}
        return found


def number_agreement(
    name: str, unit: str, found: Sequence[float], true: Sequence[float]
) -> NumberAgreement:
    """Of at least one case."""
    differences = np.asarray(found, np.float64) - np.asarray(true, np.float64)
    bias = float(differences.mean())
    agreement = name, unit, len(differences), float(np.abs(differences).mean()), bias
    if len(differences) < 2:
        return NumberAgreement(*agreement)
    spread = _NORMAL_95 * float(differences.std(ddof=1))
    interval = resampled((np.abs(differences),), np.mean)
    return NumberAgreement(*agreement, interval, (bias - spread, bias + spread))
