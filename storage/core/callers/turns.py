"""Whose series is decided on next, where some of them take long."""

from collections.abc import Collection, Iterable
from itertools import zip_longest
from typing import NamedTuple, TypeVar

from storage.core.sources import share_of

T = TypeVar("T")
_SOURCES_REMEMBERED = 1_000
_KEPT_SHARE = 0.8
"""Of what a source has used, from round to round: half is forgotten after three."""


class Turn(NamedTuple):
    """Whose it is, and which source of theirs takes it."""

    share: str
    source: str


class Turns:
    """Sources that used the least of the processor lately come first, each with one in turn.

    So a sender of what takes seconds to read waits behind the others, not they behind that one.
    """

    def __init__(self) -> None:
        self._used_s: dict[str, float] = {}

    def begin_round(self) -> None:
        """What was used is forgotten bit by bit."""
        kept = {source: used_s * _KEPT_SHARE for source, used_s in self._used_s.items()}
        self._used_s = {source: used_s for source, used_s in kept.items() if used_s > 0.05}

    def note(self, source: str, used_s: float) -> None:
        """So much of the processor was used for a series of that source."""
        if source in self._used_s or len(self._used_s) < _SOURCES_REMEMBERED:
            self._used_s[source] = self._used_s.get(source, 0.0) + used_s

    def note_turn(self, turn: Turn, used_s: float) -> None:
        """For all whose turn it was, and for the source by itself among them."""
        self.note(turn.share, used_s)
        if turn.source != turn.share:
            self.note(turn.source, used_s)

    def in_turn_of_shares(
        self, waiting: Iterable[tuple[T, str]], known_titles: Collection[str]
    ) -> list[tuple[T, Turn]]:
        """As `in_turn`, where strangers have one turn together, which their titles take one after
        the other (`share_of`)."""
        of_shares = [
            ((one, Turn(share, source)), share)
            for one, source in self.in_turn(waiting)
            for share in (share_of(source, known_titles),)
        ]
        return [one for one, _ in self.in_turn(of_shares)]

    def in_turn(self, waiting: Iterable[tuple[T, str]]) -> list[tuple[T, str]]:
        """Series, or studies, with their sources; those of one source stay in their order."""
        by_source: dict[str, list[tuple[T, str]]] = {}
        for series, source in waiting:
            by_source.setdefault(source, []).append((series, source))
        groups = sorted(by_source.items(), key=lambda one: self._used_s.get(one[0], 0.0))
        rows = zip_longest(*(members for _, members in groups))
        return [one for row in rows for one in row if one is not None]
