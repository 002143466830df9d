"""What a template leaves to the reader: `[normal|enlarged]` is chosen from, `[___ mm]` filled in.

An empty choice leaves the words out: `[with effusion|]`. Other brackets are text.
"""

import re
from collections.abc import Iterable, Sequence

from storage.core.errors import StateConflict
from storage.reports.entities import ReportSection

_OPEN = re.compile(r"\[(?:[^\[\]|\n]*\|[^\[\]\n]*|_{2,}[^\[\]|\n]*)\]")
_MOST_NAMED = 5
_MOST_CHARACTERS = 60


def open_fields(text: str) -> list[str]:
    """Each as it stands in the text, in its order."""
    return _OPEN.findall(text)


def check_filled_in(sections: Iterable[ReportSection]) -> None:
    """Raises StateConflict where a text that is to be signed has a field that nobody filled in."""
    found = [
        field
        for section in sections
        for sentence in section.sentences
        for field in open_fields(sentence.text)
    ]
    if found:
        raise StateConflict(
            f"The text has {_named(found)}, which nobody has filled in.",
            remedy="Choose, fill in or remove what stands in brackets, and sign then.",
        )


def _named(fields: Sequence[str]) -> str:
    shown = ", ".join(
        one if len(one) <= _MOST_CHARACTERS else f"{one[:_MOST_CHARACTERS]}…]"
        for one in fields[:_MOST_NAMED]
    )
    rest = len(fields) - _MOST_NAMED
    return f"{shown} and {rest} more" if rest > 0 else shown
