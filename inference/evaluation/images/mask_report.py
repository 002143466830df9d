"""An evaluation of masks of images for people: one HTML file that needs nothing else."""

from inference.evaluation.images.masks import MaskEvaluation
from inference.evaluation.measures import SURFACE_TOLERANCE_MM
from inference.evaluation.page import (
    dice_plot,
    difference_plot,
    report,
)
from inference.models.card import GateThreshold

_HEADINGS = {
    "cases": "Cases",
    "images": "Images",
    "images_with_it": "With it",
    "missed": "Missed",
    "false_positives": "False positives",
    "dice": "Dice",
    "dice_lower": "95% from",
    "dice_upper": "to",
    "dice_minimum": "Lowest Dice",
    "surface_dice": f"Surface Dice ({SURFACE_TOLERANCE_MM:g} mm)",
    "hausdorff95_mm": "HD95 (mm)",
    "area_error_percent": "Area error (%)",
    "area_bias_percent": "Area bias (%)",
}


def render_masks(evaluation: MaskEvaluation, gate: tuple[GateThreshold, ...]) -> str:
    """The report. It names cases by their folders and nobody by name."""
    summary = evaluation.summary()
    here = [one for one in evaluation.measured if not one.is_empty]
    details = []
    if here:
        areas = [
            (f"{one.case} {one.segment}", float(one.found_pixels), float(one.true_pixels))
            for one in here
        ]
        details = [
            "<h2>Dice of each image</h2>",
            dice_plot([(f"{one.case} {one.segment}", one.segment, one.dice) for one in here]),
            "<h2>Areas: difference against mean (Bland and Altman)</h2>",
            difference_plot(areas, "pixels"),
        ]
    return report(evaluation, summary, gate, _HEADINGS, "segment", summary["segments"], details)
