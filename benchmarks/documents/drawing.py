"""Documents in the plain notation, as PDF by ReportLab or Matplotlib.

# Title        ## Subtitle
Label:: value          the value beside its label, at the second column
Label^ value | ...     small labels with their values below, in a box for each
| a | b |              one row of a table; rows that follow each other are one table
anything else          running text
"""

import io
from itertools import groupby
from typing import Any

from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen import canvas

from benchmarks.documents.sources import Source

_DEJAVU = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
_FONT = "DejaVuSans"
_HEIGHT_PT = A4[1]
_MARGIN_PT = 60
_WIDTH_PT = A4[0] - 2 * _MARGIN_PT


def drawn(source: Source) -> bytes:
    """The document as PDF."""
    return _by_matplotlib(source) if source.generator == "matplotlib" else _by_reportlab(source)


def _kind(line: str) -> str:
    if line.startswith("#"):
        return "title"
    if line.startswith("|"):
        return "row"
    if "::" in line:
        return "field"
    return "box" if "^" in line else "text"


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _by_reportlab(source: Source) -> bytes:
    pdfmetrics.registerFont(TTFont(_FONT, _DEJAVU))
    target = io.BytesIO()
    # Without `invariant`, each PDF has its own time and identifier.
    page = canvas.Canvas(target, pagesize=A4, invariant=True)
    top = 70.0

    def write(left: float, down: float, text: str, size: float = 10) -> None:
        page.setFont(_FONT, size)
        page.drawString(left, _HEIGHT_PT - down, text)

    for line in source.content.splitlines():
        kind = _kind(line)
        if kind == "title":
            write(_MARGIN_PT, top, line.lstrip("# "), 14 if line.startswith("# ") else 11.5)
            top += 28
        elif kind == "field":
            label, _, value = line.partition("::")
            write(source.columns[0], top, label.strip())
            write(source.columns[1], top, value.strip())
            top += 19
        elif kind == "box":
            each = _WIDTH_PT / len(_cells(line))
            for index, cell in enumerate(_cells(line)):
                label, _, value = cell.partition("^")
                left = _MARGIN_PT + index * each
                page.rect(left, _HEIGHT_PT - top - 22, each, 34)
                write(left + 4, top + 1, label.strip(), 7)
                write(left + 4, top + 16, value.strip(), 10.5)
            top += 34
        elif kind == "row":
            cells = _cells(line)
            for index, cell in enumerate(cells):
                write(_MARGIN_PT + index * _WIDTH_PT / len(cells), top, cell, 9.5)
            page.line(_MARGIN_PT, _HEIGHT_PT - top - 5, A4[0] - _MARGIN_PT, _HEIGHT_PT - top - 5)
            top += 20
        else:
            write(_MARGIN_PT, top, line)
            top += 15
    page.save()
    return target.getvalue()


def _by_matplotlib(source: Source) -> bytes:
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure = pyplot.figure(figsize=(8.27, 11.69))
    axes = figure.add_axes((0.08, 0.05, 0.84, 0.9))
    axes.axis("off")
    top = 1.0
    for kind, lines in groupby(source.content.splitlines(), _kind):
        some = list(lines)
        if kind == "row":
            top = _table(axes, [_cells(line) for line in some], top)
            continue
        for line in some:
            label, _, value = line.partition("::")
            size = 14 if kind == "title" else 10
            axes.text(0, top, label.lstrip("# ").strip(), fontsize=size, va="top")
            axes.text(0.36, top, value.strip(), fontsize=size, va="top")
            top -= 0.05 if kind == "title" else 0.03
    target = io.BytesIO()
    figure.savefig(target, format="pdf")
    pyplot.close(figure)
    return target.getvalue()


def _table(axes: Any, rows: list[list[str]], top: float) -> float:
    """Draws it from `top` of the axes on, and returns where it ends."""
    height = 0.035 * len(rows)
    table = axes.table(
        cellText=rows, loc="top", cellLoc="center", bbox=(0, top - height, 1, height)
    )
    table.auto_set_font_size(False)
    table.set_fontsize(10)
    return top - height - 0.03
