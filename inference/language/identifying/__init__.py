"""What identifies a person in a text, by what stands around it: labels, titles, forms of dates."""

from collections.abc import Iterator

from inference.language.identifying.ages import ages
from inference.language.identifying.codes import codes
from inference.language.identifying.dates import dates
from inference.language.identifying.dictation import dictation
from inference.language.identifying.number_forms import number_forms, tails
from inference.language.identifying.people import people
from inference.language.identifying.places import places
from inference.language.identifying.short_dates import short_dates, times_behind
from inference.language.identifying.tables import tables
from inference.language.identifying.wards import address_tails, wards

Found = tuple[str, int, int]
"""The kind, the first character, and the one after the last."""


def by_context(text: str, *, is_released: bool = False) -> Iterator[Found]:
    """`is_released`: the text leaves, so that partial dates, times, ages, wards and forms of
    numbers go as well. What is read on needs them: "the pulse at 18:00"."""
    dated, numbers, located = list(dates(text)), list(codes(text)), list(places(text))
    rows: list[Found] = []
    if is_released:
        yield from ages(text)
        dated += short_dates(text)
        yield from times_behind(text, [end for _, _, end in dated])
        numbers += number_forms(text)
        yield from tails(text, [end for _, _, end in numbers])
        rows += tables(text)
        yield from dictation(text)
        located += wards(text)
        yield from address_tails(text, [end for kind, _, end in located if kind == "ADDRESS"])
    yield from (*dated, *numbers, *rows, *located)
    named = [(start, end) for kind, start, end in rows if kind == "NAME"]
    yield from people(text, [(start, end) for _, start, end in located], named)
