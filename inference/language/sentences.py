"""Text into sentences and lines as people of this field write them."""

import re
from collections.abc import Iterator

from inference.language.guard.sections import heading_of
from inference.language.guard.sentences import sentence_ends

_NUMBERED = re.compile(r"^\s*(?:\d{1,2}[.)]|[-*•])\s+")


def split_sentences(text: str) -> list[str]:
    """Its sentences in order. A line that ends without a mark is one too; headings are none.

    A sentence may run over lines that follow each other without a blank one.
    """
    found: list[str] = []
    for block in split_blocks(text):
        found.extend(_of_block(block))
    return found


def split_unfinished(text: str) -> tuple[str, str]:
    """What has ended, and the rest that has no end yet: for text that is still being written."""
    ends = list(sentence_ends(text))
    newline = text.rfind("\n") + 1
    cut = max(ends[-1] if ends else 0, newline)
    return text[:cut], text[cut:]


def split_blocks(text: str) -> Iterator[str]:
    """Lines that belong together: up to a blank line, a heading, or the next list item."""
    lines: list[str] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        starts_again = not line.strip() or heading_of(line) or _NUMBERED.match(line)
        if starts_again and lines:
            yield " ".join(lines)
            lines = []
        if line.strip() and not heading_of(line):
            lines.append(_NUMBERED.sub("", line).strip())
    if lines:
        yield " ".join(lines)


def _of_block(block: str) -> Iterator[str]:
    start = 0
    for end in sentence_ends(block):
        yield block[start:end].strip()
        start = end
    if rest := block[start:].strip():
        yield rest
