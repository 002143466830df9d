"""Where the values of a JSON text stand, so that a mistake in one can be shown at its line."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from re import compile as pattern

Place = tuple[int, int]
"""Line and column, both from 1."""
Path = tuple[str | int, ...]
_DECODER = json.JSONDecoder()
_BLANK = pattern(r"[ \t\n\r]*")
_PLAIN = pattern(r"[^\s,\]}]+")


def places_in(text: str) -> dict[Path, Place]:
    """Of each value by its path: keys of objects, indices of lists; () is the whole.

    A value in an object is at its key. The text is JSON that has been read before
    (`load_bounded_json`), so that it is bounded. Raises ValueError where it is none.
    """
    lines = _beginnings(text)
    return {path: _place(lines, at) for path, at in _Scanner(text).found()}


def _beginnings(text: str) -> list[int]:
    """Of the lines."""
    return [0, *(at + 1 for at, character in enumerate(text) if character == "\n")]


@dataclass(frozen=True)
class Repeated:
    """A key that an object has twice: its path, where it stands first, and where again."""

    path: Path
    first: Place
    again: Place

    @property
    def sentence(self) -> str:
        path = ".".join(map(str, self.path))
        (line, _), (other, _) = self.first, self.again
        lines = f"in line {line}" if line == other else f"in lines {line} and {other}"
        return f"{path} stands twice, {lines}; which of the two is meant cannot be known."


def repeated_in(text: str) -> Repeated | None:
    """The first key that an object of a JSON text has twice. The text as for `places_in`."""
    lines = _beginnings(text)
    # The same path comes again below a key that stands twice, and after it.
    seen: dict[Path, int] = {}
    for path, at in _Scanner(text).found():
        if path in seen:
            return Repeated(path, _place(lines, seen[path]), _place(lines, at))
        seen[path] = at
    return None


def nearest_place(places: dict[Path, Place], path: Sequence[str | int]) -> Place:
    """That of the value, or of the innermost one around it that is there."""
    for length in range(len(path), -1, -1):
        place = places.get(tuple(path[:length]))
        if place is not None:
            return place
    return 1, 1


def _place(lines: Sequence[int], at: int) -> Place:
    low, high = 0, len(lines)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if lines[middle] <= at else (low, middle)
    return low + 1, at - lines[low] + 1


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def found(self) -> Iterator[tuple[Path, int]]:
        yield from self._value((), self._blank())

    def _value(self, path: Path, at: int) -> Iterator[tuple[Path, int]]:
        yield path, at
        first = self._text[self._at : self._at + 1]
        if first == "{":
            yield from self._members(path)
        elif first == "[":
            yield from self._items(path)
        elif first == '"':
            _, self._at = _DECODER.raw_decode(self._text, self._at)
        elif plain := _PLAIN.match(self._text, self._at):
            self._at = plain.end()
        else:
            raise json.JSONDecodeError("Expecting value", self._text, self._at)

    def _members(self, path: Path) -> Iterator[tuple[Path, int]]:
        while self._goes_on("}"):
            at = self._blank()
            if self._text[at : at + 1] != '"':
                raise json.JSONDecodeError("Expecting property name", self._text, at)
            key, self._at = _DECODER.raw_decode(self._text, at)
            self._blank()
            self._at += 1  # the colon
            self._blank()
            yield from self._value((*path, key), at)

    def _items(self, path: Path) -> Iterator[tuple[Path, int]]:
        index = 0
        while self._goes_on("]"):
            yield from self._value((*path, index), self._blank())
            index += 1

    def _goes_on(self, end: str) -> bool:
        """Past the bracket or comma; False at the end, which is passed, too."""
        at = self._blank()
        if self._text[at : at + 1] == end:
            self._at += 1
            return False
        if at >= len(self._text):
            raise json.JSONDecodeError("Expecting an end", self._text, at)
        self._at += 1
        at = self._blank()
        if self._text[at : at + 1] == end:
            self._at += 1
            return False
        return True

    def _blank(self) -> int:
        match = _BLANK.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return self._at
