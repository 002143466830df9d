"""An evaluation of numbers for people: one HTML file that needs nothing else."""

from collections.abc import Sequence
from html import escape

from inference.evaluation.images.numbers import NumberEvaluation
from inference.evaluation.page import (
    difference_plot,
    failed_table,
    gate_table,
    heading,
    page,
    table,
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
    summary = evaluation.summary()
    rows = {f"{one.name} ({one.unit})": one.metrics() for one in evaluation.numbers}
    parts = [
        heading(evaluation),
        gate_table(summary["metrics"], gate),
        "<h2>By number</h2>",
        table(_HEADINGS, "Number", rows),
    ]
    for number in evaluation.numbers:
        compared = [(one.case, one.found, one.true) for one in evaluation.of(number.name)]
        parts += [
            f"<h2>{escape(number.name)}: difference against mean (Bland and Altman)</h2>",
            difference_plot(compared, number.unit),
        ]
    for kind, groups in summary["subgroups"].items():
        parts += [f"<h2>By {escape(kind)}</h2>", table(_HEADINGS, kind.capitalize(), groups)]
    parts.append(failed_table(evaluation.failed))
    return page(f"Evaluation of {evaluation.pipeline}", parts)
