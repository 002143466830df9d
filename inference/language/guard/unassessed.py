"""What a text says was not assessed: true of what no finding and no report speaks of."""

from collections.abc import Sequence

from inference.language.guard.assertions.corpus import Corpus
from inference.language.guard.assertions.places import WIDE, within
from inference.language.guard.evidence import STUDY
from inference.language.guard.reading import Reading
from inference.language.guard.subjects import Subject


def is_unassessed(reading: Reading, subjects: Sequence[Subject], corpus: Corpus) -> bool:
    """Whether a sentence says no more than that known things were not assessed, and rightly."""
    triggers = {word.entry.concept for word in reading.words if word.entry.category == "trigger"}
    if triggers != {"unassessed"} or reading.quantities or reading.dates:
        return False
    named = [
        word for word in reading.words if word.entry.category not in ("grammar", "trigger", "side")
    ]
    if not named or any(word.entry.category in ("word", "measure", "change") for word in named):
        return False
    spoken_of = {concept for one in subjects for concept in one.concepts}
    spoken_of |= {
        concept
        for sentence in corpus.sentences
        if sentence.span.source_id != STUDY
        for concept in sentence.concepts
    }
    named_places = {word.entry.concept for word in named}
    around = {wider for one in named_places for wider in within(one)} - WIDE
    return not spoken_of & (named_places | around)
