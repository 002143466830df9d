"""Have pydicom pass elements without keeping them, to see whether it can.

What it reads it keeps: a kilobyte for each item, some hundred bytes for each element. While
`keeping_nothing`, one element and one item stand for all.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from storage.core.callers.long_work import begin_long_work

_ELEMENTS_A_PAUSE = 512
"""Some five milliseconds of pydicom's, as long as a thread keeps the interpreter's lock."""
_STANDS_FOR_ALL = 0x00090010
"""A tag that means nothing to pydicom."""


class _Passing:
    def __init__(self) -> None:
        self._count = 0
        self._work = begin_long_work()

    def count(self) -> None:
        self._count += 1
        if self._work is not None and not self._count % _ELEMENTS_A_PAUSE:
            self._work.pause()


_PASSING: ContextVar[_Passing | None] = ContextVar("passing", default=None)


@contextmanager
def keeping_nothing() -> Iterator[None]:
    """What pydicom reads inside has one element at most, whatever was read."""
    token = _PASSING.set(_Passing())
    try:
        yield
    finally:
        _PASSING.reset(token)


def have_pydicom_keep_nothing() -> None:
    """Where it is asked for, by `keeping_nothing`; to be called once."""
    from pydicom import filereader
    from pydicom.dataelem import RawDataElement
    from pydicom.dataset import Dataset
    from pydicom.tag import BaseTag

    generate, read_item = filereader.data_element_generator, filereader.read_sequence_item
    element = RawDataElement(BaseTag(_STANDS_FOR_ALL), "LO", 0, b"", 0, False, True)

    class PassedItem(Dataset):
        # Setting an attribute costs pydicom 3 µs, to find out whether it names an element.
        __setattr__ = object.__setattr__  # type: ignore[assignment]

    item = PassedItem()

    def data_set(*given: Any, **named: Any) -> Dataset:
        return Dataset(*given, **named) if _PASSING.get() is None else item

    def elements(*given: Any, **named: Any) -> Iterator[Any]:
        found, passing = generate(*given, **named), _PASSING.get()
        return found if passing is None else passed(found, passing)

    def passed(found: Iterator[Any], passing: _Passing) -> Iterator[RawDataElement]:
        for _ in found:
            passing.count()
            yield element

    def one_item(*given: Any, **named: Any) -> Dataset | None:
        found, passing = read_item(*given, **named), _PASSING.get()
        if found is None or passing is None:
            return found
        passing.count()
        return item

    vars(filereader)["Dataset"] = data_set
    vars(filereader)["data_element_generator"] = elements
    vars(filereader)["read_sequence_item"] = one_item
