"""A page and the words on it."""

from dataclasses import dataclass

from PIL import Image

Box = tuple[float, float, float, float]
"""Left, top, right, bottom as parts of the page, from 0 to 1."""


@dataclass(frozen=True)
class Line:
    """One line as it is read: where it lies, and how sure the reader is, from 0 to 1."""

    text: str
    box: Box
    confidence: float


@dataclass(frozen=True)
class Page:
    page_number: int
    image: Image.Image
    lines: tuple[Line, ...]
    is_read: bool
    """Whether a reader of images read it; else the document carries its text."""


def around(boxes: list[Box]) -> Box:
    """The smallest box around all of them."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def words_of(page: Page) -> list[tuple[str, Box]]:
    """Each word with its box: a line's width shared out by letters, as OCR gives lines alone."""
    words: list[tuple[str, Box]] = []
    for line in page.lines:
        left, top, right, bottom = line.box
        each = (right - left) / max(len(line.text), 1)
        position = 0
        for word in line.text.split():
            position = line.text.index(word, position)
            start = left + position * each
            position += len(word)
            words.append((word, (start, top, left + position * each, bottom)))
    return words
