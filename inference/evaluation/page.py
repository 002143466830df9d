"""What reports of evaluations are made of: tables, and marks of plots as SVG."""

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from inference.evaluation.evaluation_run import EvaluationRun, Failed
from inference.models.card import GateThreshold

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 640, 260, 60, 40, 16
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;
color:#1b1f24}
table{border-collapse:collapse;margin:.5rem 0 1.5rem}td,th{padding:.25rem .75rem;text-align:right;
border-bottom:1px solid #d5dae0}td:first-child,th:first-child{text-align:left}
.no{color:#a40000;font-weight:600}.yes{color:#0a5c2b}svg{max-width:100%;height:auto}
"""


def page(title: str, parts: Sequence[str]) -> str:
    """One HTML file that needs nothing else."""
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'>"
        f"<title>{escape(title)}</title><style>{_STYLE}</style>"
        f"<body>{''.join(parts)}</body></html>"
    )


def report(
    run: EvaluationRun,
    summary: Mapping[str, Any],
    gate: Sequence[GateThreshold],
    headings: Mapping[str, str],
    by: str,
    rows: Mapping[str, Mapping[str, float]],
    details: Sequence[str] = (),
    of_group: Callable[[str], Sequence[str]] = lambda _kind: (),
) -> str:
    """The whole file: gate, metrics `by` what they are of, `details`, subgroups with what
    `of_group` adds to a kind of them, and what failed."""
    parts = [
        heading(run),
        gate_table(summary["metrics"], gate),
        f"<h2>By {by}</h2>",
        table(headings, by.capitalize(), rows),
        *details,
    ]
    for kind, groups in summary["subgroups"].items():
        parts += [f"<h2>By {escape(kind)}</h2>", table(headings, kind.capitalize(), groups)]
        parts += of_group(kind)
    parts.append(failed_table(run.failed))
    return page(f"Evaluation of {run.pipeline}", parts)


def heading(run: EvaluationRun) -> str:
    return (
        f"<h1>{escape(run.pipeline)} {escape(run.pipeline_version)}</h1>"
        f"<p>Model {escape(run.model)} {escape(run.model_version)}"
        f" ({escape(run.model_digest[:12] or 'no weights')}), evaluated"
        f" {run.evaluated_at:%Y-%m-%d %H:%M} UTC on {run.cases} cases, of which"
        f" {len(run.failed)} failed. Research use only.</p>"
    )


def failed_table(failed: Sequence[Failed]) -> str:
    """Case and reason; nothing where none failed."""
    if not failed:
        return ""
    rows = "".join(
        f"<tr><td>{escape(one.case)}</td><td style='text-align:left'>{escape(one.reason)}</td></tr>"
        for one in failed
    )
    head = "<tr><th>Case</th><th style='text-align:left'>Why</th></tr>"
    return f"<h2>Failed</h2><table>{head}{rows}</table>"


def gate_table(metrics: dict[str, float], gate: Sequence[GateThreshold]) -> str:
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


def table(headings: Mapping[str, str], first: str, rows: Mapping[str, Mapping[str, float]]) -> str:
    known = [name for name in headings if any(name in row for row in rows.values())]
    head = "".join(f"<th>{escape(headings[name])}</th>" for name in known)
    body = "".join(
        f"<tr><td>{escape(label)}</td>"
        + "".join(f"<td>{_number(row.get(name, math.nan))}</td>" for name in known)
        + "</tr>"
        for label, row in rows.items()
    )
    return f"<table><tr><th>{escape(first)}</th>{head}</tr>{body}</table>"


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.4g}"


def y_of(value: float, low: float, high: float) -> float:
    share = (value - low) / (high - low)
    return HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)


def dot(x: float, y: float, title: str) -> str:
    return (
        f"<circle cx='{x:.1f}' cy='{y:.1f}' r='4' fill='#2c6fbb' fill-opacity='.7'>"
        f"<title>{escape(title)}</title></circle>"
    )


def line(x1: float, y1: float, x2: float, y2: float) -> str:
    return (
        f"<line x1='{x1:.1f}' y1='{y1:.1f}' x2='{x2:.1f}' y2='{y2:.1f}' stroke='#8a4b08'"
        " stroke-width='1.5'/>"
    )


def text(x: float, y: float, words: str, anchor: str) -> str:
    return (
        f"<text x='{x:.1f}' y='{y:.1f}' font-size='12' text-anchor='{anchor}' fill='#1b1f24'>"
        f"{escape(words)}</text>"
    )


def svg(marks: Sequence[str], low: float, high: float) -> str:
    axis = [
        f"<line x1='{LEFT}' y1='{TOP}' x2='{LEFT}' y2='{HEIGHT - BOTTOM}' stroke='#1b1f24'/>",
        *(
            text(LEFT - 6, y_of(value, low, high) + 4, f"{value:.3g}", "end")
            for value in (low, (low + high) / 2, high)
        ),
    ]
    return (
        f"<svg viewBox='0 0 {WIDTH} {HEIGHT}' width='{WIDTH}' role='img'>"
        f"{''.join(axis)}{''.join(marks)}</svg>"
    )


def difference_plot(compared: Sequence[tuple[str, float, float]], unit: str) -> str:
    """Of names, found and true: differences over means, with bias and limits of agreement
    (1.96 SD; Bland and Altman)."""
    pairs = [(found, true) for _, found, true in compared]
    means = [(found + true) / 2 for found, true in pairs]
    differences = [found - true for found, true in pairs]
    bias = sum(differences) / len(differences)
    spread = 0.0
    if len(differences) > 1:
        spread = math.sqrt(sum((d - bias) ** 2 for d in differences) / (len(differences) - 1))
    limits = (bias - 1.96 * spread, bias, bias + 1.96 * spread)
    edge = max([abs(value) for value in (*differences, *limits)] + [1e-9]) * 1.1
    least, most = min([0.0, *means]), max([0.0, *means]) * 1.05
    span = most - least or 1.0
    marks = [
        dot(
            LEFT + (WIDTH - LEFT) * (mean - least) / span,
            y_of(difference, -edge, edge),
            f"{name}: {difference:+.3g} {unit}",
        )
        for (name, _, _), mean, difference in zip(compared, means, differences, strict=True)
    ]
    for value in limits:
        height = y_of(value, -edge, edge)
        marks += [
            line(LEFT, height, WIDTH, height),
            text(WIDTH - 4, height - 4, f"{value:+.3g} {unit}", "end"),
        ]
    marks.append(text(LEFT + 6, TOP + 4, f"found less true, {unit}", "start"))
    marks.append(
        text(WIDTH - 4, HEIGHT - 12, f"mean of both, {least:.3g} to {most:.3g} {unit}", "end")
    )
    return svg(marks, -edge, edge)


def dice_plot(values: Sequence[tuple[str, str, float]]) -> str:
    """A dot for each of them above the name of its group, a line at the mean; `values`: title,
    group and Dice. The axis begins at the tenth below the lowest value."""
    names = sorted({group for _, group, _ in values})
    step = (WIDTH - LEFT) / len(names)
    low = min(math.floor(min(dice for _, _, dice in values) * 10) / 10, 0.9)
    marks = [text(LEFT + 6, TOP + 4, "Dice", "start")]
    for number, name in enumerate(names):
        members = [(title, dice) for title, group, dice in values if group == name]
        middle = LEFT + (number + 0.5) * step
        for position, (title, dice) in enumerate(members):
            spread = (position / max(1, len(members) - 1) - 0.5) * step * 0.5
            marks.append(dot(middle + spread, y_of(dice, low, 1.0), f"{title}: {dice:.3f}"))
        mean = y_of(sum(dice for _, dice in members) / len(members), low, 1.0)
        marks.append(line(middle - step * 0.3, mean, middle + step * 0.3, mean))
        marks.append(text(middle, HEIGHT - 12, name, "middle"))
    return svg(marks, low, 1.0)
