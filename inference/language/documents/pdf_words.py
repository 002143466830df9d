"""The words that a page of a PDF carries, each with its box, whatever the page's rotation."""

from collections.abc import Iterable, Iterator
from ctypes import byref, c_double, c_int
from typing import Any

from inference.language.documents.page import Box

MOST_CHARACTERS = 60_000
"""Of one page; a page of a book has 3,000."""
_GRID = 1_000_000
# Parts of a letter's height: letters farther apart than this are of two words.
_GAP = 0.35
# And farther than this, of two lines.
_LINE_GAP = 1.5
# What stands for a hyphen that PDFium takes for one at a line's end.
_HYPHEN = "\x02"


def words_of_pdf_page(page: Any) -> Iterator[tuple[str, Box]]:
    """In the order of the file; boxes are as high as the letters' font."""
    from pypdfium2 import raw

    shape = shape_of(page)
    text_page = page.get_textpage()
    try:
        word, box = "", (0.0, 0.0, 0.0, 0.0)
        for index in range(min(text_page.count_chars(), MOST_CHARACTERS)):
            code = raw.FPDFText_GetUnicode(text_page, index)
            letter = chr(code) if 0 < code < 0x110000 else " "
            letter = "-" if letter == _HYPHEN else letter
            if not letter.isprintable() or letter.isspace():
                if word:
                    yield word, box
                word = ""
                continue
            its = _on_page(page, text_page.get_charbox(index, loose=True))
            if word and not _goes_on(box, its, shape):
                yield word, box
                word = ""
            box = _both(box, its) if word else its
            word += letter
        if word:
            yield word, box
    finally:
        text_page.close()


def shape_of(page: Any) -> float:
    """Its height as a part of its width."""
    width, height = page.get_size()
    return float(height) / max(float(width), 1.0)


def lines_of_words(words: Iterable[tuple[str, Box]], shape: float) -> Iterator[tuple[str, Box]]:
    """Words that follow each other in the file and stand beside each other."""
    line: list[str] = []
    box = last = (0.0, 0.0, 0.0, 0.0)
    for text, its in words:
        if line and not _goes_on(last, its, shape, _LINE_GAP):
            yield " ".join(line), box
            line = []
        box = _both(box, its) if line else its
        line.append(text)
        last = its
    if line:
        yield " ".join(line), box


def _on_page(page: Any, corners: tuple[float, float, float, float]) -> Box:
    from pypdfium2 import raw

    xs, ys = [], []
    for x, y in (corners[:2], corners[2:]):
        column, row = c_int(), c_int()
        raw.FPDF_PageToDevice(
            page, 0, 0, _GRID, _GRID, 0, c_double(x), c_double(y), byref(column), byref(row)
        )
        xs.append(column.value / _GRID)
        ys.append(row.value / _GRID)
    return min(xs), min(ys), max(xs), max(ys)


def _goes_on(word: Box, letter: Box, shape: float, gap: float = _GAP) -> bool:
    """Whether the letter stands behind the word, on its line. `shape`: a page's height by width."""
    height = max(word[3] - word[1], letter[3] - letter[1], 1e-6) * shape
    middle = (letter[1] + letter[3]) / 2
    return word[1] <= middle <= word[3] and -height < letter[0] - word[2] < gap * height


def _both(one: Box, other: Box) -> Box:
    return (
        min(one[0], other[0]),
        min(one[1], other[1]),
        max(one[2], other[2]),
        max(one[3], other[3]),
    )
