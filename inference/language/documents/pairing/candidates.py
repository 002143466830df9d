"""What would answer a question, with a score."""

from dataclasses import dataclass
from itertools import pairwise

from inference.language.documents.pairing.layout import Placed

# Of the question's weight that a field, a row or a sentence must have.
LEAST_SHARE = 0.6
YES_NO = frozenset(("yes", "no", "ja", "nein", "y", "n", "j", "unknown", "unbekannt"))


@dataclass(frozen=True)
class Found:
    """What would answer. Without words the document has the field, and nothing in it."""

    words: tuple[Placed, ...]
    evidence: tuple[Placed, ...]
    page_number: int
    score: float

    @property
    def text(self) -> str:
        """As a line reads; what is divided at a line's end is joined."""
        text = ""
        for before, word in pairwise((None, *self.words)):
            is_divided = (
                before is not None
                and before.text.endswith("-")
                and word is not None
                and word.left < before.right
            )
            if word is not None:
                text += word.text if is_divided or not text else f" {word.text}"
        return text


def score_of(share: float, exact: float) -> float:
    return share * (0.62 + 0.38 * exact) if share >= LEAST_SHARE else 0.0
