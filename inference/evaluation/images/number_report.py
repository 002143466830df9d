"""An evaluation of numbers for people: one HTML file that needs nothing else."""

from collections.abc import Sequence
from html import escape

from inference.evaluation.images.numbers import NumberEvaluation
from inference.evaluation.page import (
    difference_plot,
    report,
)
from inference.models.card import GateThreshold

_HEADINGS = {
    "cases": "Cases",
    "mean_absolute_error": "Mean absolute error",
    "mean_absolute_error_lower": "95% from",
    "mean_absolute_error_upper": "to",
    "bias": "Bias",
    "limit_lower": "Limits of agreement from",
    "limit_upper": "to",
}


def render_numbers(evaluation: NumberEvaluation, gate: Sequence[GateThreshold]) -> str:
    """The report. It names cases by their folders and nobody by name."""
    rows = {f"{one.name} ({one.unit})": one.metrics() for one in evaluation.numbers}
    details = []
    for number in evaluation.numbers:
        compared = [(one.case, one.found, one.true) for one in evaluation.of(number.name)]
        details += [
            f"<h2>{escape(number.name)}: difference against mean (Bland and Altman)</h2>",
            difference_plot(compared, number.unit),
        ]
    return report(evaluation, evaluation.summary(), gate, _HEADINGS, "number", rows, details)
