"""Times of the week: when something may happen, by the node's clock."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Self

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = f"(?:{'|'.join(DAYS)})"
_ITEM = re.compile(
    rf"(?P<days>{_DAY}(?:-{_DAY})?(?:,{_DAY}(?:-{_DAY})?){{0,6}})?"
    r"\s*(?P<from>[01]\d|2[0-3]):(?P<from_minute>[0-5]\d)\s*-\s*"
    r"(?P<to>[01]\d|2[0-4]):(?P<to_minute>[0-5]\d)"
)
_DAYS_ALONE = re.compile(rf"{_DAY}(?:-{_DAY})?(?:,{_DAY}(?:-{_DAY})?){{0,6}}")
_WHOLE_DAY_MINUTES = 24 * 60
_MOST_ITEMS = 20
FORM = "20:00-06:00, or with days as in 'mon-fri 20:00-06:00' and 'sat,sun'"


@dataclass(frozen=True)
class _Window:
    """`days`: 0 is Monday. One that ends before it begins ends on the next day."""

    days: frozenset[int]
    begins_minute: int
    ends_minute: int

    def on(self, day: date) -> tuple[datetime, datetime] | None:
        """When it begins and ends, if it begins on that day."""
        if day.weekday() not in self.days:
            return None
        until = self.ends_minute
        if until <= self.begins_minute:
            until += _WHOLE_DAY_MINUTES
        return _at(day, self.begins_minute), _at(day, until)


@dataclass(frozen=True)
class Hours:
    """Windows of time, each on some days of the week; what is outside of all is closed."""

    text: str
    windows: tuple[_Window, ...]

    @classmethod
    def parse(cls, items: Sequence[str]) -> Self:
        """Of texts as `FORM` shows. Raises ValueError with what is wrong."""
        if not items or len(items) > _MOST_ITEMS:
            raise ValueError(f"hours are 1 to {_MOST_ITEMS} entries, each as {FORM}")
        return cls("; ".join(items), tuple(_window(one) for one in items))

    def contains(self, at: datetime) -> bool:
        return self.opens_at(at) == at

    def opens_at(self, at: datetime) -> datetime:
        """`at` where it is within, else when the next window begins; in the zone of `at`."""
        local = at.astimezone()
        begins = []
        for begin, end in self._around(local.date()):
            if begin <= local < end:
                return at
            if begin > local:
                begins.append(begin)
        return min(begins).astimezone(at.tzinfo)

    def closes_at(self, at: datetime) -> datetime:
        """`at` where it is outside, else when the window that it is in ends; by its zone."""
        local = at.astimezone()
        ends = [end for begin, end in self._around(local.date()) if begin <= local < end]
        return max(ends).astimezone(at.tzinfo) if ends else at

    def _around(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        # One that began yesterday may last; the next one of the same weekday is in a week.
        for shift in range(-1, 8):
            for window in self.windows:
                found = window.on(day + timedelta(days=shift))
                if found is not None:
                    yield found


def _at(day: date, minute: int) -> datetime:
    """Of a naive time the system's rules for that day say the offset, which may be another."""
    days, minute = divmod(minute, _WHOLE_DAY_MINUTES)
    clock = time(minute // 60, minute % 60)
    return datetime.combine(day + timedelta(days=days), clock).astimezone()


def _window(item: str) -> _Window:
    text = item.strip().lower()
    if _DAYS_ALONE.fullmatch(text):
        return _Window(_days(text), 0, _WHOLE_DAY_MINUTES)
    found = _ITEM.fullmatch(text)
    if found is None:
        raise ValueError(f"'{item}' is no time of the week; write {FORM}")
    begins = int(found["from"]) * 60 + int(found["from_minute"])
    ends = int(found["to"]) * 60 + int(found["to_minute"])
    if ends > _WHOLE_DAY_MINUTES or begins == ends:
        raise ValueError(f"'{item}' has no two different times of day; write {FORM}")
    return _Window(_days(found["days"] or "mon-sun"), begins, ends)


def _days(text: str) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        begin, end = DAYS.index(first), DAYS.index(last or first)
        found.update((begin + step) % 7 for step in range((end - begin) % 7 + 1))
    return frozenset(found)
