"""Known UIDs in texts and bytes, in time that does not grow with how many are known.

A study has some for each of its thousands of instances, and each file is searched for all of them.
"""

import re
from collections.abc import Collection, Iterator

_TOKEN = re.compile(r"(?<!\d)\d{1,64}(?:\.\d{1,64}){3,}")
_BYTES = re.compile(rb"(?<!\d)\d{1,64}(?:\.\d{1,64}){3,}")
# As UTF-16 in either byte order.
_WIDE_BYTES = re.compile(rb"(?:[\d.]\0){6,}[\d.]?")
_FEWEST_COMPONENTS, _MOST_COMPONENTS = 4, 32


class UidFinder:
    def __init__(self, uids: Collection[str]) -> None:
        """`uids`: of four components at least."""
        self._uids = frozenset(uids)
        counts = [one.count(".") + 1 for one in self._uids]
        self._most = min(max(counts, default=0), _MOST_COMPONENTS)

    def is_in(self, text: str) -> bool:
        return any(self._is_part(match.group()) for match in _TOKEN.finditer(text))

    def is_in_bytes(self, data: bytes) -> bool:
        found = (match.group().decode() for match in _BYTES.finditer(data))
        wide = (match.group().replace(b"\0", b"").decode() for match in _WIDE_BYTES.finditer(data))
        return any(map(self._is_part, found)) or any(map(self.is_in, wide))

    def _is_part(self, token: str) -> bool:
        """Whether one is in a row of numbers, which may begin and end with others."""
        return any(part in self._uids for part in self._parts(token.split(".")))

    def _parts(self, numbers: list[str]) -> Iterator[str]:
        for start in range(len(numbers) - _FEWEST_COMPONENTS + 1):
            stop = min(len(numbers), start + self._most)
            for end in range(start + _FEWEST_COMPONENTS, stop + 1):
                part = ".".join(numbers[start:end])
                yield part
                # Behind a length that is a digit by chance.
                yield part[1:]
