"""A page and the words on it."""

from collections.abc import Sequence
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
    lines_in_pictures: tuple[Line, ...] = ()
    """Of the lines of a page that carries text, those that a reader of images read."""
    slope: float = 0.0
    """How far lines fall from left to right, in pixels for each pixel, as scans lie askew."""
    hidden_words: int = 0
    """Of the document's text, those that are not seen on the page: not among `words`."""
    layer_words_left_out: int = 0
    """Those that lie above a picture in which OCR reads something else."""
    is_layer_unchecked: bool = False
    """Whether there are words above a picture that OCR could not compare with it."""


def notes_on(pages: Sequence[Page]) -> list[str]:
    """What of the documents' text was left out, for those who read an answer."""
    notes = []
    if hidden := sum(page.hidden_words for page in pages):
        notes.append(
            f"{hidden} words of the text layer are not visible on the pages and were left out."
            if hidden > 1
            else "1 word of the text layer is not visible on the page and was left out."
        )
    if other := sum(page.layer_words_left_out for page in pages):
        notes.append(
            f"Of the text layer above a picture, {other} {'words' if other > 1 else 'word'} did not"
            " agree with what OCR reads there and were left out; what OCR reads counts."
        )
    if any(page.is_layer_unchecked for page in pages):
        notes.append(
            "The text layer lies above a picture and was not compared with it, since OCR is not"
            " installed."
        )
    return notes


def around(boxes: list[Box]) -> Box:
    """The smallest box around all of them."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def words_of(page: Page) -> list[tuple[str, Box]]:
    """Each word with its box."""
    lines = page.lines_in_pictures if page.words else page.lines
    return [
        *page.words,
        *(word for line in lines for word in words_of_line(line.text, line.box)),
    ]


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
