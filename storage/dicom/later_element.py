"""A sequence that is decoded when its value is asked for, and may stand in many items."""

import copy
from collections.abc import Callable
from typing import Any

from pydicom.dataelem import DataElement
from pydicom.tag import BaseTag


class LaterElement(DataElement):
    def __init__(self, tag: int, size_bytes: int, decode: Callable[[], Any]) -> None:
        """`decode`: gives the items."""
        super().__init__(BaseTag(tag), "SQ", None, already_converted=True)
        self.size_bytes = size_bytes
        """As encoded."""
        self._decode: Callable[[], Any] | None = decode

    @property
    def value(self) -> Any:
        if self._decode is not None:
            self._value = self._decode()
            self._decode = None
        return self._value

    @value.setter
    def value(self, value: Any) -> None:
        self._decode = None
        self._value = self._convert_value(value)

    def _plain(self) -> DataElement:
        return DataElement(self.tag, "SQ", self.value, already_converted=True)

    def __eq__(self, other: object) -> Any:
        return other is self or self._plain() == other

    __hash__ = None  # type: ignore[assignment]

    def __deepcopy__(self, memo: dict[int, Any]) -> DataElement:
        return copy.deepcopy(self._plain(), memo)

    def __copy__(self) -> DataElement:
        return self._plain()

    def __reduce__(self) -> Any:
        return copy.copy, (self._plain(),)
