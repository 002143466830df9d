"""An evaluation of boxes for people: one HTML file that needs nothing else, with FROC curves."""

from html import escape

from inference.evaluation.images.box_measures import FALSE_POSITIVES, BoxAgreement
from inference.evaluation.images.boxes import BoxEvaluation
from inference.evaluation.page import (
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

_RATE_AT_MOST = 4.0
"""False positives per image at the end of the axis."""
_HEADINGS = {
    "cases": "Cases",
    "images": "Images",
    "boxes": "Boxes",
    **{
        f"sensitivity_at_{rate:g}{ending}": words
        for rate in FALSE_POSITIVES
        for ending, words in (
            ("", f"Sensitivity at {rate:g} FP/image"),
            ("_lower", "95% from"),
            ("_upper", "to"),
        )
    },
}


def render_boxes(evaluation: BoxEvaluation, gate: tuple[GateThreshold, ...]) -> str:
    """The report. It names cases by their folders and nobody by name."""
    summary = evaluation.summary()
    details = []
    for agreement in evaluation.labels:
        if agreement.curve:
            title = f"Free-response ROC curve of {agreement.label}"
            details += [f"<h2>{escape(title)}</h2>", _froc_plot(agreement)]
    return report(evaluation, summary, gate, _HEADINGS, "label", summary["boxes"], details)


def _froc_plot(agreement: BoxAgreement) -> str:
    """Sensitivity over false positives per image, at every score that a box has."""
    inside = [one for one in agreement.curve if one[0] <= _RATE_AT_MOST]
    steps = [*inside, (_RATE_AT_MOST, inside[-1][1])]
    scale = (WIDTH - LEFT) / _RATE_AT_MOST
    points = " ".join(
        f"{LEFT + rate * scale:.1f},{y_of(sensitivity, 0, 1):.1f}" for rate, sensitivity in steps
    )
    title = f"False positives per image, from 0 to {_RATE_AT_MOST:g}"
    return svg(
        [
            f"<polyline points='{points}' fill='none' stroke='#2c6fbb' stroke-width='2'/>",
            text((LEFT + WIDTH) / 2, HEIGHT - 12, title, "middle"),
            text(LEFT + 8, TOP + 8, "Sensitivity", "start"),
        ],
        0.0,
        1.0,
    )
