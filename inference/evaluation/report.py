"""An evaluation for people: one HTML file that needs nothing else, with plots as SVG."""

from collections.abc import Callable, Sequence
from html import escape

from inference.evaluation.measures import SURFACE_TOLERANCE_MM
from inference.evaluation.page import (
    dice_plot,
    difference_plot,
    failed_table,
    gate_table,
    heading,
    page,
    table,
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
    parts = [
        heading(evaluation),
        gate_table(summary["metrics"], gate),
        "<h2>By segment</h2>",
        table(_HEADINGS, "Segment", {"All": summary["metrics"]} | summary["segments"]),
    ]
    if evaluation.measured:
        parts += [
            "<h2>Dice of each case</h2>",
            _dice_plot(evaluation.measured, lambda one: one.segment),
            "<h2>Volumes: difference against mean (Bland and Altman)</h2>",
            _volume_plot(evaluation.measured),
        ]
    for kind, groups in summary["subgroups"].items():
        parts += [f"<h2>By {escape(kind)}</h2>", table(_HEADINGS, kind.capitalize(), groups)]
        if evaluation.measured:
            parts.append(_dice_plot(evaluation.measured, _in_group(evaluation, kind)))
    parts.append(failed_table(evaluation.failed))
    return page(f"Evaluation of {evaluation.pipeline}", parts)


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
