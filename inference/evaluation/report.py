"""An evaluation for people: one HTML file that needs nothing else, with plots as SVG."""

from collections.abc import Callable, Sequence

from inference.evaluation.measures import SURFACE_TOLERANCE_MM
from inference.evaluation.page import (
    dice_plot,
    difference_plot,
    report,
)
from inference.evaluation.run import Evaluation, Measured
from inference.models.card import GateThreshold

_HEADINGS = {
    "cases": "Cases",
    "dice": "Dice",
    "dice_minimum": "Lowest Dice",
    "surface_dice": f"Surface Dice ({SURFACE_TOLERANCE_MM:g} mm)",
    "hausdorff95_mm": "HD95 (mm)",
    "volume_error_percent": "Volume error (%)",
    "volume_bias_percent": "Volume bias (%)",
    "missed": "Missed",
}


def render(evaluation: Evaluation, gate: Sequence[GateThreshold]) -> str:
    """The report. It names cases by their folders and nobody by name."""
    summary = evaluation.summary()
    details = []
    if evaluation.measured:
        details = [
            "<h2>Dice of each case</h2>",
            _dice_plot(evaluation.measured, lambda one: one.segment),
            "<h2>Volumes: difference against mean (Bland and Altman)</h2>",
            _volume_plot(evaluation.measured),
        ]

    def dice_of(kind: str) -> list[str]:
        if not evaluation.measured:
            return []
        return [_dice_plot(evaluation.measured, _in_group(evaluation, kind))]

    rows = {"All": summary["metrics"]} | summary["segments"]
    return report(evaluation, summary, gate, _HEADINGS, "segment", rows, details, dice_of)


def _in_group(evaluation: Evaluation, kind: str) -> Callable[[Measured], str]:
    return lambda one: evaluation.groups[one.case][kind]


def _dice_plot(measured: Sequence[Measured], name_of: Callable[[Measured], str]) -> str:
    return dice_plot(
        [(f"{one.case} {one.segment}", name_of(one), one.agreement.dice) for one in measured]
    )


def _volume_plot(measured: Sequence[Measured]) -> str:
    return difference_plot(
        [
            (f"{one.case} {one.segment}", one.agreement.found_ml, one.agreement.true_ml)
            for one in measured
        ],
        "ml",
    )
