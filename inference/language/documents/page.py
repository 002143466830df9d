"""A page and the words on it."""

from dataclasses import dataclass
from typing import NamedTuple

from PIL import Image

Box = tuple[float, float, float, float]
"""Left, top, right, bottom as parts of the page, from 0 to 1."""


@dataclass(frozen=True)
class Line:
    """One line as it is read: where it lies, and how sure the reader is, from 0 to 1."""

    text: str
    box: Box
    confidence: float


class Word(NamedTuple):
    text: str
    box: Box


@dataclass(frozen=True)
class Page:
    page_number: int
    image: Image.Image
    lines: tuple[Line, ...]
    is_read: bool
    """Whether a reader of images read it; else the document carries its text."""
    words: tuple[Word, ...] = ()
    """As the document carries them; a reader of images gives lines alone."""
    slope: float = 0.0
    """How far lines fall from left to right, in pixels for each pixel, as scans lie askew."""


def around(boxes: list[Box]) -> Box:
    """The smallest box around all of them."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def words_of(page: Page) -> list[tuple[str, Box]]:
    """Each word with its box."""
    if page.words:
        return list(page.words)
    return [word for line in page.lines for word in words_of_line(line.text, line.box)]


def words_of_line(text: str, box: Box) -> list[tuple[str, Box]]:
    """Its words: the width shared out by letters, as OCR gives lines alone."""
    words: list[tuple[str, Box]] = []
    left, top, right, bottom = box
    each = (right - left) / max(len(text), 1)
    position = 0
    for word in text.split():
        position = text.index(word, position)
        start = left + position * each
        position += len(word)
        words.append((word, (start, top, left + position * each, bottom)))
    return words
