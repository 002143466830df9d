"""Text of a PDF that lies above a picture, as OCR of a scanner or an archive puts it there.

Nobody sees such text; the picture below it is what people read. So each line counts as far as this
node's own OCR reads the same in the picture; elsewhere, what it reads counts.
"""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass

from inference.language.documents.page import Line, Word, around, words_of_line
from storage.core.text.normalization import normalized

# Letters that are confused in print, as one.
_ALIKE = str.maketrans({"1": "l", "i": "l", "|": "l", "0": "o", "ı": "l"})


@dataclass(frozen=True)
class Compared:
    lines: tuple[Line, ...]
    words: tuple[Word, ...]
    left_out: int
    """Words of the layer, where the picture reads otherwise."""


def is_ocr_installed() -> bool:
    return importlib.util.find_spec("rapidocr") is not None


def compared(own: Sequence[Word], layer: Sequence[Word], read: Sequence[Line]) -> Compared:
    """Lines of the picture. `own`: words that are drawn as text, which OCR has read as well."""
    lines: list[Line] = []
    words: list[Word] = []
    confirmed: set[int] = set()
    for line in read:
        if any(_is_in(word, line) for word in own):
            continue
        numbers = [number for number, word in enumerate(layer) if _is_in(word, line)]
        some = sorted((layer[number] for number in numbers), key=lambda one: one.box[0])
        text = " ".join(word.text for word in some)
        if some and _folded(text) == _folded(line.text):
            confirmed.update(numbers)
            words += some
            lines.append(Line(text, around([word.box for word in some]), 1.0))
        else:
            words += [Word(*one) for one in words_of_line(line.text, line.box)]
            lines.append(line)
    return Compared(tuple(lines), tuple(words), len(layer) - len(confirmed))


def _is_in(word: Word, line: Line) -> bool:
    left, top, right, bottom = word.box
    across, down = (left + right) / 2, (top + bottom) / 2
    return line.box[0] <= across <= line.box[2] and line.box[1] <= down <= line.box[3]


def _folded(text: str) -> str:
    """Letters and digits alone, without accents: OCR loses spaces, points and marks."""
    letters = (one for one in normalized("NFKD", text.casefold()) if one.isalnum())
    return "".join(letters).translate(_ALIKE)
