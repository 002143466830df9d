"""What somebody holds to be true of each image: a table of boxes.

`boxes.csv`: the columns `image` (its SOP Instance UID), `label`, `x0`, `y0`, `x1`, `y1` in stored
pixels, and `frame` of multi-frame images.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from inference.evaluation.images.image_table import (
    FrameKey,
    Stated,
    TableForm,
    read_image_table,
    refuse,
    shown,
)

_CORNERS = ("x0", "y0", "x1", "y1")
BOXES = TableForm("boxes.csv", _CORNERS, "box")

Box = tuple[float, float, float, float]
"""Left, top, right, bottom: 0, 0 is the upper left corner of the upper left stored pixel."""


@dataclass(frozen=True)
class TrueBoxes:
    """Of one image or frame; none where there is nothing in it."""

    labels: list[str] = field(default_factory=list)
    corners: list[Box] = field(default_factory=list)


def read_box_reference(folder: Path, known: Collection[str]) -> dict[FrameKey, TrueBoxes]:
    """`known`: the labels of the model. Raises InvalidRequest naming row, value and remedy."""
    return {
        key: TrueBoxes([one.label for one in lines], [_box(one) for one in lines])
        for key, lines in read_image_table(folder, BOXES, known).items()
    }


def _box(line: Stated) -> Box:
    x0, y0, x1, y1 = (_corner(line.where, name, line.values[name]) for name in _CORNERS)
    for low, high, first, last, edge, noun in (
        (x0, x1, "x0", "x1", line.columns, "columns"),
        (y0, y1, "y0", "y1", line.rows, "rows"),
    ):
        if low >= high:
            refuse(
                f"{line.where} has {low:g} for {first} and {high:g} for {last}",
                "Write left and top first, then right and bottom, which are greater.",
            )
        if low < 0 or high > edge:
            beyond = f"{low:g} for {first}" if low < 0 else f"{high:g} for {last}"
            refuse(
                f"{line.where} has {beyond}, and the image {edge} {noun}",
                "Write pixels as they are stored, not as they are displayed, turned or resized.",
            )
    return x0, y0, x1, y1


def _corner(where: str, name: str, word: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    # Python reads 1_5 as 15.
    if not math.isfinite(value) or "_" in word:
        refuse(
            f'{where} has "{shown(word)}" for {name}',
            "Write a number of stored pixels with a decimal point.",
        )
    return value
