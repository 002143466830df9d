"""How well boxes find what is there: free-response ROC of each label."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.evaluation.images.box_reference import Box, TrueBoxes
from inference.evaluation.images.label_means import means_over
from inference.evaluation.intervals import NOWHERE, Interval, of_share, resampled
from inference.models.cards.card_gate import BOX_METRICS

IOU_AT_LEAST = 0.5
FALSE_POSITIVES = (0.5, 1.0, 2.0)
"""Per image: where sensitivity is stated."""


@dataclass(frozen=True)
class FoundBoxes:
    """In one image."""

    labels: list[str] = field(default_factory=list)
    corners: list[Box] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class MatchedLabel:
    """The boxes of one label in one image, the surest first."""

    scores: NDArray[np.float64]
    is_true: NDArray[np.bool_]
    """Whether each is the one that was matched with a true box."""
    true: int
    """How many there are to be found."""


def matched(found: FoundBoxes, true: TrueBoxes, label: str) -> MatchedLabel:
    """The surest box takes the free true box that it overlaps most, at IOU_AT_LEAST or above; a
    second box on the same one is a false positive."""
    from monai.apps.detection.metrics.matching import matching_batch
    from monai.data.box_utils import box_iou

    kept = [place for place, one in enumerate(found.labels) if one == label]
    scores = np.array([found.scores[place] for place in kept], np.float64)
    boxes = np.array([found.corners[place] for place in kept], np.float32).reshape(-1, 4)
    truth = [
        corners for one, corners in zip(true.labels, true.corners, strict=True) if one == label
    ]
    if not kept:
        return MatchedLabel(scores, np.zeros(0, np.bool_), len(truth))
    (image,) = matching_batch(
        iou_fn=box_iou,
        iou_thresholds=[IOU_AT_LEAST],
        pred_boxes=[boxes],
        pred_classes=[np.zeros(len(kept), np.int64)],
        pred_scores=[scores],
        gt_boxes=[np.array(truth, np.float32).reshape(-1, 4)],
        gt_classes=[np.zeros(len(truth), np.int64)],
        # Without it the less sure ones beyond a hundred would be left out.
        max_detections=len(kept),
    )
    return MatchedLabel(image[0]["dtScores"], image[0]["dtMatches"][0] > 0, len(truth))


@dataclass(frozen=True)
class BoxAgreement:
    """One label over all cases. NaN where nothing with that label is there to be found."""

    label: str
    images: int
    true: int
    sensitivities: tuple[float, ...]
    """At each of FALSE_POSITIVES."""
    intervals: tuple[Interval, ...]
    curve: tuple[tuple[float, float], ...]
    """False positives per image and sensitivity at each score, the highest first."""

    def metrics(self) -> dict[str, float]:
        """What has no value is left out."""
        found = {"images": float(self.images), "boxes": float(self.true)}
        for rate, sensitivity, (lower, upper) in zip(
            FALSE_POSITIVES, self.sensitivities, self.intervals, strict=True
        ):
            name = f"sensitivity_at_{rate:g}"
            found |= {name: sensitivity, f"{name}_lower": lower, f"{name}_upper": upper}
        return {name: value for name, value in found.items() if math.isfinite(value)}


def box_agreement(
    label: str, cases: Sequence[Sequence[MatchedLabel]], *, with_intervals: bool = True
) -> BoxAgreement:
    """`cases`: of each case its images."""
    pooled = _Pooled(cases)
    everything = np.arange(len(cases))
    sensitivities = tuple(pooled.sensitivity(everything, rate) for rate in FALSE_POSITIVES)
    intervals = tuple(
        pooled.interval(rate, sensitivity) if with_intervals else NOWHERE
        for rate, sensitivity in zip(FALSE_POSITIVES, sensitivities, strict=True)
    )
    return BoxAgreement(
        label,
        int(pooled.images.sum()),
        int(pooled.true.sum()),
        sensitivities,
        intervals,
        pooled.curve(),
    )


class _Pooled:
    """All boxes of one label, the surest first, each with its case."""

    def __init__(self, cases: Sequence[Sequence[MatchedLabel]]) -> None:
        images = [(place, image) for place, case in enumerate(cases) for image in case]
        self.images = np.array([len(case) for case in cases], np.float64)
        self.true = np.array([sum(one.true for one in case) for case in cases], np.float64)
        scores = np.concatenate([np.zeros(0), *(one.scores for _, one in images)])
        order = np.argsort(-scores, kind="stable")
        cases_of = [np.full(len(one.scores), place, np.intp) for place, one in images]
        self._case = np.concatenate([np.zeros(0, np.intp), *cases_of])[order]
        is_true = np.concatenate([np.zeros(0, np.bool_), *(one.is_true for _, one in images)])
        self._is_true = is_true[order]
        # No threshold parts boxes of one score.
        self._last = np.flatnonzero(np.diff(scores[order], append=-np.inf))

    def _steps(self, weights: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[Any]]:
        """False positives per image and sensitivity, none found first; by weights of cases."""
        of_box = weights[self._case]
        wrong = np.cumsum(of_box * ~self._is_true)[self._last] / (weights @ self.images)
        right = np.cumsum(of_box * self._is_true)[self._last] / (weights @ self.true)
        return np.concatenate([[0.0], wrong]), np.concatenate([[0.0], right])

    def sensitivity(self, cases: NDArray[np.intp], rate: float) -> float:
        """The highest that a score reaches with at most `rate` false positives per image."""
        weights = np.bincount(cases, minlength=len(self.images)).astype(np.float64)
        if not weights @ self.true:
            return math.nan
        wrong, right = self._steps(weights)
        return float(right[wrong <= rate + 1e-9].max())

    def curve(self) -> tuple[tuple[float, float], ...]:
        if not self.true.sum():
            return ()
        wrong, right = self._steps(np.ones(len(self.images)))
        return tuple(zip(wrong.tolist(), right.tolist(), strict=True))

    def interval(self, rate: float, sensitivity: float) -> Interval:
        """Cases are resampled, those with the label and those without apart. Where all is found
        or nothing, every resample says the same: then that of the share of cases."""
        places = [np.flatnonzero(self.true > 0), np.flatnonzero(self.true == 0)]
        if sensitivity in (0.0, 1.0):
            return of_share(round(sensitivity * len(places[0])), len(places[0]))
        if len(places[0]) < 2:
            return NOWHERE
        # Of a single case there is nothing to resample.
        fixed = [one for one in places if len(one) < 2]

        def statistic(*drawn: NDArray[np.intp], axis: int = -1) -> Any:
            shape = drawn[0].shape[:-1]
            rows: list[NDArray[np.intp]] = [one.reshape(-1, one.shape[-1]) for one in drawn]
            found = []
            for row in zip(*rows, strict=True):
                parts: list[NDArray[Any]] = [*row, *fixed]
                found.append(self.sensitivity(np.concatenate(parts), rate))
            return np.array(found).reshape(shape)

        return resampled([one for one in places if len(one) >= 2], statistic)


def metrics_of_boxes(labels: Sequence[BoxAgreement]) -> dict[str, float]:
    """What a gate may ask (`means_over`)."""
    return means_over(BOX_METRICS, [one.metrics() for one in labels])
