"""What OCR saw on a page, remembered for the next question about it.

In this process alone, for some minutes and some pages: it is a patient's text.
"""

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

REMEMBERED_S = 15 * 60
MOST_PAGES = 64
MOST_LINES = 20_000
"""Of all pages together: some megabytes."""


@dataclass(frozen=True)
class _Seen:
    values: dict[str, Any]
    lines: int
    until: float


class ReadOnce:
    """By the digest of a page's pixels. Safe for threads."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._seen: OrderedDict[str, _Seen] = OrderedDict()

    def values(
        self, pixels: bytes, size: tuple[int, int], read: Callable[[], dict[str, Any]]
    ) -> dict[str, Any]:
        """What `read` gives for this page, by asking it once. Its errors are not remembered."""
        digest = hashlib.sha256(f"{size[0]}x{size[1]}".encode() + pixels).hexdigest()
        with self._lock:
            self._forget()
            if digest in self._seen:
                self._seen.move_to_end(digest)
                return self._seen[digest].values
        values = read()
        with self._lock:
            until = self._now() + REMEMBERED_S
            self._seen[digest] = _Seen(values, len(values["lines"]), until)
            self._forget()
        return values

    def _forget(self) -> None:
        now = self._now()
        for digest in [digest for digest, one in self._seen.items() if one.until <= now]:
            del self._seen[digest]
        while self._seen and (
            len(self._seen) > MOST_PAGES
            or sum(one.lines for one in self._seen.values()) > MOST_LINES
        ):
            self._seen.popitem(last=False)
