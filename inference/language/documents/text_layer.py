"""Text of a PDF that lies above a picture, as OCR of a scanner or an archive puts it there.

Nobody sees such text; the picture below it is what people read. So each line counts as far as this
node's own OCR reads the same in the picture; elsewhere, what it reads counts.
"""

import importlib.util
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from inference.language.documents.page import Line, Word, around
from storage.core.text.lookalikes import skeleton
from storage.core.text.normalization import normalized

# Of punctuation, what changes what is stated.
_COUNTING = frozenset("%‰?")
# Of symbols, those that OCR loses and nothing hangs on.
_LOST = frozenset("°®©")
_OF_NUMBER = re.compile(r"(?<=\d)[^\w\s](?=\d)|(?<![^\s<>=~+-])[.,](?=\d)")
_BETWEEN_NUMBERS = re.compile(r"(?<=\d) (?=\d)")
_HYPHEN = re.compile(r"(?<=[^\W\d_])-(?=[^\W\d_])")
_FRACTION = re.compile(r"(?<=\d)(?=[¼½¾⅓⅔⅛])")
_DIGITS = re.compile(r"(\d+)")
_OTHER_SIGNS = str.maketrans({"\N{MINUS SIGN}": "-", "\N{FRACTION SLASH}": "/"})
# Shorter words stand in others by chance.
_LEAST_PART = 3
# A stamp across several lines is no word of one of them.
_MOST_HEIGHTS = 2


@dataclass(frozen=True)
class Compared:
    lines: tuple[Line, ...]
    left_out: int
    """Words of the layer, where the picture reads otherwise."""


def is_ocr_installed() -> bool:
    return importlib.util.find_spec("rapidocr") is not None


def compared(own: Sequence[Word], layer: Sequence[Word], read: Sequence[Line]) -> Compared:
    """Lines of the picture. `own`: words that are drawn as text, which OCR has read as well: they
    are left out of its lines."""
    lines: list[Line] = []
    confirmed: set[int] = set()
    for line in read:
        drawn = [word for word in own if _is_in(word, line)]
        numbers = [number for number, word in enumerate(layer) if _is_in(word, line)]
        some = _from_left([layer[number] for number in numbers])
        rest = list(_without(line, drawn)) if drawn else [line]
        both = _from_left([*drawn, *some])
        if some and (
            is_read_alike(_text(both), line.text)
            or is_read_alike(_text(some), " ".join(one.text for one in rest))
        ):
            confirmed.update(numbers)
            lines += _runs(some, both)
        else:
            lines += rest
    return Compared(tuple(lines), len(layer) - len(confirmed))


def is_read_alike(one: str, other: str) -> bool:
    """Whether OCR may read one where the other stands: it loses spaces, marks and accents.

    Numbers, their signs and separators, and symbols such as ticks count.
    """
    return _as_read(one) == _as_read(other)


def _as_read(text: str) -> str:
    apart = _FRACTION.sub(" ", text)
    words = normalized("NFKD", apart).translate(_OTHER_SIGNS).split()
    plain = " ".join(map(_skeleton_beside_numbers, words))
    kept = {found.start() for found in _OF_NUMBER.finditer(plain)}
    kept |= {found.start() for found in _BETWEEN_NUMBERS.finditer(plain)}
    hyphens = {found.start() for found in _HYPHEN.finditer(plain)}
    return "".join(
        one for at, one in enumerate(plain) if at in kept or (at not in hyphens and _counts(one))
    )


def _skeleton_beside_numbers(word: str) -> str:
    """Numbers stay what they are: "5l" is not 51. A 1 or a 0 among letters is one of them."""
    parts = _DIGITS.split(word)
    for at, part in enumerate(parts):
        beside = parts[max(at - 1, 0)][-1:] + "".join(parts[at + 1 : at + 2])[:1]
        is_letter = part in ("0", "1") and any(one.isalpha() for one in beside)
        if at % 2 == 0 or is_letter:
            parts[at] = skeleton(part)
    return "".join(parts)


def _counts(one: str) -> bool:
    if one.isalnum() or one in _COUNTING or one == "-":
        return True
    return unicodedata.category(one).startswith("S") and one not in _LOST


def _is_in(word: Word, line: Line) -> bool:
    left, top, right, bottom = word.box
    across, down = (left + right) / 2, (top + bottom) / 2
    height = line.box[3] - line.box[1]
    return (
        line.box[0] <= across <= line.box[2]
        and line.box[1] <= down <= line.box[3]
        and bottom - top <= _MOST_HEIGHTS * height
    )


def _from_left(words: Sequence[Word]) -> list[Word]:
    return sorted(words, key=lambda one: one.box[0])


def _text(words: Sequence[Word]) -> str:
    return " ".join(word.text for word in words)


def _runs(some: Sequence[Word], both: Sequence[Word]) -> Iterator[Line]:
    """Words that follow each other, without others between them, as lines."""
    run: list[Word] = []
    for word in both:
        if any(word is one for one in some):
            run.append(word)
        elif run:
            yield Line(_text(run), around([one.box for one in run]), 1.0)
            run = []
    if run:
        yield Line(_text(run), around([one.box for one in run]), 1.0)


def _without(line: Line, drawn: Sequence[Word]) -> Iterator[Line]:
    """What OCR reads beside the drawn words: theirs are found by their text, else by their place.

    OCR gives lines alone, often without spaces: "Surname:Okonkwo".
    """
    text = line.text
    each = (line.box[2] - line.box[0]) / max(len(text), 1)
    is_drawn = [False] * len(text)
    for word in drawn:
        middle = (word.box[0] + word.box[2]) / 2
        near = min(
            _places_of(word.text, text),
            key=lambda span: abs(line.box[0] + each * (span[0] + span[1]) / 2 - middle),
            default=None,
        )
        if near is not None:
            is_drawn[slice(*near)] = [True] * (near[1] - near[0])
            continue
        for found in re.finditer(r"\S+", text):
            if word.box[0] <= line.box[0] + each * sum(found.span()) / 2 <= word.box[2]:
                is_drawn[slice(*found.span())] = [True] * len(found.group())
    seen = "".join("\n" if gone else one for one, gone in zip(text, is_drawn, strict=True))
    for found in re.finditer(r"[^\n]+", seen):
        bare = found.group().strip()
        if any(one.isalnum() for one in bare):
            start = found.start() + found.group().index(bare)
            left = line.box[0] + each * start
            box = (left, line.box[1], left + each * len(bare), line.box[3])
            yield Line(bare, box, line.confidence)


def _places_of(word: str, text: str) -> Iterator[tuple[int, int]]:
    """Where OCR has read it, as start and end."""
    letters = [(at, one) for at, sign in enumerate(text) for one in skeleton(sign) if one.isalnum()]
    plain = "".join(one for _, one in letters)
    wanted = "".join(one for sign in word for one in skeleton(sign) if one.isalnum())
    for found in re.finditer(f"(?={re.escape(wanted)})", plain) if wanted else ():
        start = letters[found.start()][0]
        end = letters[found.start() + len(wanted) - 1][0] + 1
        is_whole = not text[start - 1 : start].isalnum() and not text[end : end + 1].isalnum()
        if is_whole or len(wanted) >= _LEAST_PART:
            yield start, end
