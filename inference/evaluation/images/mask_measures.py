"""How masks of images agree with those that are true: of each segment over all images."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.evaluation.images.label_means import means_over
from inference.evaluation.intervals import NOWHERE, Interval, resampled
from inference.evaluation.measures import Mask, dice_of, surfaces
from inference.models.cards.card_gate import MASK_METRICS


@dataclass(frozen=True)
class MaskAgreement:
    """One segment of one image, or of one frame of it.

    NaN where a measure has no meaning. `has_size`: the pixels have one in the patient, where
    either mask lies.
    """

    case: str
    segment: str
    dice: float
    surface_dice: float
    hausdorff95_mm: float
    found_pixels: int
    true_pixels: int
    has_size: bool

    @property
    def is_empty(self) -> bool:
        """It is not there, and nothing was found."""
        return self.found_pixels == self.true_pixels == 0

    @property
    def area_error_percent(self) -> float:
        """Signed, of the true area."""
        if not self.true_pixels:
            return math.nan
        return (self.found_pixels - self.true_pixels) / self.true_pixels * 100.0


def mask_agreement(
    case: str, segment: str, found: Mask, true: Mask, spacing_mm: tuple[float, float] | None
) -> MaskAgreement:
    """`found`, `true`: (rows, columns) in stored pixels; `spacing_mm`: between rows and columns."""
    found_pixels, true_pixels = int(np.count_nonzero(found)), int(np.count_nonzero(true))
    surface, distance = math.nan, math.nan
    if spacing_mm is not None:
        surface = float(found_pixels == true_pixels)
        if found_pixels and true_pixels:
            surface, distance = surfaces(found, true, spacing_mm)
    return MaskAgreement(
        case,
        segment,
        dice_of(found, true),
        surface,
        distance,
        found_pixels,
        true_pixels,
        spacing_mm is not None,
    )


def metrics_of_segment(
    measured: Sequence[MaskAgreement], *, with_interval: bool = True
) -> dict[str, float]:
    """One segment over all images, where it is or was found. What has no value is left out.

    Distances are left out altogether where any image does not say how large its pixels are: those
    of the others alone would look better or worse than they are.
    """
    here = [one for one in measured if not one.is_empty]
    errors = [one.area_error_percent for one in here]
    lower, upper = _interval(here) if with_interval else NOWHERE
    found = {
        "images": float(len(measured)),
        "images_with_it": float(sum(one.true_pixels > 0 for one in measured)),
        "missed": float(sum(one.found_pixels == 0 for one in here)),
        "false_positives": float(sum(one.true_pixels == 0 for one in here)),
        "dice": _mean([one.dice for one in here]),
        "dice_lower": lower,
        "dice_upper": upper,
        "dice_minimum": min((one.dice for one in here), default=math.nan),
        "area_error_percent": _mean([abs(error) for error in errors]),
        "area_bias_percent": _mean(errors),
    }
    if all(one.has_size for one in here):
        found["surface_dice"] = _mean([one.surface_dice for one in here])
        found["hausdorff95_mm"] = _mean([one.hausdorff95_mm for one in here])
    return {name: value for name, value in found.items() if math.isfinite(value)}


def metrics_of_masks(segments: Sequence[dict[str, float]]) -> dict[str, float]:
    """What a gate may ask (`means_over`)."""
    return means_over(MASK_METRICS, segments)


def _interval(measured: Sequence[MaskAgreement]) -> Interval:
    """Of the mean Dice; cases are resampled, with all their images. Nowhere where resampling
    would say nothing: of one case, and where all are alike."""
    cases = list(dict.fromkeys(one.case for one in measured))
    sums = np.array([sum(one.dice for one in measured if one.case == case) for case in cases])
    counts = np.array([sum(one.case == case for one in measured) for case in cases])
    if len(cases) < 2 or np.ptp(sums / counts) == 0.0:
        return NOWHERE

    def mean(drawn: NDArray[np.intp], axis: int = -1) -> Any:
        return sums[drawn].sum(axis=axis) / counts[drawn].sum(axis=axis)

    return resampled([np.arange(len(cases))], mean)


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return math.fsum(known) / len(known) if known else math.nan
