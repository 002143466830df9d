"""Pictures that were made lately, by all that they depend on.

The key is the picture's entity tag: the digest of the instance, the correction of its patient, the
frame and the options. Access to the instance is decided, and recorded in the audit trail, before
anything is looked up here.
"""

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from api.dicomweb.instances.cache import PAUSE_S

_MAX_BYTES = 24 * 1024**2
_MAX_PICTURE_BYTES = 1024**2
_MAX_AGE_S = 600.0


@dataclass(frozen=True)
class Picture:
    """An image file, and why it lacks the colour profile that was asked for, if it does."""

    body: bytes
    lacking: str


class PictureCache:
    """Of one process; what was not asked for for longest leaves first."""

    def __init__(self, max_bytes: int = _MAX_BYTES, max_age_s: float = _MAX_AGE_S) -> None:
        self._max_bytes = max_bytes
        self._max_age_s = max_age_s
        self._kept: OrderedDict[str, tuple[float, Picture]] = OrderedDict()
        self._bytes = 0
        self._paused_until_s = 0.0
        self._lock = threading.Lock()

    def get(self, etag: str) -> Picture | None:
        with self._lock:
            self._forget_old()
            found = self._kept.get(etag)
            if found is None:
                return None
            self._kept.move_to_end(etag)
            return found[1]

    def put(self, etag: str, picture: Picture) -> None:
        size = len(picture.body)
        if size > min(_MAX_PICTURE_BYTES, self._max_bytes):
            return
        with self._lock:
            if time.monotonic() < self._paused_until_s:
                return
            self._remove(etag)
            self._kept[etag] = time.monotonic(), picture
            self._bytes += size
            while self._bytes > self._max_bytes:
                self._remove(next(iter(self._kept)))

    def clear(self) -> None:
        """And keep nothing for a while: it may be made of bytes that were read before."""
        with self._lock:
            self._kept.clear()
            self._bytes = 0
            self._paused_until_s = time.monotonic() + PAUSE_S

    def _forget_old(self) -> None:
        """By when they were made, so that what has been deleted is not kept by being asked for."""
        oldest = time.monotonic() - self._max_age_s
        for etag in [etag for etag, (made, _) in self._kept.items() if made < oldest]:
            self._remove(etag)

    def _remove(self, etag: str) -> None:
        found = self._kept.pop(etag, None)
        if found is not None:
            self._bytes -= len(found[1].body)


PICTURES_MADE = PictureCache()
