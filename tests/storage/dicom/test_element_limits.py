"""What is accepted can be read: an instance is counted alike as it arrives and when it is read."""

import struct
from bisect import bisect_left
from io import BytesIO

import pytest
from pydicom.filereader import read_dataset

from storage.core.errors import LimitExceeded
from storage.dicom.element_walker import ElementWalker
from storage.dicom.limited_reads import ReadLimit

TEXT = struct.pack("<HH2sxxL", 0x0009, 0x1010, b"UT", 2) + b"x "
IMPLICIT_TEXT = struct.pack("<HHL", 0x0008, 0x0104, 2) + b"x "
EMPTY_ITEM = struct.pack("<HHL", 0xFFFE, 0xE000, 0)
ITEM_END = struct.pack("<HHL", 0xFFFE, 0xE00D, 0)
ANY_LENGTH = b"\xff\xff\xff\xff"


def item(content: bytes) -> bytes:
    return EMPTY_ITEM[:4] + struct.pack("<L", len(content)) + content


def open_item(content: bytes) -> bytes:
    return EMPTY_ITEM[:4] + ANY_LENGTH + content + ITEM_END


def sequence(items: bytes, head: bytes = b"\x40\x00\x30\xa7SQ\0\0") -> bytes:
    return head + ANY_LENGTH + items + struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)


IMPLICIT_HEAD = b"\x40\x00\x30\xa7"
KINDS = [
    pytest.param(sequence(EMPTY_ITEM * 500), False, id="empty items"),
    pytest.param(sequence(open_item(b"") * 500), False, id="empty items of undefined length"),
    pytest.param(sequence(item(TEXT * 20) * 50), False, id="short items"),
    pytest.param(sequence(item(TEXT * 500)), False, id="a long item"),
    pytest.param(sequence(open_item(TEXT * 500)), False, id="an item of undefined length"),
    pytest.param(sequence(open_item(sequence(b"")) * 200), False, id="empty sequences"),
    pytest.param(
        sequence(open_item(IMPLICIT_TEXT) * 300, b"\x09\x00\x10\x10UN\0\0"), False, id="UN"
    ),
    pytest.param(sequence(item(IMPLICIT_TEXT) * 300, IMPLICIT_HEAD), True, id="Implicit VR"),
    pytest.param(
        sequence(open_item(sequence(EMPTY_ITEM, b"\x09\x00\x10\x10")) * 300, IMPLICIT_HEAD),
        True,
        id="private in Implicit VR",
    ),
]


@pytest.mark.parametrize(("data", "is_implicit"), KINDS)
def test_what_just_passes_as_it_arrives_can_be_read(data: bytes, is_implicit: bool) -> None:
    def passes(max_elements: int) -> bool:
        walker = ElementWalker(
            data, 0, explicit=not is_implicit, big=False, max_elements=max_elements
        )
        try:
            walker.values(())
        except LimitExceeded:
            return False
        return True

    just_enough = bisect_left(range(5000), True, key=passes)
    assert just_enough > 200
    # The top level itself is read as an item is, and not counted.
    read_dataset(ReadLimit(just_enough + 1).of(BytesIO(data)), is_implicit, True)
