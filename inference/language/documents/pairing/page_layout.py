"""All that questions to a page are answered from: its fields, boxes, tables and sentences."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from inference.language.documents.days import is_day_first
from inference.language.documents.page import Page, words_of
from inference.language.documents.pairing.checkboxes import Choice, choices_of, has_boxes
from inference.language.documents.pairing.fields import Field, fields_of, under_heads
from inference.language.documents.pairing.layout import Piece, Row, rows_of
from inference.language.documents.pairing.prose import Sentence, sentences_of
from inference.language.documents.pairing.tables import Table, tables_of
from inference.language.documents.pairing.written import dated, signed, within

_LONGEST_TITLE = 6
MOST_WORDS = 40_000
"""Of a document; twenty pages of small print have 30,000."""


@dataclass(frozen=True)
class PageLayout:
    """All that questions are answered from, computed once a page."""

    fields: tuple[Field, ...]
    choices: tuple[Choice, ...]
    tables: tuple[Table, ...]
    sentences: tuple[Sentence, ...]
    pieces: tuple[Piece, ...]
    """Outside of tables."""
    signatures: tuple[Field, ...]
    title: str
    is_day_first: bool | None = None


def layouts_of(pages: Sequence[Page]) -> Iterator[PageLayout]:
    """Of each page, up to the one that exceeds `MOST_WORDS`."""
    count = 0
    day_first = is_day_first(word for page in pages for word, _ in words_of(page))
    for page in pages:
        yield laid_out(page, day_first)
        count += len(words_of(page))
        if count > MOST_WORDS:
            return


def laid_out(page: Page, day_first: bool | None = None) -> PageLayout:
    rows = rows_of(page)
    choices = tuple(choices_of(rows))
    optioned = frozenset(one.row for one in choices if any(words for _, words in one.options))
    tables = tuple(replace(table, is_day_first=day_first) for table in tables_of(rows, optioned))
    boxes = frozenset(row[0].row for row in rows if has_boxes(row))
    in_tables = frozenset(number for table in tables for number in table.row_numbers)
    labels = {word for choice in choices for word in choice.pieces}
    plain = [row for row in rows if row[0].row not in boxes and row[0].words[0] not in labels]
    sentences = tuple(sentences_of(rows, in_tables | boxes))
    runs = [piece for row in rows for piece in row]
    runs += [Piece(one.words, one.page_number, -1) for one in sentences]
    written = [field for run in runs for field in within(run)]
    signatures = tuple(signed(rows))
    fields = fields_of(plain, in_tables, page.is_read)
    return PageLayout(
        (*fields, *under_heads(tables), *written, *signatures, *dated(rows)),
        choices,
        tables,
        sentences,
        tuple(piece for row in plain for piece in row if piece.row not in in_tables),
        signatures,
        _title_of(rows),
        day_first,
    )


def _title_of(rows: Sequence[Row]) -> str:
    """The first line, where it is a title and holds no value."""
    text = rows[0][0].text if rows and len(rows[0]) == 1 else ""
    is_title = len(text.split()) <= _LONGEST_TITLE and not re.search(r"[\d:]", text)
    return text if is_title else ""
