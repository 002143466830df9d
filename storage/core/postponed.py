"""What could not be done is left alone for a while, so that it keeps nothing else from its turn."""

import time
from collections.abc import Set as AbstractSet


class Postponed:
    """Identifiers, each for so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until: dict[str, float] = {}

    def add(self, identifier: str) -> None:
        self._until[identifier] = time.monotonic() + self._seconds

    def current(self) -> AbstractSet[str]:
        now = time.monotonic()
        self._until = {one: until for one, until in self._until.items() if until > now}
        return self._until.keys()
