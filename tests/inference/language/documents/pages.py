"""Pages with words at their places, and the first answer that their layout gives."""

from collections.abc import Sequence

from PIL import Image

from inference.language.documents.page import Box, Line, Page, Word
from inference.language.documents.pairing.asking import read_asked
from inference.language.documents.pairing.look_up import look_up
from inference.language.documents.pairing.page_layout import laid_out

_WIDTH_PT, _HEIGHT_PT = 595, 842
_LETTER_PT = 5.6
"""Of letters of ten points."""

Text = tuple[float, float, str]
"""Points from the left and from the top, and what stands there."""


def page_of(texts: Sequence[Text], size: float = 10) -> Page:
    """As a PDF carries it: word by word."""
    image = Image.new("L", (_WIDTH_PT, _HEIGHT_PT))
    words: list[Word] = []
    for left, top, text in texts:
        at = left
        for word in text.split():
            right = at + len(word) * _LETTER_PT * size / 10
            words.append(Word(word, _box(at, top, right, top + size)))
            at = right + 3
    lines = tuple(Line(word.text, word.box, 1.0) for word in words)
    return Page(1, image, lines, is_read=False, words=tuple(words))


def scan_of(texts: Sequence[tuple[float, float, float, str]]) -> Page:
    """As OCR gives it: line by line, each with its height."""
    image = Image.new("L", (_WIDTH_PT, _HEIGHT_PT))
    lines = tuple(
        Line(text, _box(left, top, left + len(text) * 0.5 * height, top + height), 0.98)
        for left, top, height, text in texts
    )
    return Page(1, image, lines, is_read=True)


def _box(left: float, top: float, right: float, bottom: float) -> Box:
    return left / _WIDTH_PT, top / _HEIGHT_PT, right / _WIDTH_PT, bottom / _HEIGHT_PT


def table(top: float, lefts: Sequence[float], *rows: Sequence[str]) -> list[Text]:
    return [
        (left, top + 18 * index, text)
        for index, row in enumerate(rows)
        for left, text in zip(lefts, row, strict=True)
        if text
    ]


def first(page: Page, question: str) -> str:
    found = look_up(read_asked(question), [laid_out(page)]).passages
    return found[0].text if found else ""
