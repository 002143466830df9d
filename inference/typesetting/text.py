"""Text of a PDF as ReportLab's paragraphs take it, whatever its script.

ReportLab draws the characters of one font from left to right. Here each run of characters gets
a font that has them, Arabic letters their joined forms, and lines that hold text from right to
left are broken first and then put into the order in which they are seen (UAX #9).
"""

import threading
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from itertools import groupby
from xml.sax.saxutils import escape

from inference.typesetting.fonts import FontFile, fonts_for, is_east_asian, reduced
from inference.typesetting.thai import RAISED, with_raised_marks
from storage.core.text.normalization import normalized
from storage.core.text.outside_text import clean_text

_RIGHT_TO_LEFT = frozenset({"R", "AL"})
# ReportLab knows fonts by name, a process over.
_REGISTERED = threading.RLock()


class Typesetter:
    """Marks up text for one document, whose characters are known after a first pass.

    `base_font` is ReportLab's name of the font of the paragraphs, and `has` says which
    characters it has a sign for.
    """

    def __init__(self, base_font: str, has: Callable[[str], bool]) -> None:
        self._base_font = base_font
        self._has = has
        self._seen: set[str] = set()
        self._fonts: dict[str, FontFile] = {}

    @contextmanager
    def loaded(self, character_set: str) -> Iterator[None]:
        """Hold the fonts of what was marked up until now; the text is marked up again within.

        `character_set`, that of the source, tells which language's shapes are meant.
        """
        with _REGISTERED:
            self._fonts = fonts_for("".join(sorted(self._seen)), character_set)
            for font in sorted(set(self._fonts.values()), key=lambda one: one.name):
                shown = "".join(sorted(c for c, one in self._fonts.items() if one == font))
                _register(font, shown)
            yield

    def markup(self, text: str, width_pt: float, size_pt: float) -> str:
        """`text` as the XML of a paragraph that is `width_pt` wide.

        Without characters of control and of direction: the order in which a line is seen is
        that of its letters.
        """
        text = normalized("NFC", clean_text(text, lines=True))
        if all(map(self._is_plain, text)):
            return escape(text)
        shaped = with_raised_marks(_joined(text))
        self._seen.update(c for c in shaped if not self._is_plain(c))
        lines = self._lines(shaped, width_pt, size_pt) if _needs_lines(shaped) else [shaped]
        return "<br/>".join(self._runs(_as_seen(line, shaped)) for line in lines)

    def _is_plain(self, character: str) -> bool:
        return character.isspace() or self._has(character)

    def _runs(self, line: str) -> str:
        parts = []
        for font, characters in groupby(line, self._font_of):
            run = "".join(characters)
            if font is None:
                shown = "".join(c if self._is_plain(c) else _named(c) for c in run)
                parts.append(escape(shown))
            else:
                parts.append(f'<font name="{font.name}">{escape(run)}</font>')
        return "".join(parts)

    def _font_of(self, character: str) -> FontFile | None:
        return None if self._is_plain(character) else self._fonts.get(character)

    def _lines(self, text: str, width_pt: float, size_pt: float) -> list[str]:
        """Broken at blanks, between East Asian characters, and in words that are too long."""
        lines, line, used = [], "", 0.0
        for piece in _pieces(text):
            wide = self._width(piece, size_pt)
            if line and used + self._width(piece.rstrip(), size_pt) > width_pt:
                lines.append(line.rstrip())
                line, used = "", 0.0
            while wide > width_pt:
                count = self._fitting(piece, width_pt, size_pt)
                lines.append(piece[:count])
                piece = piece[count:]  # noqa: PLW2901
                wide = self._width(piece, size_pt)
            line, used = line + piece, used + wide
        return [*lines, line.rstrip()] if line.strip() else lines

    def _fitting(self, word: str, width_pt: float, size_pt: float) -> int:
        """How many characters of a word fill a line; marks stay with their letter."""
        count = 1
        while count < len(word) and self._width(word[: count + 1], size_pt) <= width_pt:
            count += 1
        while count > 1 and count < len(word) and _is_mark(word[count]):
            count -= 1
        return count

    def _width(self, text: str, size_pt: float) -> float:
        from reportlab.pdfbase.pdfmetrics import stringWidth

        width = 0.0
        for font, characters in groupby(text, self._font_of):
            run = "".join(characters)
            width += stringWidth(run, font.name if font else self._base_font, size_pt)
        return width


def _named(character: str) -> str:
    """What no font has, by its number: a question mark in a name could be anybody's."""
    return f"[U+{ord(character):04X}]"


def _needs_lines(text: str) -> bool:
    return any(
        is_east_asian(c) or unicodedata.bidirectional(c) in _RIGHT_TO_LEFT or _is_thai(c)
        for c in text
    )


def _is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("M") or ord(character) in RAISED


def _is_thai(character: str) -> bool:
    return "\u0e00" <= character <= "\u0e7f"


def _joined(text: str) -> str:
    """Arabic letters as the forms that they take beside each other."""
    if not any(unicodedata.bidirectional(c) == "AL" for c in text):
        return text
    from arabic_reshaper import reshape

    return str(reshape(text))


def _as_seen(line: str, paragraph: str) -> str:
    if not any(unicodedata.bidirectional(c) in _RIGHT_TO_LEFT for c in line):
        return line
    # The algorithm in Python, which mirrors brackets; the one in Rust does not.
    from bidi.algorithm import get_base_level, get_display

    return str(get_display(line, base_dir="R" if get_base_level(paragraph) else "L"))


def _pieces(text: str) -> Iterator[str]:
    """Words with the blanks behind them; an East Asian character is one by itself."""
    piece = ""
    for character in text:
        if (
            piece
            and not character.isspace()
            and (piece[-1].isspace() or is_east_asian(character) or is_east_asian(piece[-1]))
        ):
            yield piece
            piece = ""
        piece += character
    if piece:
        yield piece


def _register(font: FontFile, characters: str) -> None:
    from reportlab.pdfbase import pdfmetrics

    from inference.typesetting.embedded_font import EmbeddedFont

    # `registerFont` would keep the font that the document before had under this name.
    pdfmetrics._fonts[font.name] = EmbeddedFont(font.name, BytesIO(reduced(font, characters)))
    pdfmetrics.registerFontFamily(
        font.name, normal=font.name, bold=font.name, italic=font.name, boldItalic=font.name
    )
