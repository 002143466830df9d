"""Text that talks to a model instead of about a patient.

A report, a DICOM attribute or a scanned page is data. A sentence in it that gives orders to
a machine that reads it is taken out before a model or a summary sees it, and is reported.
What slips through meets the guard, which lets nothing pass that the findings do not support.
"""

import re
from dataclasses import dataclass

from inference.language.guard.instructions import gives_orders, without_marks
from inference.language.sentences import split_sentences


@dataclass(frozen=True)
class Cleaned:
    """A text without what gives orders; `removed` are the sentences that did."""

    text: str
    removed: tuple[str, ...]


def without_orders(text: str) -> Cleaned:
    """Take out each sentence that gives orders to a model, with what it says.

    A text without such a sentence comes back as it was.
    """
    removed = [one for one in split_sentences(text) if gives_orders(one)]
    for sentence in removed:
        # It may run over lines of the source.
        words = r"\s+".join(re.escape(word) for word in sentence.split())
        text = re.sub(words, " ", text, count=1)
    return Cleaned(without_marks(text), tuple(removed))
