"""The words that a page of a PDF carries, each with its box, whatever the page's rotation."""

from collections.abc import Iterable, Iterator
from ctypes import addressof, byref, c_double, c_int
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Letter:
    text: str
    """Empty: the end of a word."""
    box: Box = (0.0, 0.0, 0.0, 0.0)
    """As high as the letters' font."""
    ink: Box = (0.0, 0.0, 0.0, 0.0)
    """Around its outline."""
    drawn_by: int = 0
    """Which text object of the page; 0: none."""


def words_of_pdf_page(page: Any) -> Iterator[tuple[str, Box]]:
    """In the order of the file, whether they are seen or not."""
    return words_of_letters(letters_of_pdf_page(page), shape_of(page))


def letters_of_pdf_page(page: Any) -> Iterator[Letter]:
    """In the order of the file."""
    from pypdfium2 import raw

    text_page = page.get_textpage()
    try:
        for index in range(min(text_page.count_chars(), MOST_CHARACTERS)):
            code = raw.FPDFText_GetUnicode(text_page, index)
            letter = chr(code) if 0 < code < 0x110000 else " "
            letter = "-" if letter == _HYPHEN else letter
            if not letter.isprintable() or letter.isspace():
                yield Letter("")
                continue
            text_object = raw.FPDFText_GetTextObject(text_page, index)
            yield Letter(
                letter,
                _on_page(page, text_page.get_charbox(index, loose=True)),
                _on_page(page, text_page.get_charbox(index)),
                addressof(text_object.contents) if text_object else 0,
            )
    finally:
        text_page.close()


def words_of_letters(letters: Iterable[Letter], shape: float) -> Iterator[tuple[str, Box]]:
    """`shape`: the page's height by its width."""
    word, box = "", (0.0, 0.0, 0.0, 0.0)
    for letter in letters:
        if word and (not letter.text or not _goes_on(box, letter.box, shape)):
            yield word, box
            word = ""
        if letter.text:
            box = _both(box, letter.box) if word else letter.box
            word += letter.text
    if word:
        yield word, box


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
