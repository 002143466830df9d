"""What of a page could answer: values of fields, cells and boxes, and sentences."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from inference.language.documents.pairing.blocks import is_value
from inference.language.documents.pairing.candidates import YES_NO
from inference.language.documents.pairing.checkboxes import Choice
from inference.language.documents.pairing.fields import Field, is_blank
from inference.language.documents.pairing.layout import Placed
from inference.language.documents.pairing.page_layout import PageLayout
from inference.language.documents.pairing.tables import Table
from inference.language.guard.instructions import gives_orders

Kind = Literal["field", "cell", "choice", "sentence"]
# A label is written in letters.
_LETTERS = re.compile(r"[^\W\d_]{2}")
_LEAST_TRUST = 0.8
_MOST_WORDS_OF_VALUE = 20


@dataclass(frozen=True)
class Candidate:
    kind: Kind
    label: str
    """What the value is called; of a cell its row, and of a sentence nothing."""
    words: tuple[Placed, ...]
    evidence: tuple[Placed, ...]
    page_number: int
    head: str = ""
    """Of a cell what stands over its column."""
    table: int = -1
    row: int = -1

    @property
    def value(self) -> str:
        return " ".join(word.text for word in self.words)

    @property
    def text(self) -> str:
        """As a sentence says it, for its meaning."""
        label = ", ".join(part for part in (self.label, self.head) if part)
        return f"{label}: {self.value}" if label else self.value


def candidates_of(layouts: Sequence[PageLayout]) -> list[Candidate]:
    """Each once, in the order of the pages."""
    found: dict[tuple[str, str, str], Candidate] = {}
    tables = 0
    for layout in layouts:
        for one in _of_page(layout, tables):
            if not gives_orders(one.text):
                found.setdefault((one.label, one.head, one.value), one)
        tables += len(layout.tables)
    return list(found.values())


def _of_page(layout: PageLayout, tables: int) -> Iterator[Candidate]:
    for field in layout.fields:
        yield from _of_field(field)
    for choice in layout.choices:
        yield from _of_choice(choice)
    for number, table in enumerate(layout.tables, start=tables):
        yield from _of_table(table, number)
    for sentence in layout.sentences:
        if not sentence.text.endswith(("?", ":")):
            yield Candidate("sentence", "", sentence.words, sentence.words, sentence.page_number)


def _of_field(field: Field) -> Iterator[Candidate]:
    piece = field.label_piece
    if field.value is not None and len(field.value.words) > _MOST_WORDS_OF_VALUE:
        # Its sentences are candidates by themselves.
        return
    if field.value is None or field.trust < _LEAST_TRUST or not _LETTERS.search(field.label):
        return
    words = field.value.words
    yield Candidate("field", field.label, words, (*piece.words, *words), piece.page_number)


def _of_choice(choice: Choice) -> Iterator[Candidate]:
    evidence = tuple(choice.pieces)
    for is_ticked, words in choice.options:
        text = " ".join(word.text for word in words)
        if not is_ticked or not text:
            continue
        label = choice.label if choice.label else ""
        if label or text.casefold() not in YES_NO:
            yield Candidate("choice", label, tuple(words), (*evidence, *words), choice.page_number)


def _of_table(table: Table, number: int) -> Iterator[Candidate]:
    for at, row in enumerate(table.rows):
        key = next((cell for cell in row if cell is not None), None)
        if key is None or is_value(key.text) or not _LETTERS.search(key.text):
            continue
        for column, cell in zip(table.columns, row, strict=True):
            if cell is None or cell is key or is_blank(cell.text):
                continue
            evidence = (*key.words, *cell.words)
            yield Candidate(
                "cell", key.text, cell.words, evidence, key.page_number, column.text, number, at
            )
