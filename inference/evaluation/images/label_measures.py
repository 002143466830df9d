"""How well probabilities tell cases with a label from those without it, with 95% intervals.

Area under the ROC curve by the Mann-Whitney statistic, its interval by a stratified bootstrap
(percentiles), as pROC has it; intervals of sensitivity and specificity are Wilson's.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.evaluation.images.label_means import means_over
from inference.evaluation.intervals import NOWHERE, Interval, of_share, resampled
from inference.models.cards.card_gate import LABEL_METRICS


@dataclass(frozen=True)
class LabelAgreement:
    """One label over all cases of which it is known. NaN where a measure has no meaning, as the
    sensitivity where no case has the label."""

    label: str
    threshold: float
    present: int
    absent: int
    auc: float
    sensitivity: float
    specificity: float
    auc_interval: Interval = NOWHERE
    sensitivity_interval: Interval = NOWHERE
    specificity_interval: Interval = NOWHERE

    def metrics(self) -> dict[str, float]:
        """What has no value is left out."""
        found = {
            "cases": float(self.present + self.absent),
            "present": float(self.present),
            "auc": self.auc,
            "sensitivity": self.sensitivity,
            "specificity": self.specificity,
        }
        for name, interval in (
            ("auc", self.auc_interval),
            ("sensitivity", self.sensitivity_interval),
            ("specificity", self.specificity_interval),
        ):
            found |= {f"{name}_lower": interval[0], f"{name}_upper": interval[1]}
        return {name: value for name, value in found.items() if math.isfinite(value)}


def label_agreement(
    label: str,
    scores: Sequence[float],
    is_present: Sequence[bool],
    threshold: float,
    *,
    with_intervals: bool = True,
) -> LabelAgreement:
    """`threshold`: from which probability on the label counts as found."""
    values, truth = np.asarray(scores, np.float64), np.asarray(is_present, np.bool_)
    present, absent = values[truth], values[~truth]
    found = int(np.count_nonzero(present >= threshold))
    rejected = int(np.count_nonzero(absent < threshold))
    both = len(present) > 0 and len(absent) > 0
    agreement = LabelAgreement(
        label,
        threshold,
        len(present),
        len(absent),
        float(_auc(present, absent)) if both else math.nan,
        found / len(present) if len(present) else math.nan,
        rejected / len(absent) if len(absent) else math.nan,
    )
    if not with_intervals:
        return agreement
    return replace(
        agreement,
        auc_interval=_resampled(present, absent) if both else NOWHERE,
        sensitivity_interval=of_share(found, len(present)),
        specificity_interval=of_share(rejected, len(absent)),
    )


def _auc(present: NDArray[Any], absent: NDArray[Any], axis: int = -1) -> Any:
    """The share of pairs in which the case with the label has the higher score; ties are half."""
    from scipy.stats import mannwhitneyu

    # Of scores that are all alike its p value, which nobody asks for, is a division by zero.
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = mannwhitneyu(present, absent, axis=axis, method="asymptotic").statistic
    return statistic / (present.shape[axis] * absent.shape[axis])


def _resampled(present: NDArray[np.float64], absent: NDArray[np.float64]) -> Interval:
    """NaN where the scores of both kinds do not overlap: those of no resample do, however few
    the cases are, and its interval would be 1 to 1."""
    if min(len(present), len(absent)) < 2 or float(_auc(present, absent)) in (0.0, 1.0):
        return NOWHERE
    return resampled((present, absent), _auc)


def metrics_of_labels(labels: Sequence[LabelAgreement]) -> dict[str, float]:
    """What a gate may ask (`means_over`)."""
    return means_over(LABEL_METRICS, [one.metrics() for one in labels])
