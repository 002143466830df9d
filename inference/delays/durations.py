"""Spans and times as the sentences have them."""

from datetime import datetime, timedelta

_UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"))


def span(length: timedelta) -> str:
    """Such as `40 s`, `3 minutes`, `2 hours`, `5 days`."""
    seconds = max(0, round(length.total_seconds()))
    for size, unit in _UNITS:
        if seconds >= 2 * size or (seconds >= size > 60):
            return count(seconds // size, unit)
    return f"{seconds} s"


def at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def count(number: int, noun: str, several: str = "") -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {several or f'{noun}s'}"


def sentence(text: str) -> str:
    """Somebody else's sentence as a part of one."""
    return text.strip().rstrip(".")
