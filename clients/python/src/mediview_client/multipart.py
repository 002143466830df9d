"""Read `multipart/related` as it comes (RFC 2387), as DICOMweb answers several instances."""

import re
from collections.abc import Iterator

from mediview_client.errors import MediViewClientError

_BOUNDARY = re.compile(r'boundary="?([^";,]+)"?', re.IGNORECASE)
_HEAD_END = b"\r\n\r\n"


class PartReader:
    """Takes the pieces of a body and gives the content of each part once it is whole."""

    def __init__(self, content_type: str) -> None:
        found = _BOUNDARY.search(content_type)
        if found is None:
            raise MediViewClientError(f"'{content_type}' is not a multipart answer.")
        self._delimiter = b"\r\n--" + found[1].encode()
        # The first delimiter may have no line before it.
        self._waiting = bytearray(b"\r\n")
        self._searched = 0
        self._is_first = True

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The parts that `piece` completes."""
        self._waiting += piece
        while True:
            end = self._waiting.find(self._delimiter, self._searched)
            if end < 0:
                self._searched = max(0, len(self._waiting) - len(self._delimiter))
                return
            part = bytes(self._waiting[:end])
            del self._waiting[: end + len(self._delimiter)]
            self._searched = 0
            # What comes before the first delimiter is no part.
            if not self._is_first:
                yield part[part.index(_HEAD_END) + len(_HEAD_END) :]
            self._is_first = False
