"""An evaluation for people: one HTML file that needs nothing else, with plots as SVG."""

import math
from collections.abc import Callable, Sequence
from html import escape

from inference.evaluation.measures import SURFACE_TOLERANCE_MM
from inference.evaluation.run import Evaluation, Measured
from inference.models.card import GateThreshold

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 640, 260, 60, 40, 16
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
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;
color:#1b1f24}
table{border-collapse:collapse;margin:.5rem 0 1.5rem}td,th{padding:.25rem .75rem;text-align:right;
border-bottom:1px solid #d5dae0}td:first-child,th:first-child{text-align:left}
.no{color:#a40000;font-weight:600}.yes{color:#0a5c2b}svg{max-width:100%;height:auto}
"""


def render(evaluation: Evaluation, gate: Sequence[GateThreshold]) -> str:
    """The report. It names cases by their folders and nobody by name."""
    summary = evaluation.summary()
    parts = [
        f"<h1>{escape(evaluation.pipeline)} {escape(evaluation.pipeline_version)}</h1>",
        f"<p>Model {escape(evaluation.model)} {escape(evaluation.model_version)}"
        f" ({escape(evaluation.model_digest[:12] or 'no weights')}), evaluated"
        f" {evaluation.evaluated_at:%Y-%m-%d %H:%M} UTC on {evaluation.cases} cases, of which"
        f" {len(evaluation.failed)} failed. Research use only.</p>",
        _gate(summary["metrics"], gate),
        "<h2>By segment</h2>",
        _table("Segment", {"All": summary["metrics"]} | summary["segments"]),
    ]
    if evaluation.measured:
        parts += [
            "<h2>Dice of each case</h2>",
            _dice_plot(evaluation.measured, lambda one: one.segment),
            "<h2>Volumes: difference against mean (Bland and Altman)</h2>",
            _volume_plot(evaluation.measured),
        ]
    for kind, groups in summary["subgroups"].items():
        parts += [f"<h2>By {escape(kind)}</h2>", _table(kind.capitalize(), groups)]
        if evaluation.measured:
            parts.append(_dice_plot(evaluation.measured, _in_group(evaluation, kind)))
    if evaluation.failed:
        rows = "".join(
            f"<tr><td>{escape(one.case)}</td><td style='text-align:left'>{escape(one.reason)}</td>"
            "</tr>"
            for one in evaluation.failed
        )
        head = "<tr><th>Case</th><th style='text-align:left'>Why</th></tr>"
        parts.append(f"<h2>Failed</h2><table>{head}{rows}</table>")
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'>"
        f"<title>Evaluation of {escape(evaluation.pipeline)}</title><style>{_STYLE}</style>"
        f"<body>{''.join(parts)}</body></html>"
    )


def _gate(metrics: dict[str, float], gate: Sequence[GateThreshold]) -> str:
    if not gate:
        return "<p>The card of the model has no gate.</p>"
    rows = []
    for one in gate:
        value = metrics.get(one.metric, math.nan)
        word = "<td class='yes'>reached</td>" if one.admits(value) else "<td class='no'>missed</td>"
        rows.append(
            f"<tr><td>{escape(one.metric)}</td><td>{_number(value)}</td>"
            f"<td>{escape(one.text)}</td>{word}</tr>"
        )
    head = "<tr><th>Metric</th><th>Value</th><th>Asked</th><th></th></tr>"
    return f"<h2>Gate</h2><table>{head}{''.join(rows)}</table>"


def _table(first: str, rows: dict[str, dict[str, float]]) -> str:
    known = [name for name in _HEADINGS if any(name in row for row in rows.values())]
    head = "".join(f"<th>{_HEADINGS[name]}</th>" for name in known)
    body = "".join(
        f"<tr><td>{escape(label)}</td>"
        + "".join(f"<td>{_number(row.get(name, math.nan))}</td>" for name in known)
        + "</tr>"
        for label, row in rows.items()
    )
    return f"<table><tr><th>{escape(first)}</th>{head}</tr>{body}</table>"


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.4g}"


def _in_group(evaluation: Evaluation, kind: str) -> Callable[[Measured], str]:
    return lambda one: evaluation.groups[one.case][kind]


def _dice_plot(measured: Sequence[Measured], name_of: Callable[[Measured], str]) -> str:
    """A dot for each case and segment above the name of its group, a line at the mean.

    The axis begins at the tenth below the lowest value.
    """
    names = sorted({name_of(one) for one in measured})
    step = (_WIDTH - _LEFT) / len(names)
    low = math.floor(min(one.agreement.dice for one in measured) * 10) / 10
    low = min(low, 0.9)
    marks = [_text(_LEFT + 6, _TOP + 4, "Dice", "start")]
    for number, name in enumerate(names):
        members = [one for one in measured if name_of(one) == name]
        middle = _LEFT + (number + 0.5) * step
        for position, one in enumerate(members):
            spread = (position / max(1, len(members) - 1) - 0.5) * step * 0.5
            title = f"{one.case} {one.segment}: {one.agreement.dice:.3f}"
            marks.append(_dot(middle + spread, _y(one.agreement.dice, low, 1.0), title))
        mean = _y(sum(one.agreement.dice for one in members) / len(members), low, 1.0)
        marks.append(_line(middle - step * 0.3, mean, middle + step * 0.3, mean))
        marks.append(_text(middle, _HEIGHT - 12, name, "middle"))
    return _svg(marks, low, 1.0)


def _volume_plot(measured: Sequence[Measured]) -> str:
    """Differences in ml over means in ml, with bias and limits of agreement (1.96 SD)."""
    pairs = [(one.agreement.found_ml, one.agreement.true_ml) for one in measured]
    means = [(found + true) / 2 for found, true in pairs]
    differences = [found - true for found, true in pairs]
    bias = sum(differences) / len(differences)
    spread = 0.0
    if len(differences) > 1:
        spread = math.sqrt(sum((d - bias) ** 2 for d in differences) / (len(differences) - 1))
    limits = (bias - 1.96 * spread, bias, bias + 1.96 * spread)
    edge = max([abs(value) for value in (*differences, *limits)] + [1e-9]) * 1.1
    right = max(means) * 1.05 or 1.0
    marks = [
        _dot(
            _LEFT + (_WIDTH - _LEFT) * mean / right,
            _y(difference, -edge, edge),
            f"{one.case} {one.segment}: {difference:+.3g} ml",
        )
        for one, mean, difference in zip(measured, means, differences, strict=True)
    ]
    for value in limits:
        height = _y(value, -edge, edge)
        marks += [
            _line(_LEFT, height, _WIDTH, height),
            _text(_WIDTH - 4, height - 4, f"{value:+.3g} ml", "end"),
        ]
    marks.append(_text(_LEFT + 6, _TOP + 4, "found less true, ml", "start"))
    marks.append(_text(_WIDTH - 4, _HEIGHT - 12, f"mean of both, up to {right:.3g} ml", "end"))
    return _svg(marks, -edge, edge)


def _y(value: float, low: float, high: float) -> float:
    share = (value - low) / (high - low)
    return _HEIGHT - _BOTTOM - share * (_HEIGHT - _BOTTOM - _TOP)


def _dot(x: float, y: float, title: str) -> str:
    return (
        f"<circle cx='{x:.1f}' cy='{y:.1f}' r='4' fill='#2c6fbb' fill-opacity='.7'>"
        f"<title>{escape(title)}</title></circle>"
    )


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return (
        f"<line x1='{x1:.1f}' y1='{y1:.1f}' x2='{x2:.1f}' y2='{y2:.1f}' stroke='#8a4b08'"
        " stroke-width='1.5'/>"
    )


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return (
        f"<text x='{x:.1f}' y='{y:.1f}' font-size='12' text-anchor='{anchor}' fill='#1b1f24'>"
        f"{escape(words)}</text>"
    )


def _svg(marks: Sequence[str], low: float, high: float) -> str:
    axis = [
        f"<line x1='{_LEFT}' y1='{_TOP}' x2='{_LEFT}' y2='{_HEIGHT - _BOTTOM}' stroke='#1b1f24'/>",
        *(
            _text(_LEFT - 6, _y(value, low, high) + 4, f"{value:.3g}", "end")
            for value in (low, (low + high) / 2, high)
        ),
    ]
    return (
        f"<svg viewBox='0 0 {_WIDTH} {_HEIGHT}' width='{_WIDTH}' role='img'>"
        f"{''.join(axis)}{''.join(marks)}</svg>"
    )
