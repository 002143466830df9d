"""Fields of a page: what stands right of a label, below it, or behind its colon."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from inference.language.documents.pairing.continued import LONGEST_LABEL_WORDS, going_on, is_label
from inference.language.documents.pairing.layout import Piece, Placed, Row
from inference.language.documents.pairing.stacks import stacked_rows
from inference.language.documents.pairing.tables import Table
from inference.language.documents.pairing.topics import units_of

_MOST_LINES_BELOW = 4
_MOST_WORDS_OF_HEADING = 3
_NUMBERING = re.compile(r"^\(?\d{1,3}[.)]$")
_ENDS = re.compile(r"[:：]$")
_COLONS = (":", "：")
_BLANK = re.compile(r"[\W_]*|n/?a|k\.\s?a\.|keine angabe", re.IGNORECASE)


@dataclass(frozen=True)
class Field:
    """`value` is None where the label has none, as on a form that was not filled in."""

    label: str
    label_piece: Piece
    value: Piece | None
    trust: float
    """How sure it is that they belong together, from 0 to 1."""
    is_beside: bool = False


def fields_of(rows: Sequence[Row], in_tables: frozenset[int], is_read: bool) -> Iterator[Field]:
    """`in_tables`: numbers of the rows that tables have, whose cells are paired there."""
    rows = _of_whole_lines(rows, in_tables)
    values: set[int] = set()
    stacked = stacked_rows(rows, in_tables)
    for index, row in enumerate(rows):
        if index in stacked:
            yield from _over_values(row, rows[index + 1])
        if index in stacked or index - 1 in stacked:
            continue
        for place, piece in enumerate(row):
            inline = list(_behind_colons(piece))
            found: list[Field] = []
            if inline:
                found = list(_with_more(inline, rows, index, row[place + 1 :]))
            elif row[0].row not in in_tables and not values.intersection(map(id, piece.words)):
                found = list(_beside_or_below(rows, index, place, is_read))
            for field in found:
                if field.value is not None and (field.is_beside or _names_topic(field.label)):
                    values.update(map(id, field.value.words))
                yield field


def under_heads(tables: Sequence[Table]) -> Iterator[Field]:
    """Of a table with one row, each cell is named by its head alone."""
    for table in tables:
        for row in table.rows if len(table.rows) == 1 else ():
            for column, cell in zip(table.columns, row, strict=True):
                label = label_of(column.head[-1]) if column.head else None
                if label is not None:
                    yield Field(label, column.head[-1], cell, 0.85)


def _over_values(labels: Row, values: Row) -> Iterator[Field]:
    for piece, value in zip(labels, values, strict=True):
        label = label_of(piece)
        if label is not None:
            yield Field(label, piece, None if is_blank(value.text) else value, 0.9)


def _of_whole_lines(rows: Sequence[Row], in_tables: frozenset[int]) -> list[Row]:
    """Lines that overlap in height are one row: a label of two lines beside its value."""
    found: list[list[Piece]] = []
    for row in rows:
        bottom = max(piece.bottom for piece in found[-1]) if found else 0.0
        is_apart = row[0].row in in_tables or any(map(_is_whole, row))
        if not found or is_apart or bottom - row[0].top < 0.2 * row[0].height:
            found.append(list(row))
            continue
        for piece in row:
            above = next(
                (
                    place
                    for place, one in enumerate(found[-1])
                    if abs(one.left - piece.left) < 0.5 * piece.height
                ),
                None,
            )
            if above is None:
                found[-1].append(piece)
            else:
                one = found[-1][above]
                found[-1][above] = one.part((*one.words, *piece.words))
    return [tuple(sorted(row, key=lambda piece: piece.left)) for row in found]


def _is_whole(piece: Piece) -> bool:
    """A label with its value: no second line of a label."""
    return any(field.value is not None for field in _behind_colons(piece))


def label_of(piece: Piece) -> str | None:
    """The piece as a label, without its number; None where it is too long for one."""
    words = [word.text for word in piece.words]
    if words and _NUMBERING.match(words[0]):
        words = words[1:]
    text = " ".join(words).rstrip(":：?. ")
    if not 0 < len(words) <= LONGEST_LABEL_WORDS or len(text) > 70:
        return None
    return text if re.search(r"[^\W\d_]{2}|[A-Z]", text) else None


def is_blank(text: str) -> bool:
    return bool(_BLANK.fullmatch(text.strip()))


def _behind_colons(piece: Piece) -> Iterator[Field]:
    """Of "Name: Doe  Born: 1970" both."""
    words = piece.words
    colons = [
        index
        for index, word in enumerate(words)
        if word.text in _COLONS
        or (word.text.endswith(_COLONS) and re.search(r"[^\W\d_]", word.text))
    ]
    starts = [_start_of_label(words, index, before) for index, before in _with_before(colons)]
    for number, (start, colon) in enumerate(zip(starts, colons, strict=True)):
        end = starts[number + 1] if number + 1 < len(starts) else len(words)
        label_piece = piece.part(words[start : colon + 1])
        label = label_of(label_piece)
        if label is None:
            continue
        value = words[colon + 1 : end]
        text = " ".join(word.text for word in value)
        yield Field(label, label_piece, None if is_blank(text) else piece.part(value), 1.0)


def _with_before(colons: list[int]) -> Iterator[tuple[int, int]]:
    before = -1
    for colon in colons:
        yield colon, before
        before = colon


def _start_of_label(words: Sequence[Placed], colon: int, before: int) -> int:
    """The first label of a piece begins it; a later one is as long as a name that is known."""
    if before < 0:
        text = [word.text for word in words[: colon + 1]]
        ends = [index for index, one in enumerate(text[:-1]) if one.endswith((".", "!", ";"))]
        return ends[-1] + 1 if ends and len(text) > LONGEST_LABEL_WORDS else 0
    for start in range(colon, max(before, colon - LONGEST_LABEL_WORDS), -1):
        before_it = words[start - 1].text
        if before_it.endswith((".", ";", ",")) and not _names_topic(before_it):
            return start
    for start in range(max(before + 1, colon - 3), colon + 1):
        units = units_of(" ".join(word.text for word in words[start : colon + 1]))
        if units and units[0].topic is not None and len(units) == 1 and units[0].at == 0:
            return start
    return colon


def _with_more(
    inline: list[Field], rows: Sequence[Row], index: int, others: Sequence[Piece]
) -> Iterator[Field]:
    """A label at a piece's end has its value right of it, or below."""
    for number, field in enumerate(inline):
        if field.value is not None or number + 1 < len(inline):
            yield field
        elif others and not is_label(others[0]):
            yield Field(field.label, field.label_piece, others[0], 1.0, is_beside=True)
        else:
            below = _below(rows, index, field.label_piece)
            value = None if others and others[0] and below is None else below
            yield Field(field.label, field.label_piece, value, 0.9)


def _beside_or_below(rows: Sequence[Row], index: int, place: int, is_read: bool) -> Iterator[Field]:
    row = rows[index]
    piece = row[place]
    label = label_of(piece)
    if label is None:
        return
    right = row[place + 1] if place + 1 < len(row) else None
    below = _below(rows, index, piece)
    is_over_value = False
    if right is not None and is_label(right):
        right = None
    elif right is not None and _is_head(rows, index, place, below, is_read):
        right, is_over_value = None, True
    elif place:
        is_over_value = _is_head(rows, index, place - 1, below, is_read)
    if right is not None:
        whole = going_on(rows, index, right) if right is row[-1] else right
        yield Field(label, piece, whole, 0.9, is_beside=True)
    elif below is not None and (is_over_value or not _has_values(rows, piece)):
        yield Field(label, piece, below, 0.85)
    else:
        yield Field(label, piece, None, 0.85)


def _is_head(
    rows: Sequence[Row], index: int, place: int, below: Piece | None, is_read: bool
) -> bool:
    """Whether what is right of it is a label too: labels side by side over their values."""
    piece, right = rows[index][place], rows[index][place + 1]
    if _NUMBERING.match(right.words[0].text) and _NUMBERING.match(piece.words[0].text):
        return True
    if _names_topic(right.text):
        return True
    if below is None or is_read or abs(right.height - piece.height) > 0.05 * piece.height:
        return False
    under = _below(rows, index, right)
    return (
        under is not None
        and under.words != below.words
        and all(
            one.height > 1.08 * piece.height
            and abs(one.height - below.height) < 0.05 * below.height
            for one in (below, under)
        )
    )


def _names_topic(text: str) -> bool:
    units = units_of(text)
    return any(unit.topic is not None for unit in units) and all(
        unit.topic is not None or unit.weight < 1 for unit in units
    )


def _is_heading(piece: Piece) -> bool:
    """ "Secondary diagnoses": a few words, the last of which is a topic."""
    units = units_of(piece.text)
    return (
        len(piece.words) <= _MOST_WORDS_OF_HEADING and bool(units) and units[-1].topic is not None
    )


def _has_values(rows: Sequence[Row], piece: Piece) -> bool:
    """Whether it stands in a column of labels whose values are right of them."""
    beside = [
        row
        for row in rows
        if abs(row[0].row - piece.row) <= 3
        and row[0].row != piece.row
        and any(
            abs(other.left - piece.left) < 0.3 * piece.height
            and abs(other.height - piece.height) < 0.15 * piece.height
            for other in row[:-1]
        )
    ]
    return len(beside) >= 2


def _below(rows: Sequence[Row], index: int, piece: Piece) -> Piece | None:
    """The piece under it, with those that go on under that; None where the next is far."""
    found: list[Piece] = []
    bottom, height = piece.bottom, piece.height
    ends = bool(_ENDS.search(piece.text))
    for row in rows[index + 1 : index + 2 + _MOST_LINES_BELOW]:
        under = next((one for one in row if _is_under(one, piece)), None)
        if under is None and ends and not found:
            # A list under its heading is moved in.
            under = next((one for one in row if 0 < one.left - piece.left < 5 * height), None)
        if under is None:
            if row[0].top - bottom > height:
                break
            continue
        near = 1.6 if not found else 0.7
        if under.top - bottom > near * max(height, under.height) or is_label(under):
            break
        if len(rows[index]) == 1 and under is not row[-1] and not ends:
            # A title over labels with their values.
            break
        if found and _is_heading(under):
            break
        if found and abs(under.height - found[0].height) > 0.08 * found[0].height:
            break
        found.append(under)
        bottom, height = under.bottom, under.height
        if len(found) == _MOST_LINES_BELOW:
            break
    words = [word for one in found for word in one.words]
    return piece.part(words) if words and not is_blank(" ".join(w.text for w in words)) else None


def _is_under(one: Piece, piece: Piece) -> bool:
    return abs(one.left - piece.left) < 1.5 * piece.height or (
        piece.left <= (one.left + one.right) / 2 <= piece.right
    )
