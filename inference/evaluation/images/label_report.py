"""An evaluation of labels for people: one HTML file that needs nothing else, with ROC curves."""

from collections.abc import Sequence
from html import escape

import numpy as np

from inference.evaluation.images.labels import LabelEvaluation, Scored
from inference.evaluation.page import (
    BOTTOM,
    HEIGHT,
    LEFT,
    TOP,
    WIDTH,
    report,
    svg,
    text,
    y_of,
)
from inference.models.card import GateThreshold

_RIGHT = LEFT + HEIGHT - BOTTOM - TOP
"""So that both axes have one scale."""
_HEADINGS = {
    "cases": "Cases",
    "present": "Present",
    "auc": "AUC",
    "auc_lower": "95% from",
    "auc_upper": "to",
    "threshold": "Threshold",
    "sensitivity": "Sensitivity",
    "sensitivity_lower": "95% from",
    "sensitivity_upper": "to",
    "specificity": "Specificity",
    "specificity_lower": "95% from",
    "specificity_upper": "to",
}


def render_labels(evaluation: LabelEvaluation, gate: Sequence[GateThreshold]) -> str:
    """The report. It names cases by their folders and nobody by name."""
    summary = evaluation.summary()
    details = []
    for label, metrics in summary["labels"].items():
        if "auc" in metrics:
            of_label = [one for one in evaluation.scored if one.name == label]
            title = f"ROC curve of {label}"
            details += [f"<h2>{escape(title)}</h2>", _roc_plot(of_label)]
    return report(evaluation, summary, gate, _HEADINGS, "label", summary["labels"], details)


def _roc_plot(scored: Sequence[Scored]) -> str:
    """Sensitivity over 1 - specificity, at every probability that was stated."""
    scores = np.array([one.found for one in scored])
    truth = np.array([one.true for one in scored])
    at = [np.inf, *np.unique(scores)[::-1]]
    points = " ".join(
        f"{_x((scores[~truth] >= one).mean()):.1f},{y_of((scores[truth] >= one).mean(), 0, 1):.1f}"
        for one in at
    )
    middle = (LEFT + _RIGHT) / 2
    return svg(
        [
            f"<polyline points='{points}' fill='none' stroke='#2c6fbb' stroke-width='2'/>",
            f"<polyline points='{_x(0)},{y_of(0, 0, 1)} {_x(1)},{y_of(1, 0, 1)}' fill='none'"
            " stroke='#8a4b08' stroke-dasharray='4'/>",
            text(middle, HEIGHT - 12, "1 - specificity, from 0 to 1", "middle"),
            text(min(_RIGHT + 8, WIDTH), TOP + 8, "Sensitivity", "start"),
        ],
        0.0,
        1.0,
    )


def _x(value: float) -> float:
    return LEFT + value * (_RIGHT - LEFT)
