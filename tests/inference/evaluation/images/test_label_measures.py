"""Measures of labels beside MONAI's, published intervals and the formula of DeLong."""

import math

import numpy as np
import pytest
import torch
from monai.metrics import compute_roc_auc
from numpy.typing import NDArray

from inference.evaluation.images.label_measures import label_agreement, metrics_of_labels


def scored(present: int, absent: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    rng = np.random.default_rng(4)
    scores = np.concatenate([rng.normal(0.6, 0.2, present), rng.normal(0.4, 0.2, absent)])
    return np.round(np.clip(scores, 0, 1), 2), np.arange(present + absent) < present


def delong(present: NDArray[np.float64], absent: NDArray[np.float64]) -> tuple[float, float]:
    """95% by the variance of DeLong, DeLong and Clarke-Pearson (Biometrics 44, 1988)."""
    better = (present[:, None] > absent) + 0.5 * (present[:, None] == absent)
    variance = better.mean(1).var(ddof=1) / len(present) + better.mean(0).var(ddof=1) / len(absent)
    half = 1.959964 * math.sqrt(variance)
    return better.mean() - half, better.mean() + half


def test_the_area_is_monais_and_its_interval_is_about_that_of_delong() -> None:
    scores, truth = scored(120, 180)
    found = label_agreement("Effusion", scores.tolist(), truth.tolist(), 0.5)
    theirs = compute_roc_auc(torch.from_numpy(scores), torch.from_numpy(truth.astype(int)))
    assert found.auc == pytest.approx(theirs, abs=1e-9)
    assert found.auc_interval == pytest.approx(delong(scores[truth], scores[~truth]), abs=0.01)


def test_shares_at_the_threshold_have_wilsons_intervals() -> None:
    """Of 81 of 263 Newcombe (Statistics in Medicine 17, 1998, table I) has 0.2553 to 0.3662."""
    scores = [0.7] * 81 + [0.6999] * 182 + [0.7] * 15 + [0.1] * 133
    found = label_agreement("Mass", scores, [True] * 263 + [False] * 148, 0.7)
    assert found.sensitivity == pytest.approx(81 / 263)
    assert found.sensitivity_interval == pytest.approx((0.2553, 0.3662), abs=5e-5)
    # And of 15 of 148, whose complement this is, 0.0624 to 0.1605.
    assert found.specificity_interval == pytest.approx((1 - 0.1605, 1 - 0.0624), abs=5e-5)


def test_what_cannot_be_measured_opens_no_gate() -> None:
    apart = label_agreement("A", [0.9, 0.8, 0.1, 0.2], [True, True, False, False], 0.5)
    assert apart.auc == 1.0
    assert "auc_lower" not in apart.metrics()
    nowhere = label_agreement("B", [0.1, 0.2], [False, False], 0.5)
    assert set(nowhere.metrics()) >= {"specificity", "specificity_lower"}
    assert "sensitivity" not in nowhere.metrics()
    both = metrics_of_labels([apart, nowhere])
    assert set(both) == {"specificity", "specificity_lower"}
    assert both["specificity_lower"] == min(
        apart.specificity_interval[0], nowhere.specificity_interval[0]
    )
    alike = label_agreement("C", [0.5] * 6, [True, False] * 3, 0.5)
    assert (alike.auc, alike.sensitivity, alike.specificity) == (0.5, 1.0, 0.0)
