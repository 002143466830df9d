"""What the values of one data set take while they are made into JSON.

A value of two bytes becomes an object of a hundred times that: text of a MiB may hold half a
million of them, and a few KiB, deflated, many such texts.
"""

from collections.abc import Callable

from api.dicomweb.formats.json_values import number_size
from storage.core.errors import LimitExceeded

MOST_VALUES_BYTES = 128 * 1024 * 1024
"""Some four million numbers, as the contours of a large structure set, or half a million names."""
# As CPython holds them, in a list.
_VALUE_BYTES = {"PN": 256}
_NUMBER_BYTES = 32
_TEXT_BYTES = 64
_NUMBER_TEXT_VRS = frozenset({"DS", "IS"})


class ValueRoom:
    """Counts values before they are made."""

    def __init__(self, before_many: Callable[[], None] = lambda: None, many_bytes: int = 0) -> None:
        """`before_many` is called once, before they take more than `many_bytes`."""
        self._taken_bytes = 0
        self._before_many = before_many
        self._many_bytes = many_bytes or MOST_VALUES_BYTES
        self._are_many = False

    def take(self, vr: str, value: bytes | str) -> None:
        """Count the values that an encoded one stands for.

        Raises LimitExceeded where those of the data set are too many together.
        """
        size = number_size(vr)
        if size and isinstance(value, bytes):
            self._add(len(value) // size * _NUMBER_BYTES)
            return
        count = value.count(b"\\") if isinstance(value, bytes) else value.count("\\")
        if count:
            each = _NUMBER_BYTES if vr in _NUMBER_TEXT_VRS else _VALUE_BYTES.get(vr, _TEXT_BYTES)
            self._add(count * each)

    def _add(self, size_bytes: int) -> None:
        self._taken_bytes += size_bytes
        if self._taken_bytes > MOST_VALUES_BYTES:
            raise LimitExceeded(
                f"Its values take more than {MOST_VALUES_BYTES >> 20} MiB as JSON.",
                remedy="Retrieve the instance as stored; it has very many values.",
            )
        if self._taken_bytes > self._many_bytes and not self._are_many:
            self._are_many = True
            self._before_many()
