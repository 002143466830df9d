"""Words that are written one letter at a time: below one another, or far apart.

OCR reads each letter as a line of its own, which says nothing by itself.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import median

from inference.language.documents.page import Box, Line, around

_FEWEST_LETTERS = 3
_FARTHEST = 8.0
"""Heights of a letter between one and the next."""
_SIDEWAYS = 0.6
"""Heights by which a letter may stand beside the line on which the others are."""
_LIKE = 1.7
"""By how much the height of a letter may differ from that of the one before."""


def spelled_out(
    lines: Sequence[Line], shape: tuple[int, int], counts: Callable[[Line, float], bool]
) -> list[Box]:
    """Where such words stand, from the first letter to the last, of those that count as lines do.

    `shape`: height and width of the image in pixels.
    """
    letters = [one for one in lines if any(map(str.isalnum, one.text))]
    found = []
    for along in (0, 1):
        ordered = sorted(letters, key=lambda one: one.box[along])
        is_taken = [False] * len(ordered)
        for start in range(len(ordered)):
            if is_taken[start]:
                continue
            chain = _chain(ordered, start, is_taken, along, shape)
            text = "".join(ordered[at].text.strip() for at in chain)
            if len(chain) < 2 or sum(map(str.isalnum, text)) < _FEWEST_LETTERS:
                continue
            for at in chain:
                is_taken[at] = True
            box = around([ordered[at].box for at in chain])
            confidence = median(ordered[at].confidence for at in chain)
            height = max(_height(ordered[at], shape) for at in chain)
            if not _is_scale(text) and counts(Line(text, box, confidence), height / max(shape)):
                found.append(box)
    return found


def _chain(
    ordered: Sequence[Line], start: int, is_taken: list[bool], along: int, shape: tuple[int, int]
) -> list[int]:
    """Indexes of the letters that follow one another on one line; 0: from left to right."""
    chain = [start]
    for at in range(start + 1, len(ordered)):
        if not is_taken[at] and _follows(ordered[chain[-1]], ordered[at], along, shape):
            chain.append(at)
    return chain


def _follows(one: Line, other: Line, along: int, shape: tuple[int, int]) -> bool:
    height, next_height = _height(one, shape), _height(other, shape)
    if not height or not 1 / _LIKE <= next_height / height <= _LIKE:
        return False
    across = 1 - along
    side, length = shape[0 if across else 1], shape[1 - along]
    sideways = abs(_middle(one, across) - _middle(other, across)) * side
    gap = (other.box[along] - one.box[along + 2]) * length
    return sideways <= _SIDEWAYS * height and -0.5 * height <= gap <= _FARTHEST * height


def _middle(line: Line, axis: int) -> float:
    return (line.box[axis] + line.box[axis + 2]) / 2


def _height(line: Line, shape: tuple[int, int]) -> float:
    return (line.box[3] - line.box[1]) * shape[0]


def _is_scale(text: str) -> bool:
    """Digits by even steps, as beside a ruler."""
    if not text.isdecimal():
        return False
    steps = {int(after) - int(before) for before, after in pairwise(text)}
    return len(steps) == 1
