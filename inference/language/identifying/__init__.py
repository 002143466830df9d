"""What identifies a person in a text, by what stands around it: labels, titles, forms of dates."""

from collections.abc import Iterator

from inference.language.identifying.ages import ages
from inference.language.identifying.codes import codes
from inference.language.identifying.dates import dates
from inference.language.identifying.people import people
from inference.language.identifying.places import places
from inference.language.identifying.short_dates import short_dates, times_behind

Found = tuple[str, int, int]
"""The kind, the first character, and the one after the last."""


def by_context(text: str) -> Iterator[Found]:
    yield from ages(text)
    dated = [*dates(text), *short_dates(text)]
    yield from dated
    yield from times_behind(text, [end for _, _, end in dated])
    yield from codes(text)
    located = list(places(text))
    yield from located
    yield from people(text, [(start, end) for _, start, end in located])
