"""A sentence that stands in a source word for word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from inference.language.guard.assertions.reading.document import SourceSentence
from inference.language.guard.assertions.reading.parse import Context
from inference.language.guard.characters import folded
from inference.language.guard.evidence import SourceText
from inference.language.guard.instructions import instructs
from inference.language.guard.verdict import SourceSpan


def word_for_word(
    sentence: str, texts: Sequence[SourceText], sources: Sequence[SourceSentence]
) -> SourceSpan | None:
    """Where a source holds the very sentence, with the label of its line where it has one.

    A sentence that says nothing without the heading above it is not taken from under it,
    and none is taken from a prior report, whose sentences are of then.
    """
    stated = _plain(sentence)
    for text in texts:
        if text.kind == "prior report":
            continue
        for span, whole in _stated(text, sources):
            if stated == whole and not instructs(sentence):
                return span
    return None


def _stated(
    text: SourceText, sources: Sequence[SourceSentence]
) -> Iterator[tuple[SourceSpan, str]]:
    for source in sources:
        span = source.span
        if span.source_id != text.source_id or source.taken_back:
            continue
        start = text.text.rfind("\n", 0, span.start) + 1
        label = text.text[start : span.start]
        if label.strip().endswith(":"):
            yield span, _plain(text.text[start : span.end])
        # What stands under the history is stated with its label, unless it says itself when.
        if source.context == Context() and not source.unfounded:
            yield span, _plain(text.text[span.start : span.end])


@lru_cache(maxsize=4096)
def _plain(text: str) -> str:
    return folded(text).casefold().strip(" .")
