"""A page as rows of pieces: words that stand together, apart from what stands beside them.

Lengths are parts of the page's width, and rows of a scan that lies askew are made level first.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from inference.language.documents.page import Box, Page, around, words_of_line
from inference.language.guard.instructions import gives_orders

MOST_WORDS = 6000
"""Of a page; one of small print has 1,500."""
# Parts of a line's height: words farther apart than this are of two pieces.
_GAP, _GAP_OF_READ = 0.75, 0.4
# Cells of a table may stand nearer, where what begins behind the gap is in line with its like.
_GAP_OF_CELLS, _IN_LINE, _LINES_AROUND, _LEAST_IN_LINE = 0.45, 0.1, 4, 2
# And wider by so much than the page's narrow spaces, which are wide where lines are justified.
_WIDER_THAN_SPACES = 1.5
_COLONS = (":", "：")
_FILLER = re.compile(r"[_.…·‥]{2,}|[|]+")
# What readers of images write without its space: "Allergies:none", "LeidenSie", "1944Date".
GLUED = re.compile(
    r"(?<=[^\W\d_]:)(?=\w)|(?<=[a-zäöüß]{3})(?=[A-ZÄÖÜ][a-zäöüß]{2})|(?<=\d)(?=[A-ZÄÖÜ][a-zäöüß]{3})"
)
_FILLERS = "_.…·"


@dataclass(frozen=True)
class Placed:
    """A word where it stands on the page, and where on the page made level."""

    text: str
    page_box: Box
    left: float
    top: float
    right: float
    bottom: float
    line: int = -1
    """Of an image: which line of the reader it is of."""

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2

    @property
    def height(self) -> float:
        return max(self.bottom - self.top, 1e-6)


@dataclass(frozen=True)
class Piece:
    words: tuple[Placed, ...]
    page_number: int
    row: int

    @cached_property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)

    @cached_property
    def left(self) -> float:
        return self.words[0].left

    @cached_property
    def right(self) -> float:
        return max(word.right for word in self.words)

    @cached_property
    def top(self) -> float:
        return min(word.top for word in self.words)

    @cached_property
    def bottom(self) -> float:
        return max(word.bottom for word in self.words)

    @cached_property
    def height(self) -> float:
        heights = sorted(word.height for word in self.words)
        return heights[len(heights) // 2]

    @property
    def box(self) -> Box:
        return around([word.page_box for word in self.words])

    def part(self, words: Sequence[Placed]) -> "Piece":
        return Piece(tuple(words), self.page_number, self.row)

    def overlaps(self, other: "Piece") -> bool:
        """Whether one stands above the other, at least in part."""
        return min(self.right, other.right) - max(self.left, other.left) > 0


Row = tuple[Piece, ...]


def rows_of(page: Page) -> list[Row]:
    """From top to bottom, each from left to right, without lines that give orders to a reader."""
    lines: list[list[Placed]] = []
    for word in sorted(_placed(page), key=lambda one: one.middle):
        line = next((one for one in reversed(lines[-4:]) if _is_beside(one, word)), None)
        if line is None:
            lines.append([word])
        else:
            line.append(word)
    lines.sort(key=lambda one: sum(word.middle for word in one) / len(one))
    for line in lines:
        line.sort(key=lambda one: one.left)
    cells = _begin_cells(lines)
    rows = []
    for number, line in enumerate(lines):
        if not gives_orders(" ".join(word.text for word in line)):
            rows.append(
                tuple(Piece(tuple(some), page.page_number, number) for some in _apart(line, cells))
            )
    return [row for row in rows if row]


def _is_beside(line: list[Placed], word: Placed) -> bool:
    middle = sum(one.middle for one in line) / len(line)
    return abs(word.middle - middle) < 0.4 * min(word.height, line[0].height)


def _begin_cells(lines: Sequence[Sequence[Placed]]) -> set[Placed]:
    """Words behind a gap wider than a space, in line with such words of lines around."""
    gaps = [
        [
            (word, (word.left - before.right) / min(before.height, word.height))
            for before, word in pairwise(line)
            if word.line < 0
        ]
        for line in lines
    ]
    spaces = sorted(gap for some in gaps for _, gap in some)
    least = max(_GAP_OF_CELLS, _WIDER_THAN_SPACES * spaces[len(spaces) // 5] if spaces else 0.0)
    behind = [[word for word, gap in some if gap > least] for some in gaps]
    found: set[Placed] = set()
    for number, some in enumerate(behind):
        around_it = [
            other
            for at in range(max(0, number - _LINES_AROUND), number + _LINES_AROUND + 1)
            if at != number
            for other in behind[at : at + 1]
        ]
        for word in some:
            in_line = sum(
                any(abs(one.left - word.left) < _IN_LINE * word.height for one in other)
                for other in around_it
            )
            if in_line >= _LEAST_IN_LINE:
                found.add(word)
    return found


def _apart(line: list[Placed], cells: set[Placed]) -> Iterator[list[Placed]]:
    some: list[Placed] = []
    for word in line:
        if _FILLER.fullmatch(word.text):
            if some:
                yield some
            some = []
            continue
        if word.text in _COLONS:
            # "Name      : Doe": it belongs to the label, however far.
            if some:
                yield [*some, word]
            some = []
            continue
        if some and (word in cells or _is_far(some[-1], word)):
            yield some
            some = []
        some.append(word)
    if some:
        yield some


def _is_far(one: Placed, other: Placed) -> bool:
    if one.line >= 0 and one.line == other.line:
        return False
    gap = _GAP if one.line < 0 else _GAP_OF_READ
    return other.left - one.right > gap * min(one.height, other.height)


def _placed(page: Page) -> Iterator[Placed]:
    width, height = page.image.size
    shape = height / max(width, 1)
    count = 0
    for written, box, level, line in _boxes(page, shape):
        bare = written.rstrip(_FILLERS)
        text = bare if len(written) - len(bare) >= 3 else written
        if not text:
            continue
        count += 1
        if count > MOST_WORDS:
            return
        yield Placed(text, box, *level, line)


def _boxes(page: Page, shape: float) -> Iterator[tuple[str, Box, Box, int]]:
    for text, box in page.words:
        left, top, right, bottom = box
        fall = page.slope * (left + right) / 2
        yield text, box, (left, top * shape - fall, right, bottom * shape - fall), -1
    is_read = page.is_read or bool(page.words)
    for number, line in enumerate(page.lines_in_pictures if page.words else page.lines):
        left, top, right, bottom = line.box
        fall = page.slope * (right - left)
        middle = (top + bottom) / 2 * shape - page.slope * (left + right) / 2
        height = max((bottom - top) * shape - abs(fall), (bottom - top) * shape / 2)
        level = (left, middle - height / 2, right, middle + height / 2)
        written = GLUED.sub(" ", line.text) if is_read else line.text
        pieces = zip(words_of_line(written, line.box), words_of_line(written, level), strict=True)
        for (text, box), (_, placed) in pieces:
            yield text, box, placed, number if is_read else -1
