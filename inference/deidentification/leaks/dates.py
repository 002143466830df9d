"""Dates in the orders, separators and words in which people and systems write them."""

import re
from collections.abc import Collection, Sequence

from inference.deidentification.words import is_known_word

# A match is tried at each digit, so that dates that overlap are found; what it reads has an end.
_NUMBERS = re.compile(
    r"(?<!\d)(?=(\d{1,4})(\s?(?:[^\w\s]|_)\s?|\s)(\d{1,2})\2(\d{4}|\d{1,2})(?!\d))"
)
# A year of two digits stands behind these; numbers between others are times, lists and the like.
_MARKS_OF_SHORT = frozenset("./_-|‐‑‒–—−·'")
# Digits in pieces, divided by one and the same: `2 3 0 4 1 9 3 7`, `23041 937`.
_IN_PIECES = re.compile(
    r"(?<!\d)(?=(\d{1,7}((?:[^\w\s]|_|\s){1,3})\d{1,7}(?:\2\d{1,7}){0,6})(?!\d))"
)
_MONTHS = {
    spelling: number
    for number, spellings in enumerate(
        (
            "jan january januar jaenner janner",
            "feb february februar",
            "mar march marz maerz mrz",
            "apr april",
            "may mai",
            "jun june juni",
            "jul july juli",
            "aug august",
            "sep sept september",
            "oct october okt oktober",
            "nov november",
            "dec december dez dezember",
        ),
        start=1,
    )
    for spelling in spellings.split()
}
_MONTH = rf"({'|'.join(sorted(_MONTHS, key=len, reverse=True))})"
_ORDINAL = r"(?:st|nd|rd|th)?"
_DAY_MONTH = re.compile(
    rf"(?<!\d)(?=(\d{{1,2}}){_ORDINAL}[\W_]{{0,3}}(?:of\s)?{_MONTH}[\W_]{{0,3}}(\d{{4}}|\d\d)(?!\d))"
)
_MONTH_DAY = re.compile(
    rf"(?<![^\W\d_])(?={_MONTH}[\W_]{{0,3}}(\d{{1,2}}){_ORDINAL}[\W_]{{1,3}}(\d{{4}}|\d\d)(?!\d))"
)
_YEAR_MONTH = re.compile(rf"(?<!\d)(?=(\d{{4}})[\W_]{{0,3}}{_MONTH}[\W_]{{0,3}}(\d{{1,2}})(?!\d))")
_ROMAN = {
    numeral: month
    for month, numeral in enumerate("i ii iii iv v vi vii viii ix x xi xii".split(), start=1)
}
_NUMERAL = rf"({'|'.join(sorted(_ROMAN, key=len, reverse=True))})"
_DAY_ROMAN = re.compile(
    rf"(?<!\d)(?=(\d{{1,2}})[\W_]{{1,3}}{_NUMERAL}[\W_]{{1,3}}(\d{{4}}|\d\d)(?!\d))"
)
_YEAR_ROMAN = re.compile(
    rf"(?<!\d)(?=(\d{{4}})[\W_]{{1,3}}{_NUMERAL}[\W_]{{1,3}}(\d{{1,2}})(?!\d))"
)
_DIGITS = re.compile(r"\d{8,}")
_DAY_DIGITS = 8


class DateFinder:
    """Of dates that are known, in time that grows with the text."""

    def __init__(self, dates: Collection[str], initials: Collection[str] = ()) -> None:
        """`dates`: DA values. `initials`: folded, of persons; beside those six digits or a year
        are a date, too."""
        days = [(int(one[:4]), int(one[4:6]), int(one[6:])) for one in dates]
        self._full = set(days)
        self._short = {(year % 100, month, day) for year, month, day in days}
        self._digits = set(dates)
        self._orders = {
            f"{first:02}{second:02}{year:04}"
            for year, month, day in days
            for first, second in ((day, month), (month, day))
        }
        self._beside_initials = {one[2:] for one in dates} | {one[:4] for one in dates}
        self._beside_initials |= {one[:4] + one[6:] for one in self._orders}
        self._initials = _initials(initials)

    def is_in(self, text: str) -> bool:
        """`text`: folded."""
        if not self._digits or not any(one.isdecimal() for one in text):
            return False
        return (
            self._in_digits(text)
            or self._in_numbers(text)
            or self._in_pieces(text)
            or self._in_words(text)
        )

    def _in_digits(self, text: str) -> bool:
        for match in _DIGITS.finditer(text):
            digits = match.group()
            # Other orders stand by chance in the many digits of a UID.
            if len(digits) == _DAY_DIGITS and digits in self._orders:
                return True
            starts = range(len(digits) - _DAY_DIGITS + 1)
            if any(digits[start : start + _DAY_DIGITS] in self._digits for start in starts):
                return True
        return self._initials is not None and any(
            self._is_beside_initials(*(one for one in match.groups() if one))
            for match in self._initials.finditer(text)
        )

    def _is_beside_initials(self, one: str, other: str) -> bool:
        letters, digits = sorted((one, other), key=str.isdecimal)
        # A year also follows `MR`, say, and the modality is nobody.
        is_modality = len(digits) == 4 and is_known_word(re.sub(r"[\W_]", "", letters))
        return digits in self._beside_initials and not is_modality

    def _in_numbers(self, text: str) -> bool:
        for match in _NUMBERS.finditer(text):
            first, mark, second, third = match.groups()
            one, two, three = int(first), int(second), int(third)
            if len(first) == 4 or len(third) == 4:
                if {(one, two, three), (three, two, one), (three, one, two)} & self._full:
                    return True
            elif (
                len(first) <= 2
                and mark.strip() in _MARKS_OF_SHORT
                and not mark.isspace()
                and not _in_chain(text, match)
            ):
                orders = {(three, two, one), (three, one, two)} if len(third) == 2 else set()
                if len(first) == 2:
                    orders.add((one, two, three))
                if orders & self._short:
                    return True
        return False

    def _in_pieces(self, text: str) -> bool:
        """Eight digits together, of which the last piece is the end."""
        for match in _IN_PIECES.finditer(text):
            joined = ""
            for piece in re.findall(r"\d+", match[1]):
                joined += piece
                if len(joined) >= _DAY_DIGITS:
                    break
            if joined in self._digits or joined in self._orders:
                return True
        return False

    def _in_words(self, text: str) -> bool:
        named = (
            *((m[3], m[2], m[1]) for m in _DAY_MONTH.finditer(text)),
            *((m[3], m[1], m[2]) for m in _MONTH_DAY.finditer(text)),
            *((m[1], m[2], m[3]) for m in _YEAR_MONTH.finditer(text)),
            *((m[3], m[2], m[1]) for m in _DAY_ROMAN.finditer(text)),
            *((m[1], m[2], m[3]) for m in _YEAR_ROMAN.finditer(text)),
        )
        return any(
            (int(year), _MONTHS.get(month) or _ROMAN.get(month), int(day))
            in (self._full if len(year) == 4 else self._short)
            for year, month, day in named
        )


class DateInUidFinder:
    """Birth dates in a UID: eight digits of any order in a component, or over two or three
    neighbours, which have no zeros in front."""

    def __init__(self, dates: Collection[str]) -> None:
        """`dates`: DA values."""
        orders = [
            order
            for year, month, day in ((one[:4], one[4:6], one[6:]) for one in dates)
            for order in ((year, month, day), (day, month, year), (month, day, year))
        ]
        self._digits = {"".join(order) for order in orders}
        self._neighbours = {
            tuple(map(int, parts))
            for one, two, three in orders
            for parts in (
                (one + two + three,),
                (one + two, three),
                (one, two + three),
                (one, two, three),
            )
        }

    def is_in(self, components: Sequence[str]) -> bool:
        if any(digits in one for digits in self._digits for one in components):
            return True
        numbers = tuple(map(int, components))
        return any(
            numbers[start : start + count] in self._neighbours
            for count in (1, 2, 3)
            for start in range(len(numbers) - count + 1)
        )


def _in_chain(text: str, match: re.Match[str]) -> bool:
    """Whether it is a part of a longer row of numbers, such as a version or a UID."""
    mark = match.group(2).strip()
    start, end = match.start(), match.end(4)
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    return (before[-1:] == mark and before[:1].isdecimal()) or (
        after[:1] == mark and after[1:].isdecimal()
    )


def _initials(initials: Collection[str]) -> re.Pattern[str] | None:
    """Two or three letters with a date of four or six digits before or behind them."""
    if not initials:
        return None
    spelled = (r"[\W_]{0,2}".join(map(re.escape, one)) for one in sorted(initials))
    letters = f"({'|'.join(spelled)})"
    digits = r"(\d{6}|\d{4})"
    return re.compile(
        rf"(?<![^\W\d_]){letters}[\W_]{{0,3}}{digits}(?!\d)"
        rf"|(?<!\d){digits}[\W_]{{0,3}}{letters}(?![^\W\d_])"
    )
