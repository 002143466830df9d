"""Boxes to tick: which of the options behind a label are marked."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from inference.language.documents.pairing.candidates import YES_NO
from inference.language.documents.pairing.layout import Piece, Placed, Row

# Chinese signs are what the reader of images takes boxes for.
_EMPTY = frozenset("☐ □ ◻ ❏ ○ ◯ ▢ [] [_] () 口 囗".split())
_TICKED = frozenset(
    "☒ ☑ ■ ◼ ✓ ✔ ✗ ✘ ● ◉ ☓ 🗹 [x] [X] (x) (X) ⊠ 区 図 图 凶 冈 网 囚 因 困 囟".split()
)
_JOINED = re.compile(r"^([\[(][xX_]?[\])]|[☐□☒☑■✓✔✗])(.+)$")


@dataclass
class Choice:
    label: str
    pieces: list[Placed]
    options: list[tuple[bool, list[Placed]]] = field(default_factory=list)
    page_number: int = 0
    row: int = 0

    @property
    def marked(self) -> list[list[Placed]]:
        return [words for is_ticked, words in self.options if is_ticked and words]


def choices_of(rows: Sequence[Row]) -> Iterator[Choice]:
    """Rows with a box on them, named by what stands before them, or by the row of heads above."""
    heads: Row = ()
    for row in rows:
        if not has_boxes(row):
            heads = row
            continue
        words = [word for piece in row for word in _tokens(piece)]
        answers = _answers_over(words, heads)
        if answers:
            yield _under_answers(words, row, answers)
        elif _mark(words[0].text) is not None and len(heads) > 1:
            yield from _under_labels(words, row, heads)
        else:
            heads = ()
            yield from _of_row(words, row)


def _answers_over(words: Sequence[Placed], heads: Row) -> list[tuple[Placed, Placed]]:
    """Each box with the answer over its column: "yes" and "no" over boxes of their own."""
    named = [word for piece in heads for word in piece.words if word.text.casefold() in YES_NO]
    boxes = [word for word in words if _mark(word.text) is not None]
    if len(boxes) < 2 or len(named) != len(boxes):
        return []
    pairs = list(zip(boxes, sorted(named, key=lambda one: one.left), strict=True))
    is_over = all(
        one.left - one.height < (box.left + box.right) / 2 < one.right + one.height
        for box, one in pairs
    )
    return pairs if is_over else []


def _under_answers(
    words: Sequence[Placed], row: Row, answers: Sequence[tuple[Placed, Placed]]
) -> Choice:
    """ "Allergies [x] [ ] latex": what stands behind the boxes goes with what is ticked."""
    label = [word for word in words if word.right <= answers[0][0].left]
    remark = [word for word in words if word.left >= answers[-1][0].right]
    choice = Choice(_text(label), label, [], row[0].page_number, row[0].row)
    for box, answer in answers:
        is_ticked = bool(_mark(box.text))
        choice.options.append((is_ticked, [answer, *remark] if is_ticked else [answer]))
    return choice


def _under_labels(words: Sequence[Placed], row: Row, heads: Row) -> Iterator[Choice]:
    """Groups of options side by side, each under its label."""
    for number, piece in enumerate(heads):
        end = heads[number + 1].left if number + 1 < len(heads) else float("inf")
        some = [
            word for word in words if piece.left - piece.height < word.left < end - piece.height
        ]
        marks = [at for at, word in enumerate(some) if _mark(word.text) is not None]
        if not marks or marks[0] != 0:
            continue
        label = list(piece.words)
        for choice in _before(some, marks):
            yield Choice(_text(label), label, choice.options, row[0].page_number, row[0].row)


def has_boxes(row: Row) -> bool:
    return any(_mark(word.text) is not None for piece in row for word in _tokens(piece))


def _tokens(piece: Piece) -> Iterator[Placed]:
    words = list(piece.words)
    at = 0
    while at < len(words):
        word = words[at]
        # "[ ]" is read as two words.
        if word.text in ("[", "(") and at + 1 < len(words) and words[at + 1].text in ("]", ")"):
            after = words[at + 1]
            yield Placed(word.text + after.text, word.page_box, word.left, word.top, after.right,
                         word.bottom, word.line)  # fmt: skip
            at += 2
            continue
        joined = _JOINED.match(word.text)
        if joined:
            for text in joined.groups():
                yield Placed(text, word.page_box, word.left, word.top, word.right, word.bottom,
                             word.line)  # fmt: skip
        else:
            yield word
        at += 1


def _mark(text: str) -> bool | None:
    if text in _TICKED:
        return True
    return False if text in _EMPTY else None


def _of_row(words: list[Placed], row: Row) -> Iterator[Choice]:
    marks = [index for index, word in enumerate(words) if _mark(word.text) is not None]
    first = words[: marks[0]]
    # "Yes [ ] No [x]": the last word is a box.
    is_before = _is_label_end(first) or marks[-1] != len(words) - 1
    groups = _before(words, marks) if is_before else _behind(words, marks)
    for choice in groups:
        choice.page_number, choice.row = row[0].page_number, row[0].row
        yield choice


def _is_label_end(words: list[Placed]) -> bool:
    return bool(words) and words[-1].text.endswith((":", "?"))


def _before(words: list[Placed], marks: list[int]) -> Iterator[Choice]:
    """Each box before its option; after an option a further label may come, up to a colon."""
    label = words[: marks[0]]
    choice = Choice(_text(label), label)
    for number, mark in enumerate(marks):
        end = marks[number + 1] if number + 1 < len(marks) else len(words)
        option, further = _option(words[mark + 1 : end])
        choice.options.append((bool(_mark(words[mark].text)), option))
        if further and number + 1 < len(marks):
            yield choice
            choice = Choice(_text(further), further)
    yield choice


def _option(words: list[Placed]) -> tuple[list[Placed], list[Placed]]:
    if not _is_label_end(words):
        return words, []
    gaps = [(words[index].left - words[index - 1].right, index) for index in range(1, len(words))]
    # Where nothing is wider than a space, the option is one word.
    at = max(gaps)[1] if gaps and max(gaps)[0] > 0.5 * words[0].height else 1
    return words[:at], words[at:]


def _behind(words: list[Placed], marks: list[int]) -> Iterator[Choice]:
    """Each box behind its option: "Yes [ ] No [x]"."""
    start = _start_of_option(words[: marks[0]])
    choice = Choice(_text(words[:start]), words[:start])
    for mark in marks:
        choice.options.append((bool(_mark(words[mark].text)), words[start:mark]))
        start = mark + 1
    yield choice


def _start_of_option(words: list[Placed]) -> int:
    """Of "Diabetes  Yes [ ]", where the first option begins: behind the widest gap."""
    if len(words) < 2:
        return 0
    if words[-1].text.casefold() in YES_NO:
        return len(words) - 1
    gaps = [(words[index].left - words[index - 1].right, index) for index in range(1, len(words))]
    return max(gaps)[1] if max(gaps)[0] > 0.75 * words[0].height else 0


def _text(words: Sequence[Placed]) -> str:
    return " ".join(word.text for word in words).rstrip(":? ")
