"""Boxes to tick on a scanned page, found by their outline: OCR leaves most of them out."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from inference.language.documents.page import Box, Line
from inference.language.documents.pairing.layout import GLUED

EMPTY, TICKED = "☐", "☒"
_SIGNS = frozenset("☐☒☑□◻口囗■✓✔⊠区図图凶冈网囚因困囟")
# Parts of the height of the page's lines.
_LEAST_SIDE, _MOST_SIDE = 0.4, 1.6
_MOST_OBLONG = 1.33
# Of the grey of the paper around it.
_DARK = 0.72
_PAPER_PIXELS = 61
# A side is drawn along so much of its length, and corners are drawn, too.
_LEAST_SIDE_DRAWN, _LEAST_CORNER_DRAWN = 0.9, 0.25
_BORDER, _INNER = 0.18, 0.28
_LEAST_TICK = 0.1
# Boxes of one form are of one size.
_ALIKE = 0.25


def boxes_on(image: Image.Image, lines: Sequence[Line]) -> list[tuple[bool, Box]]:
    """Each with whether it is ticked; none where none is empty, as letters have outlines, too."""
    if not lines:
        return []
    grey = np.asarray(image.convert("L")).astype(np.float32)
    height, width = grey.shape
    heights = sorted((line.box[3] - line.box[1]) * height for line in lines)
    paper = ndimage.uniform_filter(ndimage.maximum_filter(grey, 9), _PAPER_PIXELS)
    found = list(_outlined(grey < paper * _DARK, heights[len(heights) // 2]))
    sizes = [one.stop - one.start for is_ticked, (_, one) in found if not is_ticked]
    return [
        (
            is_ticked,
            (
                across.start / width,
                down.start / height,
                across.stop / width,
                down.stop / height,
            ),
        )
        for is_ticked, (down, across) in found
        if any(abs(across.stop - across.start - size) <= _ALIKE * size for size in sizes)
    ]


def _outlined(
    dark: NDArray[np.bool_], line_height: float
) -> Iterator[tuple[bool, tuple[slice, slice]]]:
    labels, _ = ndimage.label(dark, np.ones((3, 3)))
    for number, (down, across) in enumerate(ndimage.find_objects(labels), start=1):
        sides = down.stop - down.start, across.stop - across.start
        if not (
            _LEAST_SIDE * line_height < min(sides)
            and max(sides) < _MOST_SIDE * line_height
            and max(sides) < _MOST_OBLONG * min(sides)
        ):
            continue
        drawn = labels[down, across] == number
        if _is_outline(drawn):
            rows, columns = (round(_INNER * side) for side in sides)
            inner = dark[down, across][rows : sides[0] - rows, columns : sides[1] - columns]
            yield bool(inner.mean() > _LEAST_TICK), (down, across)


def _is_outline(drawn: NDArray[np.bool_]) -> bool:
    border = max(2, round(_BORDER * min(drawn.shape)))
    near, far = slice(None, border), slice(-border, None)
    sides = (drawn[near].any(0), drawn[far].any(0), drawn[:, near].any(1), drawn[:, far].any(1))
    corners = (drawn[one, other] for one in (near, far) for other in (near, far))
    return all(side.mean() >= _LEAST_SIDE_DRAWN for side in sides) and all(
        corner.mean() >= _LEAST_CORNER_DRAWN for corner in corners
    )


def with_boxes(lines: Sequence[Line], boxes: Sequence[tuple[bool, Box]]) -> list[Line]:
    """The lines as OCR reads them, cut at the boxes, and each box as a line of its own."""
    if not boxes:
        return list(lines)
    letters = sorted(
        (line.box[2] - line.box[0]) / len(line.text) for line in lines if len(line.text) > 1
    )
    letter = letters[len(letters) // 2] if letters else 0.01
    found = [Line(TICKED if is_ticked else EMPTY, box, 1.0) for is_ticked, box in boxes]
    for line in lines:
        inside = sorted(box for _, box in boxes if _is_on(box, line.box))
        found += _cut(line, inside, letter) if inside else [line]
    return found


def _is_on(box: Box, line: Box) -> bool:
    middle = (box[1] + box[3]) / 2
    return line[1] < middle < line[3] and box[0] < line[2] and box[2] > line[0]


def _cut(line: Line, boxes: Sequence[Box], letter: float) -> Iterator[Line]:
    """Its words between the boxes: as many as have room before the next box."""
    text = "".join(" " if sign in _SIGNS else sign for sign in line.text)
    words = GLUED.sub(" ", text).split()
    left, top, right, bottom = line.box
    starts = [left, *(box[2] for box in boxes)]
    ends = [*(box[0] for box in boxes), right]
    rooms = [(start, end) for start, end in zip(starts, ends, strict=True)]
    for number, (start, end) in enumerate(rooms):
        some: list[str] = []
        last = number + 1 == len(rooms)
        while words and (last or start + letter * len(" ".join([*some, words[0]])) < end + letter):
            some.append(words.pop(0))
        if some:
            text = " ".join(some)
            stop = right if last else min(end, start + letter * len(text))
            yield replace(line, text=text, box=(start, top, max(stop, start), bottom))
