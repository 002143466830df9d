"""Birth dates and identifiers that stand in a number, as private elements may hold them."""

import re
from collections.abc import Collection, Iterator, Sequence
from itertools import permutations

from inference.deidentification.leaks.dates import DateFinder

NUMBER_VRS = frozenset({"AT", "DS", "FD", "FL", "IS", "SL", "SS", "SV", "TM", "UL", "US", "UV"})
_DAY_DIGITS = 8
_SHORTEST_NUMBER = 5
_SHORTEST_OF_PUBLIC = 6
_EXACT = 2.0**53


class NumberFinder:
    """Looks at whole values: a few digits stand in the many of measured values by chance."""

    def __init__(
        self, dates: Collection[str], births: Collection[str], identifiers: Collection[str]
    ) -> None:
        """`dates`, `births`: DA values; of births, a year of two digits counts, too.
        `identifiers`: texts, of which the digits in a row count, and all together."""
        self._dates = DateFinder(dates)
        numbers = {"".join(parts) for one in births for parts in _short_orders(one)}
        for text in identifiers:
            runs = re.findall(r"\d+", text)
            numbers |= {*runs, "".join(runs)}
        # Without the zeros in front: 000101 is 101, which is measured often.
        self._numbers = {one for one in map(_plain, numbers) if len(one) >= _SHORTEST_NUMBER}

    def is_in(self, values: Sequence[str]) -> bool:
        if any(map(self._is_date, values)) or any(map(self._is_number, values)):
            return True
        # Day, month and year, each a value.
        return len(values) == 3 and self._dates.is_in(".".join(values))

    def is_long_one_in(self, values: Sequence[str]) -> bool:
        """A day in eight digits, also with a counter behind it, or an identifier of six or more.

        For elements that state how an image was made, where shorter numbers are common.
        """
        wholes = [_plain(one) for one in map(_whole, values) if len(one) >= _SHORTEST_OF_PUBLIC]
        return any(
            one in self._numbers or (len(one) >= _DAY_DIGITS and self._is_date(one[:_DAY_DIGITS]))
            for one in wholes
        )

    def _is_date(self, value: str) -> bool:
        digits = (re.sub(r"\D", "", value), _whole(value))
        # A number has no zeros in front.
        return any(self._dates.is_in(one.zfill(_DAY_DIGITS)) for one in digits if one)

    def _is_number(self, value: str) -> bool:
        # Without fractions: the digits of what was measured are those of some identifier by chance.
        return _plain(_whole(value)) in self._numbers


def _whole(value: str) -> str:
    """The digits of a whole number, also of 77881.0 and 7.7881e4; else nothing."""
    try:
        number = float(value)
    except ValueError:
        return ""
    return str(abs(int(number))) if number.is_integer() and abs(number) < _EXACT else ""


def _short_orders(date: str) -> Iterator[tuple[str, ...]]:
    yield from permutations((date[2:4], date[4:6], date[6:]))


def _plain(digits: str) -> str:
    return digits.lstrip("0")
