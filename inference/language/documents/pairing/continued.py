"""Values that go on in the lines below."""

import re
from collections.abc import Sequence

from inference.language.documents.pairing.layout import Piece, Row

LONGEST_LABEL_WORDS = 7
_MOST_LINES = 4
_ENDS = re.compile(r"[:：]$")


def is_label(piece: Piece) -> bool:
    return any(_ENDS.search(word.text) for word in piece.words[:LONGEST_LABEL_WORDS])


def going_on(rows: Sequence[Row], index: int, value: Piece) -> Piece:
    """The value with the lines under it that have no label of their own beside them."""
    words, bottom = list(value.words), value.bottom
    for row in rows[index + 1 : index + 1 + _MOST_LINES]:
        one = row[0]
        goes_on = (
            len(row) == 1
            and abs(one.left - value.left) < 0.5 * value.height
            and abs(one.height - value.height) < 0.08 * value.height
            and one.top - bottom < 0.7 * value.height
        )
        if not goes_on or is_label(one):
            break
        words += one.words
        bottom = one.bottom
    return value.part(words)
